package agent

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strings"
	"time"
)

// expiry is when a token says that it ends, nil where it is no JSON web token
// (RFC 7519) or says nothing. Nobody has verified that: it is for the status.
func expiry(token string) *time.Time {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil
	}
	var claims struct {
		Exp *float64 `json:"exp"` // seconds since 1970, which may have a fraction
	}
	if json.Unmarshal(payload, &claims) != nil || claims.Exp == nil || math.Abs(*claims.Exp) > 1e11 {
		return nil
	}
	at := time.Unix(int64(*claims.Exp), 0).UTC()
	return &at
}
