package link

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/gorilla/websocket"
)

// A Code says what kind of reason an error is: what to do about it hangs on
// that alone.
type Code string

// The codes of errors. CodeOther is every other.
const (
	CodeOther             Code = "other"
	CodePolicy            Code = "policy"              // the owner's policy, or the URL itself, forbids it
	CodeAddress           Code = "address_refused"     // never dialled
	CodeNotLoopback       Code = "not_loopback"        // localhost leads elsewhere
	CodeLoopback          Code = "loopback"            // this machine, and the rule is not the owner's
	CodeOwnListener       Code = "own_listener"        // the agent itself
	CodeTokenMissing      Code = "token_missing"       // the relay wants one
	CodeTokenRefused      Code = "token_refused"       //
	CodeTokenUnanswered   Code = "token_unanswered"    // sent as a message, and nothing came
	CodeCredentialMissing Code = "credential_missing"  // its file is not there
	CodeCredential        Code = "credential_unusable" // its file holds no token for that host
	CodeNoSuchHost        Code = "no_such_host"        //
	CodeNoNameServer      Code = "no_name_server"      // names cannot be resolved
	CodeConnRefused       Code = "refused"             // nothing listens there
	CodeHungUp            Code = "hung_up"             // by the other end, or a firewall
	CodeUnreachable       Code = "unreachable"         // no way from this machine
	CodeTimeout           Code = "timeout"             //
	CodeUnknownAuthority  Code = "tls_unknown_authority"
	CodeWrongName         Code = "tls_wrong_name"
	CodeExpired           Code = "tls_expired"
	CodeNotYetValid       Code = "tls_not_yet_valid"
	CodeOldTLS            Code = "tls_version"
	CodeNoTLS             Code = "not_tls" // no TLS is spoken there
	CodeWantsCertificate  Code = "tls_wants_certificate"
	CodeBadCertificate    Code = "tls_bad_certificate" // the relay does not trust ours
	CodeRedirect          Code = "redirect"
	CodeProxyAuth         Code = "proxy_auth" // the proxy wants a password
	CodeProxyRefused      Code = "proxy_refused"
	CodeProxyDown         Code = "proxy_unreachable"
	CodeNotFound          Code = "not_found"
	CodeBusy              Code = "busy"
	CodeBadGateway        Code = "bad_gateway" // of the web server before the relay
	CodeRelayTrouble      Code = "relay_trouble"
	CodeNoWebsocket       Code = "no_websocket"
	CodeBadHandshake      Code = "bad_handshake" // against RFC 6455
	CodeBadRequest        Code = "bad_request"
	CodeWantsTLS          Code = "wants_tls"
	CodeNoRoom            Code = "no_room"    // for a long message
	CodeManyDials         Code = "many_dials" // to one host
	CodeNoReply           Code = "no_relay"   // what it said is no relay's answer
	CodeNoHTTP            Code = "not_http"
	CodeNoAccess          Code = "not_an_access_point"
	CodeNoPong            Code = "no_pong"
	CodeNoMQTT            Code = "no_mqtt" // at a broker's URL
)

// An Error is why there is no link, in words that hold no URL and no token.
type Error struct {
	Code Code
	// Location is where a redirect leads, nil for none.
	Location *url.URL
	Text     string
	refused  bool          // trying again at once is no use
	retry    time.Duration // the relay wants to be left alone for so long
}

func (e *Error) Error() string { return e.Text }

// NewError returns an error of what is spoken on a link.
func NewError(code Code, format string, args ...any) *Error { return newError(code, format, args...) }

func newError(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Text: fmt.Sprintf(format, args...), refused: code == CodeTokenRefused || code == CodeTokenMissing}
}

var (
	errNoURL  = newError(CodePolicy, "the destination is no URL")
	errNoPong = newError(CodeNoPong, "the other end answers no ping")
)

