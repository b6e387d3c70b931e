package status

import "vw/agent/link"

// Advice returns what to do about an error or problem of that code, "" where its
// own words say so.
func Advice(code link.Code) string { return advice[code] }

var advice = map[link.Code]string{
	link.CodeTokenRefused:     "ask whoever runs the relay for a token that is valid now",
	link.CodeTokenUnanswered:  "does the relay take it as a message? auth says how it is shown",
	link.CodeTokenMissing:     "give one, by VW_TOKEN or in the rule; auth says how it is shown",
	link.CodeNoSuchHost:       "is the name spelt right, and known in the DNS?",
	link.CodeNoNameServer:     "names cannot be resolved: is the network up, and its name server?",
	link.CodeConnRefused:      "nothing listens there: are host and port right, and does the relay run?",
	link.CodeHungUp:           "the other end hung up, or a firewall on the way: is it a relay?",
	link.CodeUnreachable:      "this machine has no way there: is its network up?",
	link.CodeAddress:          "no relay has such an address: correct it, or the name's entry in the DNS",
	link.CodeNotLoopback:      "correct this machine's hosts file",
	link.CodeUnknownAuthority: "if you trust its authority, give its certificate: VW_CA_FILE",
	link.CodeWrongName:        "write the name that is in the certificate, or have the relay's certificate corrected",
	link.CodeNotYetValid:      "set the clock: timedatectl set-ntp true",
	link.CodeExpired:          "if the clock is right the relay needs a new certificate: tell whoever runs it",
	link.CodeOldTLS:           "the relay's software has to be renewed: TLS 1.2 is the oldest that is safe",
	link.CodeWantsCertificate: "the relay wants a certificate of this machine: VW_CERT_FILE and VW_KEY_FILE",
	link.CodeBadCertificate:   "the relay does not trust this machine's certificate: VW_CERT_FILE and VW_KEY_FILE",
	link.CodeNoTLS:            "no TLS is spoken there: is the port right?",
	link.CodeProxyAuth:        "the proxy wants a name and password: write them in the proxy's URL",
	link.CodeNotFound:         "nothing is at this path: is the URL's path right?",
	link.CodeBusy:             "the relay is asked too often: wait",
	link.CodeBadGateway:       "the web server before the relay does not reach it: tell whoever runs it",
	link.CodeRelayTrouble:     "the relay has trouble of its own: wait, or tell whoever runs it",
	link.CodeNoWebsocket:      "is the URL's path right, and does the web server before the relay pass on the headers Upgrade and Connection?",
	link.CodeBadHandshake:     "the relay's software does not keep to the standard (RFC 6455): tell whoever runs it",
	link.CodeBadRequest:       "does the port want wss:// in place of ws://? Else the web server before the relay has to pass on the headers Upgrade and Connection",
	link.CodeWantsTLS:         "write wss:// in place of ws://",
	link.CodeNoReply:          "is it a relay that takes its token as a message? auth says how it is shown",
	link.CodeNoHTTP:           "what answers is no web server: is the port right?",
	link.CodeProxyRefused:     "have whoever runs the proxy allow CONNECT to the relay's host and port, or leave the proxy out: NO_PROXY",
	link.CodeProxyDown:        "is HTTPS_PROXY or HTTP_PROXY right, and does the proxy run?",
	link.CodeNoAccess:         "is it an access relay? Else write ws:// or wss://",
	link.CodeNoPong:           "a relay that refuses a token may fall silent like that: check the token, how it is shown (auth), and the path",
	link.CodeTimeout:          "somebody on the way swallows what is sent: is the port open outward? 80 and 443 mostly are",

	CodeStalled:          "it is given up if that lasts: is the relay overloaded, or the network?",
	CodeBehind:           "lower the bitrate, or see what vw doctor measures",
	CodeNoSource:         "start ffmpeg: vw devices prints the line",
	CodeSourceSilent:     "see what ffmpeg prints: does its device deliver?",
	CodeNotMPEGTS:        "ffmpeg is to write -f mpegts",
	CodeNoTracks:         "is it a transport stream?",
	CodeTakenOver:        "give each ffmpeg a feed of its own: two on one feed end each other for ever",
	CodeTokenReadOnly:    "ask whoever runs the relay for a token with the scope write",
	CodeTokenExpired:     "ask whoever runs the relay for a new one: it may hang up, and let nobody in again",
	CodeRecordingStopped: "see to the disk, then add the rule again",
	CodeStateNotSaved:    "see to the disk or folder of VW_STATE",
	CodeStateDamaged:     "look at what is muted; vw unmute '*' and vw unlock end it",
	CodeClockUnset:       "set the clock: timedatectl set-ntp true",
	CodeOnAirFile:        "see to the disk or folder of VW_ON_AIR_FILE",
}
