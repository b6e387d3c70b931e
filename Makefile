# make help lists the targets. Building needs Go alone; the tests also need
# what .ci/setup installs.

TOOL = go tool -modfile=.ci/go.mod

# The version comes from git where there is one; without it the program tells
# what Go wrote into it. Go itself does not ask git: that fails in a clone which
# belongs to another user.
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null)
BUILT := $(shell git log -1 --format=%cI 2>/dev/null)
BUILD = CGO_ENABLED=0 go build -trimpath -ldflags '$(if $(VERSION),-X main.version=$(VERSION) -X main.built=$(BUILT))'
CROSS = linux/arm windows/amd64 darwin/arm64
export GOFLAGS += -buildvcs=false

.PHONY: build demo test simulate soak cover fuzz mutate ci attack check vuln cross $(CROSS) bench dist dist-check lesson screenshots clip clean help setup

build: ## bin/vw and bin/testrelay (the default)
	$(BUILD) -o bin/ ./cmd/...

demo: build ## a relay, an agent and a source, live; ARGS='--for 10s' ends it by itself
	@bin/vw demo $(ARGS)

RACE = go test -race -vet=off -shuffle=on -timeout 20m

test: setup ## everything, with the race detector; installs what it needs
	# some of these compute while others wait
	$(MAKE) --no-print-directory -j2 -Oline check cross dist-check lesson
	# what computes leaves the processors to what is in real time; check has vetted both
	mkdir -p bin; go build -race ./...; \
		go test -count=1 -timeout 15m ./agent/soak -for 2m -cycles 2000 >bin/soak.log 2>&1 & soak=$$!; \
		nice $(RACE) ./command/... ./media/... >bin/media.log 2>&1 & media=$$!; \
		$(RACE) ./agent/... ./cmd/... ./testrelay/...; result=$$?; \
		wait $$soak || result=1; wait $$media || result=1; cat bin/soak.log bin/media.log; exit $$result
	# three worlds, of 210 hours together, in half a minute
	go test -count=1 -timeout 10m ./agent -run 'TestSimulation$$' -hours 70
	# alone: what viewers see is in real time
	go test -count=1 -timeout 10m ./agent/players -rows 1
	go test -count=1 ./agent -run 'TestFleet.*/refuses_10m' -fleet 10000

simulate: ## a whole agent in simulated time, against a model; SEED=1 HOURS=200
	go test -count=1 -timeout 60m -v ./agent -run 'TestSimulation$$' -seed $(or $(SEED),0) -hours $(or $(HOURS),200)

soak: ## the real program, with faults, for FOR=30m; then CYCLES=86400 rules come and go; SEED=1
	go test -count=1 -timeout 0 -v ./agent/soak -for $(or $(FOR),30m) -cycles $(or $(CYCLES),86400) -seed $(or $(SEED),1)

cover: ## how much of agent, command and media the tests run, by package, in bin/cover.html too
	mkdir -p bin
	go test -count=1 -timeout 30m -coverpkg=./agent/...,./command/...,./media/... -coverprofile=bin/cover.out ./agent/... ./cmd/... ./command/... ./media/...
	go tool cover -html=bin/cover.out -o bin/cover.html
	@awk -f .ci/cover.awk bin/cover.out

ci: ## what continuous integration runs, as it runs it
	.ci/run

check: ## the quick part, in seconds once the linter is built: format, vet, lint
	$(TOOL) golangci-lint run ./...

vuln: ## asks the Go vulnerability database about what the programs use; needs vuln.go.dev
	$(TOOL) govulncheck ./...

FUZZTIME = 1m

fuzz: ## every fuzz target for a minute: FUZZTIME=10m, FUZZ=FuzzHandle for one
	@grep -rl --include='*_test.go' '^func $(FUZZ)' agent cmd command media testrelay | while read -r file; do \
		for target in $$(sed -n 's/^func \($(FUZZ)[A-Za-z]*\)(f \*testing\.F.*/\1/p' "$$file"); do \
			echo "$$target of $$(dirname "$$file")"; \
			go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) "./$$(dirname "$$file")" </dev/null || exit 1; \
		done; \
	done

FUZZ = Fuzz

mutate: ## breaks the program at 100 places, one at a time, and says where no test notices; ARGS='-seed 2 -n 10'
	@go -C .ci build -o ../bin/mutate ./mutate
	@bin/mutate $(ARGS)

attack: ## the long form of the attacks on a whole agent, which the tests run in short
	go test -count=1 -timeout 60m -v ./agent/attack -long

cross: $(CROSS) ## the programs for 32-bit arm, Windows and macOS, in bin/GOOS-GOARCH

$(CROSS):
	GOOS=$(@D) GOARCH=$(@F) $(BUILD) -o bin/$(@D)-$(@F)/ ./cmd/...
	GOOS=$(@D) GOARCH=$(@F) CGO_ENABLED=0 go vet -trimpath ./... # as it was built: half is there

bench: ## benchmarks, against the last tag or main; BENCH=regexp COUNT=6
	@bash .ci/bench

screenshots: setup ## takes the pictures of README and the manuals anew, into .github
	go test -count=1 ./agent -run TestBrowserTakesThePicturesOfTheManuals -args -screenshots

dist: ## what users are given, in bin/dist: archives, Debian packages, SHA256SUMS; TARGETS='linux-arm64 …'
	cmd/vw/dist/build $(TARGETS)

lesson: ## the first page of README, done in a fresh Debian (as root)
	cmd/vw/dist/lesson

dist-check: ## holds the packages for Linux against what they are to be
	cmd/vw/dist/check

# The clip that vw demo plays where there is no ffmpeg: a square that goes round
# on colour bars in 4.8 s, and every 1.2 s a flash with a beep. 4.8 s are 120
# frames of video and 200 of audio, so that it can go round without a seam.
clip: setup ## makes the embedded clip anew
	ffmpeg -nostdin -v warning -y \
		-f lavfi -i "smptebars=size=640x480:rate=25[bars]; \
			color=white:size=48x48:rate=25[square]; \
			color=white:size=640x40:rate=25[flash]; \
			[bars][square]overlay=x=296+240*sin(2*PI*t/4.8):y=216+160*cos(2*PI*t/4.8)[moving]; \
			[moving][flash]overlay=y=440:enable='between(mod(t,1.2),0.595,0.795)'" \
		-f lavfi -i "aevalsrc='0.25*sin(2*PI*880*t)*between(mod(t,1.2),0.6,0.8)':sample_rate=48000" \
		-t 4.8 -fflags +bitexact \
		-c:v mpeg1video -b:v 600k -g 24 -bf 0 -flags:v +bitexact \
		-c:a mp2 -b:a 96k -flags:a +bitexact \
		-muxpreload 0 -muxdelay 0.1 -pcr_period 40 -pes_payload_size 0 \
		-metadata service_name="vw demo" -metadata service_provider=vw \
		-f mpegts cmd/vw/clip/clip.ts

setup:
	@bash .ci/setup

clean: ## removes what was built
	rm -rf bin

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile
