package main

import (
	"fmt"
	"regexp"
	"strings"
)

// validity is how crypto/x509 tells that a certificate is not valid now.
var validity = regexp.MustCompile(`current time (\d+-\d+-\d+)\S* is (before|after) (\d+-\d+-\d+)`)

const (
	setClock = "set the clock: timedatectl set-ntp true"
	newToken = "ask whoever runs the relay for a token that is valid now"
	otherTLS = "the relay's software has to be renewed: TLS 1.2 is the oldest that is safe"
)

// advice is what to do about errors. They are told apart by their text, since an
// agent hands on no more; the first sign that is in it counts.
var advice = []struct{ sign, do string }{
	{"refused the token", newToken},
	{"did not answer the token", "does the relay take it as a message? --auth says how it is shown"},
	{"wants a token", "give one: VW_TOKEN, and --auth says how it is shown"},
	{"no such host", "is the name spelt right, and known in the DNS?"},
	{"lookup ", "names cannot be resolved: is the network up, and its name server?"},
	{"connection refused", "nothing listens there: are host and port right, and does the relay run?"},
	{"connection reset", "the other end hung up, or a firewall on the way: is it a relay?"},
	{"broken pipe", "the other end hung up, or a firewall on the way: is it a relay?"},
	{"network is unreachable", "this machine has no way there: is its network up?"},
	{"no route to host", "this machine has no way there: is its network up?"},
	{"link-local", "no relay has such an address: correct the name's entry in the DNS"},
	{"localhost leads", "correct this machine's hosts file"},
	{"unknown authority", "if you trust its authority, give its certificate: VW_CA_FILE"},
	{"certificate is valid for", "write the name that is in the certificate, or have the relay's certificate corrected"},
	{"cannot validate certificate", "write the name that is in the certificate, or have the relay's certificate corrected"},
	{"not valid for any names", "write the name that is in the certificate, or have the relay's certificate corrected"},
	{"protocol version", otherTLS},
	{"certificate required", "the relay wants a certificate of this machine: VW_CERT_FILE and VW_KEY_FILE"},
	{"bad certificate", "the relay does not trust this machine's certificate: VW_CERT_FILE and VW_KEY_FILE"},
	{"does not look like a TLS handshake", "no TLS is spoken there: is the port right?"},
	{"HTTP response to HTTPS client", "no TLS is spoken there: is the port right?"},
	{"redirect", ""}, // says so itself
	{"Proxy Authentication", "the proxy wants a name and password: write them in the proxy's URL"},
	{"HTTP 404", "nothing is at this path: is the URL's path right?"},
	{"HTTP 429", "the relay is asked too often: wait"},
	{"HTTP 502", "the web server before the relay does not reach it: tell whoever runs it"},
	{"HTTP 504", "the web server before the relay does not reach it: tell whoever runs it"},
	{"HTTP 5", "the relay has trouble of its own: wait, or tell whoever runs it"},
	{"no websocket there", "is the URL's path right, and does the web server pass websockets on?"},
	{"no ping", "a relay that refuses a token may fall silent like that: check the token, how it is shown (auth), and the path"},
	{"answer within", "somebody on the way swallows what is sent: is the port open outward? 80 and 443 mostly are"},
	{"link within", "somebody on the way swallows what is sent: is the port open outward? 80 and 443 mostly are"},
	{"timeout", "somebody on the way swallows what is sent: is the port open outward? 80 and 443 mostly are"},
	{"EOF", "the other end hung up, or a firewall on the way: is it a relay?"},
}

// explain puts the text of a link's error in words, and says what to do about it.
func explain(text string) (why, do string) {
	if m := validity.FindStringSubmatch(text); m != nil && m[2] == "before" {
		return fmt.Sprintf("certificate not yet valid, this machine's clock says %s", m[1]), setClock
	} else if m != nil {
		return fmt.Sprintf("certificate ended on %s, this machine's clock says %s", m[3], m[1]),
			"if the clock is right the relay needs a new certificate: tell whoever runs it"
	}
	for _, a := range advice {
		if strings.Contains(text, a.sign) {
			return text, a.do
		}
	}
	return text, ""
}
