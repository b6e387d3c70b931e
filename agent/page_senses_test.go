package agent_test

import (
	"testing"

	"vw/agent"
)

// ffmpeg's sine is of an eighth of full scale: -18 dB.
func TestBrowserShowsCodedPicturesAndHowLoudItIs(t *testing.T) {
	a := start(t, nil, agent.Config{})
	const coded = " -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 25 "
	a.ffmpeg(t, "cam", testPicture+coded+"-bf 0")
	a.ffmpeg(t, "orange", "-f lavfi -i color=orange:size=160x120:rate=25"+coded+"-bf 2")
	a.ffmpeg(t, "mic", "-f lavfi -i sine=frequency=440:sample_rate=48000 -c:a mp2")
	a.ffmpeg(t, "booth", "-f lavfi -i sine=frequency=440:sample_rate=48000 -c:a aac")
	a.ffmpeg(t, "far", "-f lavfi -i sine=frequency=440:sample_rate=44100 -af volume=-30dB -c:a libmp3lame")
	a.ffmpeg(t, "off", "-f lavfi -i anullsrc=sample_rate=48000:channel_layout=mono -c:a mp2")
	browse(t, "senses.mjs", map[string]any{"url": a.URL(), "artefacts": artefacts(t), "levels": [][]any{
		{"mic", -23, -13, ""}, {"booth", -20, -16, ""}, {"far", -52, -44, "faint"}, {"off", -60, -60, "silence"},
	}}, map[string]func(string) any{
		"readers": func(string) any {
			n := 0
			for _, f := range a.feeds(t) {
				n += f.Readers
			}
			return n
		},
	})
}
