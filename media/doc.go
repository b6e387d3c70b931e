// Package media is where bytes come in and bytes go out: packets and messages
// of named feeds, streams that make one program of several feeds, a bounded
// queue for every reader, and recordings. It reads what a feed is sent as an
// io.Reader, and hands out what a destination is to write as Messages that its
// writer takes. It does not know what they come from or go to: it imports
// neither the network nor the protocol of commands, and nothing in it dials,
// listens, retries or reads a rule's JSON (TestImports). Its own rooms are
// mpegts (the wire format), program (what a stream does to packets) and
// tscheck (what is wrong with a transport stream).
//
// # How it flows
//
// A Post is one source. Its Copy cuts what comes into chunks of whole packets of
// 188 bytes and passes each on as soon as it has arrived; what has arrived together
// goes together (TestWhatHasComeTogetherIsWrittenTogether). A Router knows feeds
// and streams by name and hands a chunk to the queue of every Subscriber of the
// feed, and by way of the streams that the feed is part of to theirs. One
// goroutine a Subscriber takes Messages from its queue and says when each is
// Done, or has that done by Forward. No other goroutine is started here, and nobody
// who passes a chunk on ever waits for one who writes: he writes what a Writer
// takes at once, and leaves the rest to that goroutine
// (TestWhoBringsAChunkWritesItWhereNobodyNeedsToWait,
// TestWhatIsLeftOfAMessageIsWrittenBeforeTheNext, TestAWriterThatHasFailedIsNotTriedAgain).
//
// A feed is bytes: its readers get what came in, unchanged
// (TestBytesPassUnchangedHoweverTheyAreCut). A stream is one valid program,
// whatever its feeds are made of. Messages that are no packets pass as they are,
// and leave streams alone that carry packets
// (TestMessagesPassAStreamOfNoTransportStream).
//
// # Invariants
//
// A packet is passed on before more bytes come, without a timer; what is in no
// packet is skipped and counted; nothing but whole packets leaves, whatever came
// in: TestPacketIsPassedOnBeforeMoreBytesCome, TestReaderFindsThePacketsAgain,
// FuzzReader. What is no transport stream is refused after 1 MiB and leaves the
// feed as it was: TestWhatIsNoTransportStreamIsRefused,
// TestPostThatIsNoTransportStreamLeavesTheFeedAsItWas.
//
// Packets of two posts are never mixed; the later one has the feed from its
// first packet on: TestPacketsOfTwoPostsAreNeverMixed,
// TestSecondPostTakesOverWithItsFirstPacket.
//
// A chunk is immutable once it is published. Every queue shares it, none copies
// it, and its buffer is used again when the last has let go of it:
// TestSlowReaderNeverSeesChangedBytes,
// TestBufferOfAMutedChunkIsNotUsedAgainBeforeTheMuteIsOver.
//
// A queue holds at most 8 MiB and 2 s, 200 bytes counted for each message besides
// its own, and costs the same however much waits
// (TestFloodOfTinyMessagesIsBoundedAndHoldsNobodyUp). When it is full it drops everything up to
// the newest random access point in it (all, if that is near its head or there
// is none; the oldest, of messages), and counts it:
// TestFullQueueDropsToTheNewestRandomAccessPoint,
// TestFullQueueDropsAllWhereNoRandomAccessPointMakesRoom,
// TestFullQueueDropsTheOldestMessages. Who never reads is felt by nobody else:
// TestSlowReaderNeverSeesChangedBytes, TestDropsOfAStreamAreLegalOnThatLinkAlone.
//
// Every Message of packets is whole packets, 64 KiB at most where it was joined;
// other messages are never joined, cut or reordered: TestBacklogOfPacketsIsJoined,
// TestMessagesOfAStreamWithGapsAreNoLonger, TestMessagesAreNeverJoinedCutOrReordered.
//
// When SetStreams, SetMutes, Follow or Close has returned, nothing of what it
// removed is handed out, neither from a backlog nor again after a write that
// failed; when the PendingWrites' Wait has returned too, no write of it goes on that
// has not been told to end: TestNothingThatWasRemovedIsHandedOut,
// TestOwnersMuteOfAFeedHoldsForThoseBeyondTheMachine,
// TestWriteThatFailedAfterAMuteIsNotHandedOutAgain,
// TestMuteWaitsForAWriteThatHoldsWhatItRemoves, TestAMuteWaitsForAMessageThatWasBegun. What is left of a backlog is
// worked out once and shared by all queues, and a mute is decided once for each
// feed and stream: TestMuteOfABacklogIsSharedByAllQueues,
// TestMuteIsDecidedOncePerFeedAndStream.
//
// Of a feed that is muted in part leave its PAT and PMT, and tracks that are
// known to be of another kind. A packet is judged by the tables under which it
// came in. What is of unknown kind, messages too, is muted by either part:
// TestOfAFeedMutedInPartLeavesWhatIsKnownToBeOfAnotherKind,
// TestAPacketIsJudgedByTheTablesUnderWhichItCameIn,
// TestFeedOfMessagesMutedInPartIsMutedWhole,
// TestOfNoCodingThatFFmpegKnowsDoesAMutedPartLeave. What a stream fills it with does not
// tell what comes in: TestFeedMutedInPartMayGainAndLoseWhatIsMuted. No rules make a loop:
// TestNoRulesMakeALoop. What is said to leave is what is
// being written or was: TestOnAirIsWhatLeaves, TestSentCountsWhatLeaves.
//
// In a stream a gap of one reader is announced to that reader alone, and its
// counters never break otherwise: TestDropsOfAStreamAreLegalOnThatLinkAlone,
// TestDropsDuringAWriteThatFailsAreLegal, TestFiftyMutesUnderBacklogAreSound,
// TestWhatIsMutedInTheMiddleOfABacklogIsBridgedThere, TestFollowGoesOnOnTheSameLink. A link that is up again tells of its gap, and where the
// past is sent once more of its time: TestReaderThatStartsAgainIsToldOfTheGap.
//
// Who joins is given PAT and PMT and what came since the last random access
// point of the video, where that is at most 1 s and 4 MiB; never pictures or
// sound from before its rule or from before a mute:
// TestJoinerGetsEverythingSinceTheLastRandomAccessPoint,
// TestJoinerGetsThePastOnlyWhereItIsShort, TestDestinationGetsNothingFromBeforeItsRule,
// TestMuteEmptiesTheStart; nor of what goes on until its replacement can start:
// TestWhoJoinsGetsNothingOfWhatIsReplaced. Else it waits for the next such point, 2 s at most, and
// is not handed half a group of pictures; without video it starts at once:
// TestJoinerWaitsForARandomAccessPointFor2SecondsAtMost,
// TestNewDestinationOfAStreamStartsAtARandomAccessPoint, TestJoinerOfAFeedWithoutVideoStartsAtOnce.
//
// A stream keeps its PIDs, counters and clock while anybody names it, and is
// silent while it has no rule: TestDeletedStreamIsSilentAndComesBackAsItWas.
// A feed is forgotten a minute after its last use:
// TestFeedIsForgottenAMinuteAfterItsLastUse.
//
// A recording stays in its folder, overwrites nothing and is its user's alone
// (TestRecordingDoesNotLeaveItsFolder, TestNewRecordingLeavesOldOnesAlone,
// TestRecordingsAreForTheirUserAlone), is whole packets even where the disk is full
// (TestWriteThatFailsLeavesWholePackets), and is complete when its context ends
// (TestRecordingIsCompleteWhenItsContextEnds). All of a folder together leave a
// part of the disk and of its files free (TestRecordingEndsWhenTheDiskIsNearlyFull,
// TestAllRecordingsTogetherLeaveAPartOfTheDiskFree, TestRecordingsLeaveFilesFree).
// Of what is muted no write to it begins (TestNoWriteToARecordingBeginsAfterAMute),
// and what a slow disk makes it miss is told (TestHoleInARecordingIsTold).
//
// A folder may bound the age and size of its recordings: then the oldest are
// deleted, never another file, nor one that is being written
// (TestOldestRecordingsAreDeletedBeyondWhatIsKept, TestNothingButOwnRecordingsIsDeleted,
// TestRecordingThatTookTheNameOfOneMovedAwayCountsOnce).
//
// # Locks
//
// They are taken in this order: changing, which one who re-wires holds from the
// beginning to the end; the Router's (for reading while a chunk passes, for
// writing while something is re-wired, which is short), a feed's, a stream's, a
// queue's.
// None is held while anything is written, read or waited for. Who tries a Writer
// holds the queue's trying, for which nobody waits who passes a chunk on.
//
// # Benchmarks
//
// make bench runs them, against the last tag, and compares BenchmarkLink (in agent)
// with the least that a program can do for the job: one goroutine that reads a body
// and writes what it read, without queue, isolation or checks. What a packet costs is
// mostly the kernel's work and, below 10 Mbit/s, the waking of a core for a few
// kilobytes; of 1.1 CPU-seconds per GB that one feed of 50 readers costs, system calls
// are 0.8, masking 0.14 and this package 0.1.
//
// Kept, by what each gave at one feed to one reader: writing on the goroutine that read
// (a third at 4 Mbit/s, a sixth at 50), reading a post 64 KiB at a time and joining what
// has come together (a fifth at 200 Mbit/s), packets of one picture taken together (a
// third of a stream at 200 Mbit/s).
//
// Tried and not kept: GOMAXPROCS=1, which is as good at 4 Mbit/s as writing where one
// reads and delays all that shares the processor; profile-guided optimisation (5 % at
// 50 Mbit/s, and worse at 4, where code is cold); no fast start (10 % at 800 Mbit/s:
// what it keeps is no longer in the cache when it is written again); no limit of what
// the kernel holds unsent (nothing).
package media
