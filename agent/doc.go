// Package agent puts vw together: New builds all of an agent of its rooms, Run
// starts them, waits, and stops them. What a command means is command's business,
// what a packet is media's; each room of the agent says in its package comment
// what it is for and what it must not know.
//
//	link     one outbound websocket that comes back
//	owner    mutes and lock
//	state    what outlives the program
//	journal  who changed what
//	status   what is reported, and what it means
//	forward  destination rules to links
//	channel  the command channel
//	devices  cameras and microphones of this machine
//	local    HTTP on loopback, and the page
//	client   HTTP on loopback, from the other end
//
// # The path of a packet
//
//  1. A source posts to /ts/<feed>, which is one of local.Routes.
//  2. media.Router.Post returns the feed's media.Post.
//  3. media.Post.Copy reads the body and hands whole packets on as they come.
//  4. Where a stream rule names the feed, package program makes one program of the
//     stream's feeds: media.Router.SetStreams has told it which.
//  5. The packets wait in the bounded queue of each media.Subscriber of the feed or
//     stream. A destination has one, which forward.Forwarder made.
//  6. Its sender, which is a link.Session, is served while its link.Link is up: it
//     calls media.Subscriber.Forward, which makes a media.Message of what waits.
//  7. link.Conn.TryWrite, on the goroutine of media.Post.Copy, makes one binary
//     websocket message of that and writes what the kernel takes of it at once.
//  8. Where something is left, and where a backlog waits, link.Conn.Write does it on
//     the sender's own goroutine.
//
// # The path of a command
//
//  1. Text comes in on the link.Link of channel.Channel, or on /ws/api.
//  2. channel.Channel.Answer hands it to command.Handler.Handle. REST calls
//     command.Handler.AddStream and its like: there is one table and one policy.
//  3. In its turn the handler asks command.Effects.Admit for a destination rule:
//     forward.Forwarder.Admit checks link.Policy and opens the file.
//  4. Under the table's lock it calls command.Effects.Apply, which waits for nothing.
//  5. That calls media.Router.SetStreams, forward.Forwarder.Apply, which starts,
//     changes and ends links, and channel.Channel.Apply, which begins a trial.
//  6. The handler waits for command.Applied.Pending: until what was removed has
//     stopped, and until state.Store.Save has returned.
//  7. The reply goes back by link.Conn.WriteText, on the link that asked.
//
// # Invariants
//
// If one of these breaks the design is wrong. Each names the tests that hold it.
//
//   - A reply to a change means that it is accepted and that what it removed has
//     stopped: no write begins any more that holds a packet of it, to a socket or
//     a file, and one that had begun is cut after 100 ms:
//     TestNothingOfAMutedFeedLeavesAfterTheReply, TestTheBacklogOfAMutedFeedStaysWhereItIs,
//     TestAChangedStreamIsImmediateOnTheSameLink,
//     TestAFeedThatWasMutedIsNotShownToWhoJoinsLater.
//   - A destination whose URL changes loses nothing and repeats nothing: the new
//     link is made before the old one is broken, which has ten seconds at most:
//     TestChangingTheURLLosesAndRepeatsNothing, TestADeadTargetFollowedByALiveOneLosesNothing,
//     TestChangesThatFollowEachOtherFastLoseAndRepeatNothing,
//     TestTheOldLinkEndsAfterTenSecondsEvenIfTheNewNeverComesUp.
//   - Nothing that is slow, dead or hostile on one link delays another link, a
//     feed or a command: TestBurstsArriveUnchangedBesideADestinationThatNeverReads,
//     TestDeletingAStalledDestinationIsDoneInASecondAndLeavesNothing,
//     TestARecordFolderThatHangsHoldsNoOtherCommandUp, TestAStateDiskThatHangsHoldsNoOtherCommandUp.
//   - What is shared between queues is never written again, so that a destination
//     of a feed gets what came in byte for byte, in messages of whole packets:
//     TestWhatFfmpegSendsArrivesByteForByte, TestBurstsArriveUnchangedBesideADestinationThatNeverReads.
//   - Every wait ends with its context, every goroutine is awaited by whoever
//     started it, for 2 s where the disk of the state or a new recording hangs:
//     TestTheEndUnderLoadClosesLinksAndCompletesRecordings,
//     TestTheEndWaitsForTheStateThatIsBeingWritten, link's TestALinkThatEndsWaitsForNoMemory,
//     TestAThousandPostsThatComeAndGoLeaveNothing, TestAnAgentThatNothingHappensToEndsAtOnceAndLeavesNothing.
//   - Every read from a peer has a limit and a deadline, every write a deadline:
//     TestMessageOverOneMebibyteIsAnsweredWithAnErrorAndTheChannelStays,
//     TestAMessageOverOneMebibyteIsNotPassedOnAndTheLinkStays,
//     TestHalfOpenRelayIsNoticedWithinThreePingsWhileMediaFlows,
//     TestRelayThatTakesNothingForTenSecondsIsGivenUp,
//     TestRelayThatNeverAnswersTheTokenIsGivenUpAfterTenSeconds,
//     TestHandshakeThatDoesNotEndIsGivenUp.
//   - A relay that fails is dialled again, and not more often than it can bear:
//     TestRelayThatRestartsIsFoundAgainAndMediaGoesOn,
//     TestRelayThatHangsUpIsDialledAtMostTwentyTimesInAMinute,
//     TestFleetComesBackToARelayThatWasAway.
//   - The agent can always be reached again at an endpoint that worked; only its
//     owner can cut it off: TestDeleteAllKeepsTheChannelUp, TestEndpointThatCannotCommandIsTakenBack,
//     TestChannelIsFoundWhereItWasWhenTheNewEndpointDies, TestARefusedCommandChannelIsDialledAgainSoon,
//     TestKilledOnTrialComesBackWhereItWas, TestNoTroubleSwallowsAnAgentThatWasSentToAMistypedPath,
//     TestNoTroubleKeepsAnAgentFromTheEndpointWhereItIsCommanded,
//     TestAnEndDuringATrialComesBackAtTheEndpointInForce, TestAnEndpointThatHangsUpAtOnceIsGivenUp.
//   - No endpoint is dialled that the owner cannot see and drop:
//     TestAnEndpointWhereNoCommandWasDoneIsForgotten, TestTheOwnerSeesAndDropsEveryEndpointThatMayBeDialled.
//   - What the owner mutes leaves for no relay and no recording, whatever any rule
//     or command says, and what the owner locks no command changes:
//     TestOwnersMuteOutranksEveryRule, TestMuteAllCoversFeedsToCome,
//     TestNoCommandUndoesTheOwnersMute, TestLockedAgentListsAndDoesNotChange,
//     TestNoRemoteCommandComesIntoForceOnceTheLockHasReturned.
//   - Of what is muted nothing leaves, its rate in our own reports included:
//     TestNothingThatLeavesTellsWhatAMutedFeedDoes, TestOfAFeedThatIsMutedInPartTheChannelIsToldTheRest,
//     TestTheChannelIsNotToldOfTheSchedule, status' TestNoConditionTellsOutsideWhatAMutedFeedDoes.
//   - By itself an agent says on its channel what its owner has set, and what whoever
//     is on that link asked for: TestTheChannelIsToldThatTheAgentIsThere,
//     TestWhoWatchesIsToldWhatChanges, status' TestPresenceTellsNothingOfAMutedFeed,
//     TestPresenceIsEightKiBAtMostAndSaysHowManyAreMissing.
//   - A table of rules comes into force without a loss, and a restart takes it back
//     where nobody has confirmed it: TestATableIsPutInForceWithoutALoss,
//     TestARestartTakesBackWhatNobodyConfirmed.
//   - How things stand is decided once: what the page, vw status, the channel and the
//     metrics say is the same: TestBrowserShowsTroubleInEverySizeAndNoHTMLOfStrangers,
//     TestTheChannelTheMetricsAndStatusAgreeInEverySituation.
//   - Where the owner has a token, what undoes the owner's word wants it:
//     TestWhatUndoesTheOwnersWordWantsTheToken.
//   - The channel records only where the owner allows it: TestTheChannelRecordsOnlyWhereTheOwnerNamedAFolder.
//   - With a state file what was acknowledged outlives the program's end, whatever
//     ends it: TestRulesMutesAndLockOutliveARestart, TestStateIsWholeWheneverTheProgramIsKilled,
//     TestDamagedStateMutesAndLocksEverythingUntilTheOwnerLiftsIt,
//     TestStateThatOthersMayWriteStopsTheStart,
//     TestAViewerWhoStaysSeesTheSameTracksAfterTheAgentWasKilled.
//   - Every change is in the journal with who made it, and no disk of it holds a reply
//     up for more than 2 s: TestEveryChangeIsInTheJournalWithWhoMadeIt,
//     TestAJournalWhoseDiskHangsHoldsACommandUpForTwoSeconds.
//   - The feeds of a stream are one program, whatever becomes of their sources:
//     TestFeedsBecomeOneProgram, TestTimeGoesOnWhenFfmpegIsKilledAndRestarted,
//     TestAnotherPictureInTheRuleIsDecodedOn, TestJsmpegFindsBothTracksIntact.
//   - Nobody is handed half a group of pictures:
//     TestNobodyIsHandedHalfAGroupOfPictures.
//   - The page shows what strangers wrote as text alone:
//     TestBrowserShowsTroubleInEverySizeAndNoHTMLOfStrangers.
//   - What is no command is not answered, so that agents on one endpoint leave
//     each other in peace: TestTwoAgentsOnOneEndpointNeverAnswerEachOther.
//   - What comes in on a destination's link stays on this machine, and is no
//     command: TestWhatComesInOnALinkReachesLocalClientsOfThatNameAndNoOtherRelay.
//   - The agent listens on loopback alone, answers no other web page, and in a browser
//     takes changes from its own page alone:
//     TestOnlyLoopbackIsListenedOn, TestRequestsOfOtherWebPagesAreRefusedOnEveryMethodAndPath,
//     TestChangesOfABrowserNeedThePagesToken.
//   - No rule, name or redirect makes the agent dial its own port, nor others on this
//     machine for anybody but its owner: attack's TestAgentNeverDialsItsOwnListeners,
//     link's TestThisMachineIsDialledOnlyForItsOwner.
//   - Whatever comes in, what it makes the agent keep, dial and log is bounded: link's
//     TestLongMessagesOfAllLinksShareABound, TestDialsToOneHostAreBoundedOverAllRules,
//     TestLogIsBoundedInAFlood.
//   - No token reaches a log, a metric or a reply, nor a relay that has not shown
//     a certificate, loopback excepted; no log shows a URL's query:
//     TestTokenThatARelayRepeatsIsNotPassedOn, TestTLSRelayIsTakenOnlyWithACertificateThatHolds,
//     TestTokensAreNotSentOverPlaintextBeyondLoopback, TestURLThatAnAccessRelayNamesIsCheckedToo,
//     TestCredentialsThatNoRuleMayName, TestCredentialIsReadAnewAtEachDial,
//     TestAFailureIsLoggedWhenItBeginsAndWhenItEnds.
//   - Who may import whom: TestRoomsImportWhatTheyMay.
package agent
