package agent_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"vw/agent"
	"vw/testrelay"
)

// What a relay sends, and what is done: the table in README.md says the same. The
// same frames go to a link of media and to the command channel.
type frameRow struct {
	name   string
	frames string
	// passed are the messages that this machine's reader gets. On the command channel
	// each is a command, and is answered.
	passed []string
	// answered are the command channel's replies, where they are not as many as passed.
	answered []string
	// sent are the control frames that the agent sends.
	sent []dataFrame
	// ended says that the link ends, and lastError has these words.
	ended string
	again bool // it is waited for until it is up again
	ping  time.Duration
}

const asked = `{"verb":"healthcheck"}`

var once = []string{asked}

// fragments are those of one text message.
func fragments(parts ...string) (b string) {
	for i, p := range parts {
		head := byte(0)
		if i == 0 {
			head = opText
		}
		if i == len(parts)-1 {
			head |= fin
		}
		b += frame(head, p)
	}
	return b
}

// wide is a text frame whose length is written in 16 or 64 bits though it is short.
func wide(payload string, bits int) string {
	b := []byte{fin | opText}
	if bits == 16 {
		b = binary.BigEndian.AppendUint16(append(b, 126), uint16(len(payload)))
	} else {
		b = binary.BigEndian.AppendUint64(append(b, 127), uint64(len(payload)))
	}
	return string(b) + payload
}

// long is a command of n bytes.
func long(n int) string { return asked + strings.Repeat(" ", n-len(asked)) }

func pong(data string) []dataFrame { return []dataFrame{{opPong, data}} }

// bye is a close frame of the agent's.
func bye(code int, reason string) []dataFrame {
	return []dataFrame{{opClose, string(binary.BigEndian.AppendUint16(nil, uint16(code))) + reason}}
}

func wrong(reason string) []dataFrame { return bye(1002, reason) }

var half = asked[:9]

