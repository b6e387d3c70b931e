module vw

go 1.26

require (
	github.com/asticode/go-astits v1.13.0
	github.com/google/uuid v1.6.0
	github.com/gorilla/websocket v1.5.3
	github.com/jpillora/backoff v1.1.0
	github.com/spf13/pflag v1.0.10
)

require github.com/asticode/go-astikit v0.30.0 // indirect
