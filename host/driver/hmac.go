package driver

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
)

// hash makes a keyed hash of the covered parts of a request, each but the last
// with a line feed behind it, and writes the time where the manifest says.
func (w *owner) hash(s *abi.HMACSigner, o *outgoing, now time.Time) (string, error) {
	key, err := w.source(s.Key)
	if err != nil {
		return "", err
	}
	stamp := ""
	if s.TimestampHeader != "" {
		stamp = timestamp(s.TimestampFormat, now)
		o.header[http.CanonicalHeaderKey(s.TimestampHeader)] = []string{stamp}
	}
	mac := hmac.New(sha256.New, []byte(key))
	if s.Hash == "sha512" {
		mac = hmac.New(sha512.New, []byte(key))
	}
	for i, part := range s.Cover {
		if i > 0 {
			mac.Write([]byte{'\n'})
		}
		mac.Write(o.covered(part, stamp))
	}
	sum := mac.Sum(nil)
	switch s.Encoding {
	case "base64":
		return base64.StdEncoding.EncodeToString(sum), nil
	case "base64url":
		return base64.RawURLEncoding.EncodeToString(sum), nil
	}
	return hex.EncodeToString(sum), nil
}

// covered returns one part of the request as it leaves.
func (o *outgoing) covered(part, stamp string) []byte {
	switch part {
	case "method":
		return []byte(o.method)
	case "host":
		return []byte(o.url.Host)
	case "path":
		return []byte(o.url.EscapedPath())
	case "query":
		return []byte(o.url.RawQuery)
	case "timestamp":
		return []byte(stamp)
	case "body":
		return o.body
	}
	name := strings.TrimPrefix(part, "header:")
	return []byte(strings.Join(o.header[http.CanonicalHeaderKey(name)], ","))
}

func timestamp(format string, now time.Time) string {
	switch format {
	case "unix_ms":
		return strconv.FormatInt(now.UnixMilli(), 10)
	case "rfc3339":
		return now.UTC().Format(time.RFC3339)
	}
	return strconv.FormatInt(now.Unix(), 10)
}
