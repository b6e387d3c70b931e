package devices

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

const noMicrophone = "No microphone: plug one in and look whether cat /proc/asound/pcm shows a line with capture; " +
	"if not, sudo dmesg tells what the kernel made of it. A container is given them with --device /dev/snd."

var (
	// 0 [PCH            ]: HDA-Intel - HDA Intel PCH
	cardLine = regexp.MustCompile(`^ *([0-9]{1,9}) \[([^\]]*)\]: .*? - (.*)$`)
	// 00-00: ALC3246 Analog : ALC3246 Analog : playback 1 : capture 1
	pcmLine = regexp.MustCompile(`^([0-9]{1,9})-([0-9]{1,9}): .*? : (.*?) : (?:playback [0-9]+ : )?capture [0-9]+$`)
	// What ALSA takes as a card's name without quotes.
	cardID = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
)

// A soundCard is one card of ALSA's.
type soundCard struct {
	id    string // that ALSA names it by
	name  string
	place string
}

// microphones lists the devices that capture sound.
func (m machine) microphones() []Device {
	cards, alike := m.soundCards()
	list := []Device{}
	for line := range strings.Lines(m.text("/proc/asound/pcm")) {
		match := pcmLine.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if match == nil {
			continue
		}
		number, _ := strconv.Atoi(match[1]) // nine digits at most
		device, _ := strconv.Atoi(match[2])
		card := cards[number]
		d := Device{
			Name:  strings.TrimPrefix(card.name+", "+printable(match[3]), ", "),
			Node:  fmt.Sprintf("/dev/snd/pcmC%dD%dc", number, device),
			Place: card.place,
		}
		d.Problem = m.problem(d.Node, "audio")
		switch {
		case !cardID.MatchString(card.id):
			d.Device = fmt.Sprintf("hw:%d,%d", number, device)
			d.Note = "the name may be another microphone's after a restart: its card has none of its own"
		case alike[card.name] > 1:
			d.Device = fmt.Sprintf("hw:CARD=%s,DEV=%d", card.id, device)
			d.Note = "another card is like this one: which has which name may change with a restart"
		default:
			d.Device, d.StableBy = fmt.Sprintf("hw:CARD=%s,DEV=%d", card.id, device), "card"
		}
		list = append(list, d)
	}
	return list
}

// soundCards finds the cards by their numbers, and how many have a name.
func (m machine) soundCards() (cards map[int]soundCard, alike map[string]int) {
	cards, alike = map[int]soundCard{}, map[string]int{}
	last := -1
	for line := range strings.Lines(m.text("/proc/asound/cards")) {
		line = strings.TrimSuffix(line, "\n")
		match := cardLine.FindStringSubmatch(line)
		if match == nil { // a card's second line: its long name, which ends with its place
			if at := strings.LastIndex(line, " at "); at >= 0 && last >= 0 {
				c := cards[last]
				c.place = printable(line[at+len(" at "):])
				cards[last] = c
			}
			continue
		}
		number, _ := strconv.Atoi(match[1]) // nine digits at most
		if _, known := cards[number]; known {
			continue // a name with a line end in it
		}
		// The file has the name alone, without what strangers' names put beside it.
		id := cmp.Or(m.text(fmt.Sprintf("/proc/asound/card%d/id", number)), strings.TrimSpace(match[2]))
		last = number
		cards[number] = soundCard{id: id, name: printable(match[3])}
		alike[cards[number].name]++
	}
	return cards, alike
}
