package mqtt

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// All stands for the name of an agent where every one is meant.
const All = "all"

// replies is the level below vw/ where answers go that nobody's name is in.
const replies = "reply"

// CommandTopic is where an agent takes commands.
func CommandTopic(name string) string { return "vw/" + name + "/command" }

// StatusTopic is where the broker keeps how an agent stands.
func StatusTopic(name string) string { return "vw/" + name + "/status" }

// RulesTopic is where the broker keeps the table that an agent is to have.
func RulesTopic(name string) string { return "vw/" + name + "/rules" }

// ReplyTopic is where one who commands awaits answers.
func ReplyTopic(id string) string { return "vw/" + replies + "/" + id }

// CheckName says why an agent of that name can have no topics, nil if it can.
func CheckName(name string) error {
	switch {
	case name == "" || name == All || name == replies:
		return errors.New(`the name of an agent of a broker cannot be empty, "all" or "reply": set another, by VW_NAME`)
	case strings.ContainsAny(name, "/+#") || !plain(name):
		return errors.New("the name of an agent of a broker stands in its topics: it cannot hold / + # or a control character: set another, by VW_NAME")
	}
	return nil
}

// MayReply reports whether an agent answers there: on no topic of its own, where it
// would be taken for something else.
func MayReply(name, topic string) bool {
	return isTopic(topic) && topic != CommandTopic(name) && topic != StatusTopic(name) && topic != RulesTopic(name)
}

// isTopic reports whether one may publish there.
func isTopic(topic string) bool {
	return topic != "" && len(topic) < 1<<16 && !strings.ContainsAny(topic, "+#") && plain(topic)
}

func plain(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}
