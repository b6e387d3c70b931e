//go:build unix

package main_test

import (
	"regexp"
	"strings"
	"testing"
)

const secret = "s3cret-token-of-nobody"

func TestSettingsThatCannotBeUsedStopTheStart(t *testing.T) {
	for name, c := range map[string]struct {
		environ []string
		args    []string
		words   []string
	}{
		"unknown flag":          {nil, []string{"--frob=1"}, []string{"no flag --frob: ", "vw stream --help"}},
		"misspelt flag":         {nil, []string{"--prot=1"}, []string{"no flag --prot (did you mean --port?)"}},
		"misspelt mute":         {[]string{"VW_MUTE=cam"}, nil, []string{"VW_MUTE means nothing", "did you mean VW_MUTED?"}},
		"misspelt mutes":        {[]string{"VW_MUTED_FEEDS=cam"}, nil, []string{"did you mean VW_MUTED?"}},
		"misspelt mute file":    {[]string{"VW_MUTEFILE=/run/mute"}, nil, []string{"did you mean VW_MUTE_FILE?"}},
		"word too many":         {nil, []string{"8888"}, []string{`"8888"`}},
		"flag no number":        {nil, []string{"--port", "eight"}, []string{"--port=eight: this is no whole number"}},
		"variable no number":    {[]string{"VW_PORT=eight"}, nil, []string{"VW_PORT=eight"}},
		"no port":               {[]string{"VW_PORT=99999"}, nil, []string{"99999"}},
		"no fixed port":         {[]string{"VW_PORT=0"}, nil, []string{"port 0"}},
		"no duration":           {[]string{"VW_PING_INTERVAL=15"}, nil, []string{"VW_PING_INTERVAL=15: this is no time such as 10s"}},
		"duration too short":    {[]string{"VW_PING_INTERVAL=1ms"}, nil, []string{"100ms"}},
		"nothing to keep by":    {[]string{"VW_RECORD_KEEP=7 days"}, nil, []string{"VW_RECORD_KEEP=7 days", "7d,20GB"}},
		"trial too long":        {[]string{"VW_API_TRIAL=48h"}, nil, []string{"24h"}},
		"heartbeat too short":   {[]string{"VW_API_HEARTBEAT=10ms"}, nil, []string{"1s", "24h"}},
		"no truth":              {[]string{"VW_ALLOW_PLAINTEXT=perhaps"}, nil, []string{"VW_ALLOW_PLAINTEXT=perhaps"}},
		"no level":              {[]string{"VW_LOG_LEVEL=loud"}, nil, []string{"VW_LOG_LEVEL=loud", "debug"}},
		"no level, old name":    {[]string{"VW_LOGLEVEL=loud"}, nil, []string{"VW_LOGLEVEL=loud", "debug"}},
		"no format":             {nil, []string{"--log-format", "xml"}, []string{"xml", "json"}},
		"no glob":               {[]string{"VW_ALLOW_DESTINATIONS=[a"}, nil, []string{"[a"}},
		"no mute":               {[]string{"VW_MUTED=cam:smell"}, nil, []string{"cam:smell"}},
		"plaintext":             {[]string{"VW_API=ws://relay.example/bi/x"}, nil, []string{"VW_ALLOW_PLAINTEXT=true"}},
		"no URL":                {[]string{"VW_API=relay.example"}, nil, []string{"wss://"}},
		"no CA file":            {[]string{"VW_CA_FILE=no/such.pem"}, nil, []string{"no/such.pem"}},
		"half a certificate":    {[]string{"VW_CERT_FILE=cert.pem"}, nil, []string{"key file"}},
		"token without channel": {[]string{"VW_API_TOKEN=" + secret}, nil, []string{"VW_API"}},
		"file without channel":  {[]string{"VW_API_TOKEN_FILE=token"}, nil, []string{"VW_API"}},
		"token given twice":     {[]string{"VW_API=wss://relay.example/x", "VW_API_TOKEN=" + secret, "VW_API_TOKEN_FILE=token"}, nil, []string{"twice", "VW_API_TOKEN_FILE"}},
		"file over plaintext":   {[]string{"VW_API=ws://relay.example/x", "VW_API_TOKEN_FILE=token", "VW_ALLOW_PLAINTEXT=true"}, nil, []string{"use wss://"}},
		"token over two lines":  {[]string{"VW_API=wss://relay.example/x", "VW_API_TOKEN=" + secret + "\nx"}, nil, []string{"token"}},
		"token, one dash":       {nil, []string{"-api-token=" + secret}, []string{"two dashes"}},
		"password in the URL":   {[]string{"VW_API=wss://me:" + secret + "@relay.example/x"}, nil, []string{"password"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := vw(t, c.environ, append([]string{"stream"}, c.args...)...)
			if code := p.ended(t, patience); code != 2 || p.out.String() != "" {
				t.Errorf("code %d, %s", code, &p.out)
			}
			oneLine(t, p.err.String(), "vw stream", c.words...)
			if strings.Contains(p.err.String(), secret) {
				t.Errorf("the token is in %s", &p.err)
			}
		})
	}
}

func TestHelpShowsTheVariableOfEachFlag(t *testing.T) {
	for _, command := range []string{"stream", "mute", "unmute", "lock", "unlock"} {
		p := vw(t, nil, command, "--help")
		if code := p.ended(t, patience); code != 0 || p.err.String() != "" {
			t.Errorf("%s: code %d, %s", command, code, &p.err)
		}
		flags := regexp.MustCompile(`(?m)^ +--([a-z-]+) ?([A-Z]*)  +(\S+)`).FindAllStringSubmatch(p.out.String(), -1)
		if len(flags) == 0 {
			t.Errorf("%s names no flag:\n%s", command, &p.out)
		}
		for _, f := range flags {
			if want := "[VW_" + strings.ToUpper(strings.ReplaceAll(f[1], "-", "_")) + "]"; f[3] != want {
				t.Errorf("%s --%s: %s, want %s", command, f[1], f[3], want)
			}
		}
	}
}

func TestMisspeltVariableIsToldByEveryCommand(t *testing.T) {
	port := freePort(t)
	p := vw(t, []string{"VW_PROT=" + port, "VW_PORT=" + port, "VW_STATE=x", "VW_MUTED=cam"}, "status")
	if code := p.ended(t, patience); code != 3 || strings.Count(p.err.String(), "\n") != 2 ||
		!strings.HasPrefix(p.err.String(), "vw status: VW_PROT has no meaning (did you mean VW_PORT?)\n") {
		t.Errorf("code %d\n%s", code, &p.err)
	}
	p = vw(t, []string{"VW_ALLOW_DESTINATIONS=x", "VW_NAME=x", "VW_LOGLEVEL=debug", "VW_UNTILL=18:00"}, "mute", "--port", port, "cam")
	p.ended(t, patience)
	if !strings.HasPrefix(p.err.String(), "vw mute: VW_UNTILL has no meaning (did you mean VW_UNTIL?)\nvw mute: no agent answers") {
		t.Errorf("vw mute says\n%s", &p.err)
	}
}
