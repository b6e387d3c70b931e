module vw

go 1.26

require (
	github.com/VictoriaMetrics/metrics v1.35.1
	github.com/asticode/go-astits v1.13.0
	github.com/gen2brain/mpeg v0.5.0
	github.com/google/uuid v1.6.0
	github.com/gorilla/websocket v1.5.3
	github.com/jpillora/backoff v1.1.0
	github.com/spf13/pflag v1.0.10
)

require (
	github.com/asticode/go-astikit v0.30.0 // indirect
	github.com/valyala/fastrand v1.1.0 // indirect
	github.com/valyala/histogram v1.2.0 // indirect
	golang.org/x/sys v0.15.0 // indirect
)
