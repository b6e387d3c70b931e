// Package command is the protocol by which an agent is managed: the messages of
// the command channel, the table of rules (the desired state) and the one
// Handler that changes it, for the channel and for REST alike. It knows neither
// the network nor media: the program around it gives it functions (Config).
//
// README.md in this folder is the protocol's manual, and a contract: people have
// scripts against it. testdata/protocol.jsonl is a conversation that any
// implementation can be run against.
//
// # Invariants
//
//   - Handle never panics and never falls silent for good, whatever it is given:
//     TestMalformedCommandsChangeNothing, FuzzHandle, TestPanickingCallbackChangesNothing.
//   - A command that is refused changes nothing: TestMalformedCommandsChangeNothing,
//     TestAnyOrderOfThreeOperationsLeavesAConsistentTable.
//   - A reply is never itself a command: FuzzHandle, TestRepliesDrawNoAnswer.
//   - No token is in a reply or in the log: TestTokenIsNeverShown, FuzzHandle.
//   - apiRule cannot be deleted over the channel: TestOnlyTheOwnerDeletesAPIRule.
//   - While locked nothing can be changed over the channel: TestLockedRulesAreListedNotChanged.
//   - An apiRule that is taken back never replaces one that was added meanwhile:
//     TestReplaceAPIRuleTakesTheCommandsTurn.
//   - A token is never sent where its giver did not send it:
//     TestTokenIsKeptForTheSamePlaceAlone.
//   - What all rules name and what one message draws is bounded:
//     TestAtMostAThousandRulesOfEachKind, TestStreamRulesTogetherAreBounded,
//     TestRepliesToOneMessageAreBounded.
//   - A rule of the owner's is the owner's until it is changed from afar:
//     TestRuleIsTheOwnersUntilItIsChangedFromAfar.
//   - Commands run one at a time, and a reply waits until what was removed has
//     stopped, without the table's lock: TestCommandsTakeTurns, TestReplyWaitsUntilSettled.
//   - A table is taken whole or not at all, touches nothing that it leaves as it was,
//     and is taken back where it is to be confirmed and is not:
//     TestATableIsRefusedWholeAndTheErrorNamesTheRule, TestOnlyWhatATableChangesIsTouched,
//     TestATableIsTakenBackUnlessItIsConfirmed, TestRulesOnTrialStayWhenTheOwnerLocksThem.
//   - Every command may come twice: TestACommandThatComesTwiceDoesWhatItDoesOnce.
//   - Tables are the same where their hashes are, on whatever agents:
//     TestTheHashIsTheSameOnEveryAgent, TestASilentDestinationIsListedAsOne.
//   - A snapshot that was handed out never changes: TestSnapshotsAreImmutable.
//   - A destination that belongs to a stream does not fall back to the feed:
//     TestDestinationBelongsToItsStream.
//   - The room knows neither network nor media: TestImports.
//   - The replies are those of the protocol: TestProtocolVectors.
package command
