package attack_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// index is every attack that was ever tried, and the tests that try it: here,
// and beside what they attack.
var index = []struct{ attack, tests string }{
	{"dial the agent itself and be its owner", "TestAgentNeverDialsItsOwnListeners TestThisMachineIsDialledOnlyForItsOwner"},
	{"have a kept token sent elsewhere", "TestKeptTokenIsSentNowhereElse TestTokenIsNeverShown"},
	{"get a command in while the owner locks", "TestNoCommandComesIntoForceAfterTheLock TestWorkInTurnWaitsForTheCommandThatRuns"},
	{"undo the owner's word by any sequence of commands", "TestNoSequenceOfCommandsUndoesTheOwnersWord TestNoCommandUndoesTheOwnersMute TestOwnersMuteOutranksEveryRule"},
	{"let out a part that is muted", "TestMutedPartDoesNotLeaveWhateverItsTrackSays TestMutedPartOfAFeedOfMessagesMutesItWhole"},
	{"let out later what is muted, by a loop", "TestAgentNeverDialsItsOwnListeners TestNoRulesMakeALoop"},
	{"hold up feeds and mutes by a flood", "TestFloodOfEmptyMessagesHoldsUpNothingElse TestFloodOfTinyMessagesIsBoundedAndHoldsNobodyUp"},
	{"hold up a mute by rules", "TestMuteIsInForceWhateverTheRulesAre TestMuteIsDecidedOncePerFeedAndStream"},
	{"fill the memory", "TestRulesWithoutEndFillNoMemory TestUnfinishedMessagesFillNoMemory TestAnswersToOneMessageAreBounded TestLongMessagesOfAllLinksShareABound"},
	{"fill the disk and use up its files", "TestRecordingsAtOnceLeaveRoomOnTheDisk TestFoldersOfRecordingsLeaveFilesFree"},
	{"fill the log", "TestNoFloodFillsTheLog TestLogIsBoundedInAFlood"},
	{"steer a terminal by names and words", "TestTextShowsEveryCharacter TestStatusEscapesWhatCannotBeSeen"},
	{"spell a host so that the policy sees another", "TestOneSpellingOfAHostIsCheckedAndDialled"},
	{"reach addresses that no relay has", "TestAddressesThatAreNeverDialledAreTheseInEveryForm TestRefusedAddressesAreNotEvenAskedFor TestNameThatComesToLeadToMetadataIsNotDialled"},
	{"read banners and scan ports", "TestWhatAnswersIsToldByCodeWithoutItsWords TestDialsToOneHostAreBoundedOverAllRules"},
	{"come back by an endpoint that was taken back", "TestEndpointThatWasTakenBackIsNotDialledAgain"},
	{"serve a page of one's own by a service worker", "TestBrowserPutsOutTheServiceWorkerOfAnotherProgram TestChangesOfABrowserNeedThePagesToken"},
	{"read or change anything from another page", "TestBrowserLetsNoOtherPageReadOrChangeAnything TestRequestsOfOtherWebPagesAreRefusedOnEveryMethodAndPath"},
	{"have a browser fetch ahead", "TestNothingIsFetchedAhead TestWhatABrowserFetchesBeforehandAndServiceWorkersAreRefused"},
	{"read another's recordings", "TestRecordingsAreTheOwnersAlone TestRecordingDoesNotLeaveItsFolder"},
	{"write the owner's state", "TestStateThatOthersMayWriteIsNotBelieved TestStateThatOthersMayWriteStopsTheStart"},
	{"take the port before the agent, or beside it", "TestStrangerWhoHasTakenThePortIsNotBelieved TestIPv6LoopbackThatComesLaterIsListenedOn"},
	{"have a recording go on after a mute", "TestNoWriteToARecordingBeginsAfterAMute"},
	{"break the decoder of pictures", "TestDecoderIsGoAlone FuzzPackets FuzzVideo"},
	{"hide a token's piece, or show it", "TestTokenIsConcealedButNotInsideOtherWords"},
	{"malformed commands", "TestMalformedCommandsChangeNothing FuzzHandle"},
	{"garbage in posts", "FuzzReader FuzzAppend FuzzChecker"},
	{"hostile answers of relays", "TestHandshakeThatDoesNotEndIsGivenUp TestRedirectsAreNotFollowed TestURLThatAnAccessRelayNamesIsCheckedToo TestExtensionsThatWereNotOfferedAreRefused"},
	{"certificates that do not hold", "TestTLSRelayIsTakenOnlyWithACertificateThatHolds"},
}

func TestIndexNamesTestsThatExist(t *testing.T) {
	var tests []byte
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		tests = append(tests, text...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range index {
		for name := range strings.FieldsSeq(entry.tests) {
			if !bytes.Contains(tests, fmt.Appendf(nil, "\nfunc %s(", name)) {
				t.Errorf("%s: there is no %s", entry.attack, name)
			}
		}
	}
}
