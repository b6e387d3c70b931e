package devices

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Where udev makes its links.
const (
	idLinks   = "/dev/v4l/by-id"
	pathLinks = "/dev/v4l/by-path"
)

var (
	videoNode = regexp.MustCompile(`^video([0-9]{1,9})$`)
	linkIndex = regexp.MustCompile(`-video-index([0-9]{1,9})$`)
)

// A videoDevice is one node of video4linux.
type videoDevice struct {
	number       int    // of /dev/videoN
	name         string // as the driver says: with USB, the device's own
	node         string
	byID, byPath string   // udev's links, or empty
	links        []string // that udev would make to it, if nobody else claimed them
	index        int      // among the nodes of the same device
	capabilities string   // as udev has asked the driver, such as ":capture:"; empty: it has not
}

// cameras lists the cameras, and the video nodes that are none.
func (m machine) cameras() ([]Device, []LeftOut) {
	cameras, leftOut := []Device{}, []LeftOut{}
	var nodes []videoDevice
	claims, unnamed := map[string]int{}, false
	for _, v := range m.videoDevices() {
		if why := v.noCamera(); why != "" {
			leftOut = append(leftOut, LeftOut{Node: v.node, Name: v.name, Why: why})
			continue
		}
		nodes = append(nodes, v)
		for _, link := range v.links {
			claims[link]++
		}
		unnamed = unnamed || v.byID == "" && strings.Contains(v.byPath, "-usb")
	}
	for _, v := range nodes {
		d := Device{Name: v.name, Device: v.node, Node: v.node, Problem: m.problem(v.node, "video")}
		if v.byPath != "" {
			d.Place = linkIndex.ReplaceAllString(path.Base(v.byPath), "")
		}
		switch {
		// Of alike cameras without serial numbers, and of two in one device, one
		// has the link by-id, and not always the same one. Udev's records tell
		// who claims it; without them, a USB camera that has none could.
		case v.byID != "" && (claims[v.byID] == 1 || claims[v.byID] == 0 && !unnamed):
			d.Device, d.StableBy = v.byID, "by-id"
		case v.byPath != "":
			d.Device, d.StableBy = v.byPath, "by-path"
		default:
			d.Note = "the name may be another camera's after a restart: udev has made no stable one"
		}
		if v.capabilities == "" {
			d.Note = strings.TrimPrefix(d.Note+"; it may be no camera: udev, which would know, has no record of it", "; ")
		}
		cameras = append(cameras, d)
	}
	return cameras, leftOut
}

// videoDevices lists what sysfs knows, and what /dev has besides, in the order
// of their numbers.
func (m machine) videoDevices() []videoDevice {
	const sysfs = "/sys/class/video4linux"
	byID, byPath := m.links(idLinks), m.links(pathLinks)
	hidden := len(byID)+len(byPath) == 0 // as systemd's PrivateDevices= does: udev's records have them too
	names := append(m.names(sysfs), m.names("/dev")...)
	slices.Sort(names)
	var list []videoDevice
	for _, name := range slices.Compact(names) {
		match := videoNode.FindStringSubmatch(name)
		if match == nil {
			continue
		}
		node, dir := "/dev/"+name, path.Join(sysfs, name)
		v := videoDevice{node: node, byID: byID[node], byPath: byPath[node]}
		v.number, _ = strconv.Atoi(match[1]) // nine digits at most
		v.name = cmp.Or(printable(m.text(dir+"/name")), name)
		for line := range strings.Lines(m.text("/run/udev/data/c" + m.text(dir+"/dev"))) {
			line = strings.TrimSuffix(line, "\n")
			if link, ok := strings.CutPrefix(line, "S:"); ok {
				v.links = append(v.links, "/dev/"+link)
			} else if value, ok := strings.CutPrefix(line, "E:ID_V4L_CAPABILITIES="); ok {
				v.capabilities = value
			}
		}
		if hidden {
			v.byID, v.byPath = linkBelow(v.links, idLinks), linkBelow(v.links, pathLinks)
		}
		index := m.text(dir + "/index")
		if link := linkIndex.FindStringSubmatch(cmp.Or(v.byID, v.byPath)); index == "" && link != nil {
			index = link[1]
		}
		v.index, _ = strconv.Atoi(index) // unknown: taken to be the first
		list = append(list, v)
	}
	slices.SortFunc(list, func(a, b videoDevice) int { return cmp.Compare(a.number, b.number) })
	return list
}

// linkBelow returns the first of the links that are in a folder, or nothing.
func linkBelow(links []string, dir string) (first string) {
	for _, link := range links {
		if path.Dir(link) == dir && printable(link) == link && (first == "" || link < first) {
			first = link
		}
	}
	return first
}

// noCamera returns why v gives no camera's picture; nothing if it does. Codecs and
// image processors of boards are video nodes with index 0 too: only what the
// driver told udev tells them apart.
func (v videoDevice) noCamera() string {
	switch {
	case v.index != 0:
		return "a further node of the same device (index " + strconv.Itoa(v.index) + "), such as a camera's metadata"
	case v.capabilities != "" && !strings.Contains(v.capabilities, ":capture:"):
		return "it does not capture: a codec, or an output"
	}
	return ""
}

// cameraAdvice returns what to do where there is none but n other video nodes.
func cameraAdvice(n int) string {
	const then = "look whether ls /dev/video* shows it; if not, sudo dmesg tells what the kernel made of it. " +
		"A container sees only those that it is given with --device."
	if n > 0 {
		return "No camera: the video nodes of this machine are no cameras'. Plug one in and " + then
	}
	return "No camera: plug one in and " + then
}