var frameRows = []frameRow{
	{name: "5.6 text", frames: frame(fin|opText, asked), passed: once},
	{name: "5.6 binary", frames: frame(fin|opBinary, asked), passed: once},
	{name: "5.6 empty message", frames: frame(fin|opText, "") + frame(fin|opText, asked), passed: []string{"", asked}, answered: []string{"Unrecognised", `{"healthcheck":"ok"}`}},
	{name: "5.4 three fragments", frames: fragments(half, asked[9:12], asked[12:]), passed: once},
	{name: "5.4 a byte a fragment", frames: fragments(strings.Split(asked, "")...), passed: once},
	{name: "5.4 empty fragments", frames: fragments("", half, "", "", asked[9:], ""), passed: once},
	{name: "5.4 a thousand empty fragments", frames: fragments(append(make([]string, 1000), asked)...), passed: once},
	{name: "5.5.2 ping", frames: frame(fin|opPing, "x"), sent: pong("x")},
	{name: "5.5.2 ping of 125 bytes", frames: frame(fin|opPing, strings.Repeat("x", 125)), sent: pong(strings.Repeat("x", 125))},
	{name: "5.5.2 empty ping", frames: frame(fin|opPing, ""), sent: pong("")},
	{name: "5.4 ping between fragments", frames: frame(opText, half) + frame(fin|opPing, "mid") + frame(fin, asked[9:]), passed: once, sent: pong("mid")},
	{name: "5.5.3 pong that was not asked for, between fragments", frames: frame(opText, half) + frame(fin|opPong, "unasked") + frame(fin, asked[9:]), passed: once},
	{name: "5.2 length in 16 bits that fits in 7", frames: wide(asked, 16), passed: once},
	{name: "5.2 length in 64 bits that fits in 7", frames: wide(asked, 64), passed: once},
	{name: "5.2 length of 16 bits", frames: frame(fin|opText, long(1<<16-1)), passed: []string{long(1<<16 - 1)}},
	{name: "5.2 a message of 1 MiB", frames: frame(fin|opText, long(1<<20)), passed: []string{long(1 << 20)}},
	{name: "10.4 a message of 1 MiB and a byte", frames: frame(fin|opText, long(1<<20+1)), answered: []string{"1 MiB"}},
	{name: "10.4 the same in fragments", frames: fragments(slices.Repeat([]string{strings.Repeat("x", 1<<14)}, 65)...), answered: []string{"1 MiB"}},
	{name: "8.1 UTF-8 cut by fragments", frames: fragments(`{"verb":"health`, "\xe2", "\x82", "\xac", `"}`), passed: []string{`{"verb":"health€"}`}, answered: []string{"Unrecognised"}},
	{name: "8.1 text that is not UTF-8", frames: frame(fin|opText, "\xff\xfe"), answered: []string{"Unrecognised"}},
	{name: "8.1 text with half a pair of UTF-16", frames: frame(fin|opText, `"`+"\xed\xa0\x80"+`"`), answered: []string{"Unrecognised"}},
	{name: "8.1 text that ends within a character", frames: fragments(`"`, "\xe2\x82"), answered: []string{"Unrecognised"}},
	{name: "5.6 binary need not be UTF-8", frames: frame(fin|opBinary, "\xff\xfe"), passed: []string{"\xff\xfe"}, answered: []string{"Unrecognised"}},

	{name: "5.2 RSV1", frames: frame(fin|0x40|opText, asked), sent: wrong("RSV1 set"), ended: "RSV1"},
	{name: "5.2 RSV2", frames: frame(fin|0x20|opText, asked), sent: wrong("RSV2 set"), ended: "RSV2"},
	{name: "5.2 RSV3 of a ping", frames: frame(fin|0x10|opPing, ""), sent: wrong("RSV3 set"), ended: "RSV3"},
	{name: "5.2 opcodes 3", frames: frame(fin|3, asked), sent: wrong("bad opcode 3"), ended: "opcode"},
	{name: "5.2 opcode 7", frames: frame(fin|7, asked), sent: wrong("bad opcode 7"), ended: "opcode"},
	{name: "5.2 opcode 11", frames: frame(fin|11, ""), sent: wrong("bad opcode 11"), ended: "opcode"},
	{name: "5.2 opcode 15", frames: frame(fin|15, ""), sent: wrong("bad opcode 15"), ended: "opcode"},
	{name: "5.1 masked", frames: "\x81\x82\x00\x00\x00\x00{}", sent: wrong("bad MASK"), ended: "MASK", again: true},
	{name: "5.5 ping of 126 bytes", frames: frame(fin|opPing, strings.Repeat("x", 126)), sent: wrong("len > 125 for control"), ended: "control"},
	{name: "5.5 ping in fragments", frames: frame(opPing, "x"), sent: wrong("FIN not set on control"), ended: "control"},
	{name: "5.4 continuation of nothing", frames: frame(fin, asked), sent: wrong("continuation after FIN"), ended: "continuation"},
	{name: "5.4 a message within a message", frames: frame(opText, half) + frame(fin|opText, asked), sent: wrong("data before FIN"), ended: "data before FIN"},
	{name: "5.2 length of 64 bits, the first of them set", frames: "\x81\x7f\x80\x00\x00\x00\x00\x00\x00\x00", sent: bye(1000, ""), ended: "limit"},
	{name: "5.2 fragments of more than 63 bits", frames: frame(opText, half) + "\x80\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", sent: bye(1000, ""), ended: "limit"},
	{name: "10.4 a frame of 63 bits", frames: "\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff" + half, sent: bye(1000, ""), ended: "answers no ping", ping: 500 * time.Millisecond},

	{name: "7.1.5 close without a code", frames: frame(fin|opClose, ""), sent: []dataFrame{{opClose, ""}}, ended: "closed the link (1005)"},
	{name: "5.5.1 close with half a code", frames: frame(fin|opClose, "\x03"), sent: []dataFrame{{opClose, ""}}, ended: "closed the link (1005)"},
	{name: "5.5.1 close within a message", frames: frame(opText, half) + closing(1001, ""), sent: bye(1001, ""), ended: "closed the link (1001)"},
	{name: "5.5.1 frames after the close", frames: closing(1000, "") + frame(fin|opText, asked), sent: bye(1000, ""), ended: "closed the link (1000)"},
	{name: "8.1 reason that is not UTF-8", frames: closing(1000, "\xff"), sent: wrong("invalid utf8 payload in close frame"), ended: "utf8"},
	{name: "5.5.1 reason", frames: closing(1011, "out of order"), sent: bye(1011, ""), ended: `closed the link (1011): "out of order"`},
}

