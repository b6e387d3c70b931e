package command

import "strings"

// The names that the protocol keeps for itself.
const (
	APIRule   = "apiRule"   // id of the command channel's rule
	APIStream = "api"       // the stream of that rule
	all       = "all"       // which: every rule
	deleteAll = "deleteAll" // the reply to deleting every rule
)

// maxName is the longest name or id, in bytes.
const maxName = 128

// checkName says what is wrong with a name or id; noun is what it names.
func checkName(noun, name string) error {
	if name == "" {
		return invalid("%s is empty: give 1 to %d of A-Z a-z 0-9 . _ ~ - and inner /", noun, maxName)
	}
	if len(name) > maxName {
		return invalid("%s is %d bytes long: at most %d are allowed", noun, len(name), maxName)
	}
	for _, char := range name {
		if !nameChar(char) {
			return invalid("%s %q holds %q: use A-Z a-z 0-9 . _ ~ - and inner / only", noun, name, char)
		}
	}
	for segment := range strings.SplitSeq(name, "/") {
		switch segment {
		case "":
			return invalid("%s %q has an empty segment: write / only between two segments", noun, name)
		case ".", "..":
			return invalid("%s %q has the segment %q: leave it out", noun, name, segment)
		}
	}
	if name == all || name == deleteAll {
		return invalid(`%s %q is reserved ("all" means every rule): choose another name`, noun, name)
	}
	return nil
}

func nameChar(char rune) bool {
	return 'a' <= char && char <= 'z' || 'A' <= char && char <= 'Z' || '0' <= char && char <= '9' ||
		strings.ContainsRune("._~-/", char)
}

// StreamName drops the leading slash of the name of a stream, or of a feed that
// is followed, and checks the rest. The error is an *Error.
func StreamName(name string) (string, error) {
	name = strings.TrimPrefix(name, "/")
	return name, checkName("stream", name)
}

// FeedName drops the leading slash of a feed's name and checks the rest. The
// error, an *Error, says why nothing can be fed under that name.
func FeedName(name string) (string, error) {
	name = strings.TrimPrefix(name, "/")
	if err := checkName("feed", name); err != nil {
		return "", err
	}
	if name == APIStream {
		return "", invalid("feed %q is reserved for the command channel: choose another name", name)
	}
	if strings.HasPrefix(name, "stream/") {
		return "", invalid("%q names a stream, and a stream cannot be fed: name a feed", name)
	}
	return name, nil
}

// feedPart checks one entry of a stream rule's feeds, which is a feed's name
// or, for some of its tracks, name:video or name:audio. It returns the entry
// without a leading slash, and the feed's name.
func feedPart(entry string) (trimmed, feed string, err error) {
	name, part, cut := strings.Cut(entry, ":")
	if cut && part != "video" && part != "audio" {
		return "", "", invalid("feeds holds %.140q: a feed's name may be followed by :video or :audio, and by nothing else", entry)
	}
	if feed, err = FeedName(name); err != nil {
		return "", "", err
	}
	if !cut {
		return feed, feed, nil
	}
	return feed + ":" + part, feed, nil
}