// describe puts a network's error in words. It leaves out what differs from one
// try to the next, such as this end's port.
func describe(err error) *Error {
	var own *Error
	if errors.As(err, &own) && own.Error() == err.Error() {
		return own
	}
	e := &Error{Code: CodeOf(err), Text: err.Error()}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "proxyconnect" {
		return newError(CodeProxyDown, "the proxy on the way cannot be reached: %v", op.Err)
	}
	if errors.As(err, &op) && op.Source != nil {
		e.Text = strings.Replace(e.Text, op.Error(), op.Op+": "+op.Err.Error(), 1)
	}
	var closed *websocket.CloseError
	if errors.As(err, &closed) && closed.Code != websocket.CloseAbnormalClosure {
		e.Text = fmt.Sprintf("the relay closed the link (%d)", closed.Code)
		if closed.Text != "" {
			e.Text += ": " + quoted(closed.Text)
		}
	} else if errors.As(err, &closed) {
		e.Text = "the other end hung up"
	}
	var invalid x509.CertificateInvalidError
	if !errors.As(err, &invalid) {
		return e
	}
	const day = time.DateOnly
	switch now := time.Now().Format(day); e.Code {
	case CodeNotYetValid:
		e.Text = fmt.Sprintf("certificate not yet valid, this machine's clock says %s", now)
	case CodeExpired:
		e.Text = fmt.Sprintf("certificate ended on %s, this machine's clock says %s", invalid.Cert.NotAfter.Format(day), now)
	}
	return e
}

// CodeOf tells what kind of reason any error of this package is, "" for none.
func CodeOf(err error) Code {
	var own *Error
	var dns *net.DNSError
	var alert *net.OpError
	var header tls.RecordHeaderError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var timeout net.Error
	var closed *websocket.CloseError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &own):
		return own.Code
	case errors.As(err, &dns) && dns.IsNotFound:
		return CodeNoSuchHost
	case errors.As(err, &dns):
		return CodeNoNameServer
	case errors.As(err, &unknown):
		return CodeUnknownAuthority
	case errors.As(err, &name):
		return CodeWrongName
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		if time.Now().Before(invalid.Cert.NotBefore) {
			return CodeNotYetValid
		}
		return CodeExpired
	case errors.As(err, &header), errors.Is(err, http.ErrSchemeMismatch):
		return CodeNoTLS
	case errors.As(err, &alert) && alert.Op == "remote error":
		return alertCodes[alert.Err.Error()]
	case errors.Is(err, syscall.ECONNREFUSED):
		return CodeConnRefused
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return CodeUnreachable
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return CodeTimeout
	case errors.As(err, &closed), errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return CodeHungUp
	}
	return CodeOther
}

// safe reports whether an error of a dial repeats nothing of what came in: a
// stranger's banner is for nobody who can only write rules.
func safe(err error) bool {
	var own *Error
	var op *net.OpError
	var verify *tls.CertificateVerificationError
	return errors.As(err, &own) || errors.As(err, &op) || errors.As(err, &verify) || errors.Is(err, context.Canceled) ||
		errors.Is(err, net.ErrClosed) || strings.HasPrefix(err.Error(), "tls: ") || strings.HasPrefix(err.Error(), "x509: ")
}

// quoted is what a stranger said: 200 printable characters of it.
func quoted(text string) string {
	return fmt.Sprintf(`"%.200s"`, strings.Map(func(char rune) rune {
		if unicode.IsPrint(char) {
			return char
		}
		return -1
	}, text))
}

// alertCodes are those of the alerts that a relay sends (RFC 8446, 6), by the
// text that crypto/tls gives them.
var alertCodes = map[string]Code{
	tls.AlertError(42).Error():  CodeBadCertificate,
	tls.AlertError(48).Error():  CodeBadCertificate,
	tls.AlertError(70).Error():  CodeOldTLS,
	tls.AlertError(116).Error(): CodeWantsCertificate,
}