// closeRows are those of the codes (7.4).
func closeRows() (rows []frameRow) {
	for _, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 3000, 4999} {
		rows = append(rows, frameRow{name: fmt.Sprint("7.4 close ", code), frames: closing(code, ""), sent: bye(code, ""), ended: fmt.Sprintf("closed the link (%d)", code)})
		switch row := &rows[len(rows)-1]; code {
		case 1000:
			row.again = true
		case 1008: // a refusal: that relay is left alone for five minutes
			row.ended = "wants a token"
		}
	}
	for _, code := range []int{0, 999, 1004, 1005, 1006, 1014, 1015, 2999, 5000} {
		said := fmt.Sprint("bad close code ", code)
		rows = append(rows, frameRow{name: fmt.Sprint("7.4 close ", code), frames: closing(code, ""), sent: wrong(said), ended: said})
	}
	return rows
}

func TestFramesOfARelayAreTakenAsRFC6455Says(t *testing.T) {
	t.Parallel()
	for _, row := range append(slices.Clone(frameRows), closeRows()...) {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			row.try(t)
		})
	}
}

// try writes the frames to both links of an agent.
func (row frameRow) try(t *testing.T) {
	relay := listenRaw(t)
	a := start(t, nil, agent.Config{API: relay.url("/bi/x"), PingInterval: row.ping})
	a.request(t, "POST", "/api/destinations", `{"id":"0","stream":"x","destination":"`+relay.url("/in/x")+`"}`)
	reader := a.local(t, "/ws/x")
	reader.ws.SetReadLimit(2 << 20)
	media, channel := relay.next(t, "/in/x"), relay.next(t, "/bi/x")
	carries := func(n int) {
		eventually(t, "the link is up", func() bool { return len(a.log.lines(`"link up"`, `"id":"0"`)) == n })
		media.until(func() { reader.send(1, "is it up?") }) // it is told a moment before it carries
		reader.send(1, "here")
		for media.text() != "here" {
		}
	}
	carries(1)
	media.write(row.frames)
	for _, want := range row.passed {
		if _, got := reader.next(); got != want {
			t.Fatalf("this machine's reader got %.100q, want %.100q", got, want)
		}
	}
	channel.write(row.frames)
	if row.answered == nil {
		row.answered = slices.Repeat([]string{`{"healthcheck":"ok"}`}, len(row.passed))
	}
	for _, want := range row.answered {
		if got := channel.text(); !strings.Contains(got, want) {
			t.Fatalf("the command was answered %.100q, want %.100q", got, want)
		}
	}
	row.controls(t, media, "the link of media")
	row.controls(t, channel, "the command channel")
	if row.ended != "" {
		eventually(t, "status tells "+row.ended, func() bool { return strings.Contains(a.destination(t, "0").LastError, row.ended) })
		if !row.again {
			return
		}
		media, channel, reader = relay.next(t, "/in/x"), relay.next(t, "/bi/x"), a.local(t, "/ws/x")
		carries(2)
	}
	marker := `{"verb":"list","what":"stream","which":"marker"}`
	media.write(frame(fin|opText, marker))
	reader.wantMessage(1, marker) // and nothing before it
	channel.write(frame(fin|opText, marker))
	if got := channel.text(); got != `{"feeds":null}` {
		t.Errorf("the command channel was answered %s", got)
	}
}

// controls compares the control frames that come, and what becomes of the link.
func (row frameRow) controls(t *testing.T, v *rawVisit, which string) {
	t.Helper()
	for _, want := range row.sent {
		if got, ok := v.sent(); !ok || got != want {
			t.Fatalf("%s: the agent sent %d %.100q, want %d %.100q", which, got.op, got.text, want.op, want.text)
		}
	}
	if row.ended == "" {
		return
	}
	if got, more := v.sent(); more {
		t.Fatalf("%s: the agent goes on, and sent %d %.100q", which, got.op, got.text)
	}
}

// A relay closes a link on which text comes that is not UTF-8 (8.1), so none does.
func TestTextOfALocalClientThatIsNotUTF8ReachesNoRelay(t *testing.T) {
	t.Parallel()
	relay := listen(t, testrelay.Config{})
	a := start(t, relay, agent.Config{})
	orchestrate(t, relay, "agent1").route("0", "data", relay.URL()+"/bi/data")
	viewer := view(t, relay, "data")
	viewer.carries(a, "data")
	local := a.local(t, "/ws/data")
	for _, text := range []string{"first", "\xff\xfe", "last"} {
		local.send(websocket.TextMessage, text)
	}
	viewer.until("the last", func() bool { return viewer.text[len(viewer.text)-1] == "last" })
	if got := viewer.text[len(viewer.text)-2]; got != "first" {
		t.Errorf("before the last arrived %q", got)
	}
	a.log.await(t, "not UTF-8")
}
