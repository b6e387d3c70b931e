package mqtt

import (
	"fmt"

	"github.com/eclipse/paho.golang/paho"

	"vw/agent/link"
)

// reasons are the words for a broker's reason codes (MQTT 5, 2.4), and what kind of
// error they are on a link.
var reasons = map[byte]struct {
	code  link.Code
	words string
}{
	0x82: {link.CodeNoMQTT, "protocol error"},
	0x84: {link.CodeNoMQTT, "it does not speak MQTT 5"},
	0x85: {link.CodeOther, "client identifier not valid"},
	0x86: {link.CodeTokenRefused, "bad user name or password"},
	0x87: {link.CodeTokenRefused, "not authorized"},
	0x88: {link.CodeRelayTrouble, "server unavailable"},
	0x89: {link.CodeBusy, "server busy"},
	0x8a: {link.CodeTokenRefused, "banned"},
	0x8b: {link.CodeHungUp, "server shutting down"},
	0x8d: {link.CodeNoPong, "it heard nothing for too long"},
	0x8e: {link.CodeOther, "another client has the same identifier"},
	0x93: {link.CodeBusy, "too many messages at once"},
	0x95: {link.CodeOther, "packet too large"},
	0x96: {link.CodeBusy, "message rate too high"},
	0x97: {link.CodeBusy, "quota exceeded"},
	0x98: {link.CodeOther, "administrative action"},
	0x9a: {link.CodeOther, "it keeps no messages: retained messages are not supported"},
	0x9c: {link.CodeRedirect, "use another server"},
	0x9d: {link.CodeRedirect, "server moved"},
	0x9f: {link.CodeBusy, "too many connections at once"},
}

// describe is a reason code's kind and words.
func describe(reason byte) (link.Code, string) {
	if r, known := reasons[reason]; known {
		return r.code, r.words
	}
	return link.CodeOther, fmt.Sprintf("reason 0x%02x", reason)
}

// connectError says why a broker lets nobody in.
func connectError(t link.Target, answer *paho.Connack) error {
	code, words := describe(answer.ReasonCode)
	switch {
	case code == link.CodeTokenRefused && t.Token == "":
		return link.NewError(link.CodeTokenMissing, "the broker wants a token, as a password (%s)", words)
	case code == link.CodeTokenRefused:
		return link.NewError(code, "the broker refused the user name or the token (%s)", words)
	}
	return link.NewError(code, "the broker did not let us in: %s", words)
}

func disconnectError(reason byte) error {
	code, words := describe(reason)
	return link.NewError(code, "the broker ended the link: %s", words)
}
