package media_test

import (
	"bytes"
	"context"
	"fmt"

	"vw/media"
	"vw/media/mpegts"
)

// A post brings packets into a feed, and a subscriber takes them out of it.
func Example() {
	router := media.NewRouter()
	reader := router.Subscribe(media.Subscription{Name: "video0", Client: true})
	defer reader.Close()
	reader.Start()

	packets := bytes.Repeat(mpegts.AppendPCR(nil, 0x100, 0, 0), 3)
	if err := router.Post("video0", nil).Copy(bytes.NewReader(packets)); err != nil {
		fmt.Println(err)
	}

	m, err := reader.Take(context.Background())
	fmt.Println(m.Len(), err)
	reader.Done(true)
	fmt.Println(router.Feeds("video0")["video0"].Packets)
	// Output:
	// 564 <nil>
	// 3
}

// A stream makes one program of several feeds; what its rule leaves out is no
// longer handed out when the change has been waited for.
func ExampleRouter_SetStreams() {
	router := media.NewRouter()
	router.SetStreams(map[string][]string{"lab": {"camera", "microphone"}}).Wait(context.Background())
	router.SetStreams(map[string][]string{"lab": {"camera"}}).Wait(context.Background())
	fmt.Println(router.Streams()["lab"].Feeds)
	// Output: [camera]
}
