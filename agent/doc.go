// Package agent puts vw together: the links that it dials, the command channel
// on one of them, the destinations, and the HTTP side that this machine sees.
// It is the only room that dials (by its own room link) or listens. What a command
// means is command's business, what a packet is media's, what the owner has muted
// and locked its own room owner's.
//
// # How it flows
//
// A packet: a post to /ts/<feed> is read by media, which passes whole packets on
// as they come: from the feed, through the streams that are made of it, to one
// bounded queue for each destination. A destination has one writer, which makes
// a binary message of what waits and moves from link to link when the rule's URL
// changes.
//
// A command: text from the control's link goes to the one command.Handler, which
// changes the table and, under its lock, tells the agent: the router is swapped
// and the links are reconciled without waiting for any of them. Then the handler
// waits for what was removed to stop and for the state to be saved, and the reply
// goes back on the link that asked. REST is a translation into the same handler.
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
//     TestRelayThatHangsUpIsDialledAtMostTwentyTimesInAMinute.
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
//   - How things stand is decided once: what the page, vw status, the channel and the
//     metrics say is the same: TestBrowserShowsTroubleInEverySizeAndNoHTMLOfStrangers,
//     TestTheChannelTheMetricsAndStatusAgreeInEverySituation.
//   - Where the owner has a token, what undoes the owner's word wants it:
//     TestWhatUndoesTheOwnersWordWantsTheToken.
//   - The channel records only where the owner allows it: TestTheChannelRecordsOnlyWhereTheOwnerNamedAFolder.
//   - With a state file what was acknowledged outlives the program's end, whatever
//     ends it: TestRulesMutesAndLockOutliveARestart, TestStateIsWholeWheneverTheProgramIsKilled,
//     TestDamagedStateMutesAndLocksEverythingUntilTheOwnerLiftsIt,
//     TestStateThatOthersMayWriteStopsTheStart.
//   - The feeds of a stream are one program, whatever becomes of their sources:
//     TestFeedsBecomeOneProgram, TestTimeGoesOnWhenFfmpegIsKilledAndRestarted,
//     TestAnotherPictureInTheRuleIsDecodedOn, TestJsmpegFindsBothTracksIntact.
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
//     TestAFailureIsLoggedWhenItBeginsAndWhenItEnds.
//   - Who may import whom: TestRoomsImportWhatTheyMay.
package agent
