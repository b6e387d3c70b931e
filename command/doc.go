// Package command is the protocol by which an agent is managed: the messages of
// the command channel, the table of rules (the desired state) and the one
// Handler that changes it, for the channel and for REST alike. It knows neither
// the network nor media: the program around it gives it functions (Config).
//
// This comment is the protocol's manual. It is a contract: people have scripts
// against it. Replies are to be compared by JSON value.
//
// # Rules
//
// A feed is a named source of media. A stream rule
//
//	{"stream":"video0","feeds":["video0","audio0"]}
//
// combines feeds under one name. An empty list is a stream that is silent; no
// list is an error. An entry av:video or av:audio takes all the video or all the
// audio of the feed av. A rule names at most 256 feeds, none of them twice; all
// stream rules together at most 4,096, and of these at most 1,000 different ones.
//
// A destination rule
//
//	{"id":"0","stream":"video0","destination":"wss://relay.example/in/video0"}
//
// sends what stream names, a stream rule or else a feed, to a URL. Optional are
//
//   - "token": for the relay, at most 8,192 printable ASCII characters. It is
//     never shown again; a rule that has one shows "tokenSet":true. Adding the
//     same id without "token" keeps it where scheme, host, port and auth are the
//     same, and for "message" path and query too; else it is forgotten, which the
//     reply says in "warning". "token":"" drops it.
//   - "auth": "bearer" (an Authorization header on the handshake; so it is too
//     where there is a token and no auth), "message" (the token is the first
//     text message) or "access" (https:// is asked for a URL to dial).
//   - "file": record what is sent to this path under the record folder: relative,
//     without .. and \, at most 512 bytes, in at most 8 folders.
//
// The URL has the scheme ws or wss (http or https where a token or "auth":"access"
// asks for access), a host, no userinfo, no fragment, no space or control
// character, and at most 2,048 bytes. The agent's own policy may refuse more.
//
// Adding a name or id again replaces its rule. Once a stream rule of that name
// has been in force a destination belongs to the stream: when the stream is
// deleted the destination falls silent. It does not fall back to a feed of the
// same name, which may be just what was muted, until the stream is added again,
// or the destination is (which is then read as new).
//
// # Names
//
// Names and ids are 1 to 128 of A-Z a-z 0-9 . _ ~ - and inner /, without an
// empty, . or .. segment. A leading / of a stream's or feed's name is dropped.
// Reserved everywhere are all and deleteAll. The feed name api and names that
// begin with stream/ cannot be fed, so that no stream rule may list them. The
// stream api belongs to the id apiRule alone, and apiRule to it alone.
// There are at most 1,000 rules of each kind, apiRule not counted.
//
// # Commands
//
//	{"verb":"healthcheck"}                              {"healthcheck":"ok"}
//	{"verb":"add","what":"destination","rule":{…}}      the rule
//	{"verb":"add","what":"stream","rule":{…}}           the rule
//	{"verb":"list","what":"stream","which":"video0"}    {"feeds":["video0","audio0"]}, unknown: {"feeds":null}
//	{"verb":"list","what":"stream","which":"all"}       {"video0":["video0","audio0"]}
//	{"verb":"list","what":"destination","which":"0"}    the rule, unknown: {"error":"…"}
//	{"verb":"list","what":"destination","which":"all"}  {"0":{…},"apiRule":{…}}
//	{"verb":"list","what":"feed","which":"all"}         per feed, or of the one named: what arrives
//	{"verb":"list","what":"status"}                     instance, version, uptime, links
//	{"verb":"delete","what":"stream","which":"video0"}  {"deleted":"video0"}
//	{"verb":"delete","what":"destination","which":"0"}  {"deleted":"0"}
//	either, "which":"all"                               {"deleted":"deleteAll"}
//
// What is not JSON, not an object, has an unknown verb or what, or lacks which or
// rule is answered {"error":"Unrecognised Command"}; a command that cannot be done
// {"error":"…why, in words…"}, and then nothing has changed. Deleting what is not
// there succeeds; a name that no rule can have is refused. null stands for a key
// that is left out. A reply to a change means that the rule is accepted and that
// what it removed has stopped; what it adds is under way. Adding the same rule
// again begins what of it is not: a recording that could not be opened, say.
//
// What a person may have mistyped is said beside that, in keys that a program
// passes over: "hint" beside "Unrecognised Command" (what is unknown or missing),
// "warning" beside a rule that was accepted (a key that there is not; a feed as
// which nothing has come in so far, while as others it has; a token that was
// forgotten), "existed":false beside the name of what was not there to delete.
//
// # Messages
//
// Several JSON values in one message are several commands, answered in order, one
// message each: relays glue queued messages together. What follows something that
// is no JSON, or bad UTF-8, is dropped with it. Keys match in any ASCII case; a key
// given twice is an error; unknown keys are ignored. A message is at most 1 MiB
// (MaxCommand; TooLong answers a longer one). Commands run one at a time, in order.
// When the replies to one message are longer than 4 MiB what is left of it is not
// done, and one error says so.
//
// An object without a verb that is a string is not a command and gets no answer:
// it is somebody's reply. Two agents on one endpoint never answer each other. Its
// keys are logged, for whoever mistyped.
//
// "ref" (any string of at most 128 bytes) is given back; "to" is a pattern (see
// path.Match) of the names of the agents whom the command concerns: the others
// stay silent. A command with either is answered
//
//	{"ref":…,"from":NAME,"reply":{…}}
//
// without "ref" where the command has none that can be given back.
//
// # The rule of the command channel
//
// An agent that was given a URL to be managed from lists it as
//
//	{"id":"apiRule","stream":"api","destination":URL}
//
// It cannot be deleted over a channel: {"error":"Cannot delete apiRule"}. Deleting
// every destination keeps it, whoever asks. Only the machine's owner may delete it
// by its id (Local).
//
// Adding it again moves the channel, and cannot lock anybody out. The reply is the
// rule with "trial":"5m0s": begun, not yet in force. The new endpoint is dialled
// while the old one is kept up, or dialled again when it is lost, and commands are
// taken on both; where both lead to one topic each is run and answered once. The
// change is in force when a command has been done that came in on the new link
// (proof that somebody can be reached there), or when the old endpoint could not be
// reached at all for as long as a trial lasts, while the new link was up
// throughout; then the old link is closed. Else, when that time has passed, the
// change is taken back; adding the endpoint in force again, with or without its
// token, does that at once. Meanwhile a list shows the rule on trial as apiRule,
// and list status both.
//
// At any later time, if no link of the channel has been steadily up (for 10 s, or
// with a command done on it) for as long as a trial lasts, the other endpoints that
// are known (the one in force before, if a command was ever done there, and the one
// configured) are dialled in turn with the present one, and the first that is
// steadily up is kept; the rule is unchanged, and the next loss starts again with
// the rule's own endpoint. List status shows every endpoint that may be dialled.
//
// # The owner's lock
//
// While the owner has locked the rules, add and delete over the channel (Remote)
// are refused in words; list and healthcheck are answered. This machine's own
// commands (Local) are never locked out.
//
// # Vectors
//
// testdata/protocol.jsonl holds a conversation that any implementation can be run
// against: one JSON object a line, to be sent in order over one channel, state
// carrying over from line to line. It has
//
//   - "name": what the line shows, unique; "note" (optional): why;
//   - "send": the text of one message, as a string;
//   - "expect": the replies to it, in order, [] for silence. A "*" stands for any
//     string that is not empty in place of an error's words, and for any object in
//     place of a whole reply. All else is compared by JSON value, but the keys
//     hint, warning and existed of a reply count only where a line expects them.
//
// Before a line is read ${API} in it is replaced by the URL of the agent's command
// channel, and ${NAME} by the agent's name, which must hold none of * ? [ \ and ".
// It starts on an agent that was just started with that URL and no token, and
// ends with its rules as they were. Silence shows in that the next line's
// replies come next.
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
//   - A snapshot that was handed out never changes: TestSnapshotsAreImmutable.
//   - A destination that belongs to a stream does not fall back to the feed:
//     TestDestinationBelongsToItsStream.
//   - The room knows neither network nor media: TestImports.
//   - The replies are those of the protocol: TestProtocolVectors.
package command
