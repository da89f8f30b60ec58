package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"
)

type shown struct {
	APIKey string `json:"api_key"`
	Note   string `json:"note"`
	N      int64  `json:"n"`
}

type brokenStringer struct{ p *int }

func (b *brokenStringer) String() string { return string(rune(*b.p)) }

func logged(t *testing.T, o Options, emit func(*slog.Logger)) string {
	t.Helper()
	var buf bytes.Buffer
	log, err := NewLogger(&buf, o)
	if err != nil {
		t.Fatal(err)
	}
	emit(log)
	return buf.String()
}

func TestNoSecretReachesTheLog(t *testing.T) {
	var s Secrets
	s.Add(live)
	cases := map[string]func(*slog.Logger){
		"message":        func(l *slog.Logger) { l.Info("refused " + live) },
		"value":          func(l *slog.Logger) { l.Info("m", "v", live) },
		"error":          func(l *slog.Logger) { l.Info("m", "error", errors.New("bad key "+live)) },
		"bytes":          func(l *slog.Logger) { l.Info("m", "v", []byte("x"+live)) },
		"struct":         func(l *slog.Logger) { l.Info("m", "v", shown{Note: live}) },
		"slice":          func(l *slog.Logger) { l.Info("m", "v", []string{"a", live}) },
		"map key":        func(l *slog.Logger) { l.Info("m", "v", map[string]int{live: 1}) },
		"group":          func(l *slog.Logger) { l.Info("m", slog.Group("g", "v", live)) },
		"with":           func(l *slog.Logger) { l.With("v", live).WithGroup("g").Info("m") },
		"key by name":    func(l *slog.Logger) { l.Info("m", "Authorization", "Bearer "+live[:12]) },
		"nested by name": func(l *slog.Logger) { l.Info("m", "v", shown{APIKey: live[:12]}) },
		"headers":        func(l *slog.Logger) { l.Info("m", "v", http.Header{"X-Api-Key": {live[:12]}}) },
		"group by name":  func(l *slog.Logger) { l.Info("m", slog.Group("refresh_token", "v", live[:12])) },
		"lazy":           func(l *slog.Logger) { l.Info("m", "v", lazy{}) },
	}
	for name, emit := range cases {
		for _, format := range []string{"json", "text"} {
			out := logged(t, Options{Format: format, Secrets: &s}, emit)
			if strings.Contains(out, live[:12]) {
				t.Errorf("%s as %s: %s", name, format, out)
			}
			if !strings.Contains(out, Redacted) {
				t.Errorf("%s as %s: nothing was redacted: %s", name, format, out)
			}
		}
	}
}

type lazy struct{}

func (lazy) LogValue() slog.Value { return slog.StringValue(live) }

func TestOrdinaryAttributesStay(t *testing.T) {
	var s Secrets
	s.Add(live)
	out := logged(t, Options{Secrets: &s}, func(l *slog.Logger) {
		l.Info("request", "key_id", "abcd1234", "credential", "cfg-1", "input_tokens", 12, "took", time.Second,
			"ok", true, "v", shown{Note: "n", N: 1 << 60}, "nothing", nil)
	})
	var got map[string]any
	dec := json.NewDecoder(strings.NewReader(out))
	dec.UseNumber()
	if err := dec.Decode(&got); err != nil {
		t.Fatal(err)
	}
	for k, want := range map[string]any{
		"msg": "request", "key_id": "abcd1234", "credential": "cfg-1", "input_tokens": json.Number("12"), "ok": true, "nothing": nil,
	} {
		if got[k] != want {
			t.Errorf("%s is %v, want %v", k, got[k], want)
		}
	}
	if n := got["v"].(map[string]any)["n"]; n != json.Number("1152921504606846976") {
		t.Errorf("a large number became %v", n)
	}
}

func TestWhatCannotBeShownDoesNotKillTheLog(t *testing.T) {
	out := logged(t, Options{}, func(l *slog.Logger) {
		l.Info("m", "a", &brokenStringer{}, "b", (*brokenStringer)(nil), "c", func() {})
	})
	if strings.Count(out, "cannot be shown") != 3 {
		t.Errorf("got %s", out)
	}
}

func TestSecretKeyNames(t *testing.T) {
	for _, key := range []string{
		"authorization", "Proxy-Authorization", "api_key", "X-API-Key", "apiKey", "x-goog-api-key", "access_token", "token",
		"client_secret", "password", "Set-Cookie", "private_key", "key", strings.Repeat("k", 100),
	} {
		if !secretKey(key) {
			t.Errorf("%s should be secret", key)
		}
	}
	for _, key := range []string{"key_id", "model", "credential", "request_id", "status", "msg", "monkey", ""} {
		if secretKey(key) {
			t.Errorf("%s should not be secret", key)
		}
	}
}

func TestUnknownLevelAndFormatAreRefused(t *testing.T) {
	for _, o := range []Options{{Level: "loud"}, {Format: "xml"}} {
		if _, err := NewLogger(&bytes.Buffer{}, o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
	if out := logged(t, Options{Level: "warn"}, func(l *slog.Logger) { l.Info("m") }); out != "" {
		t.Errorf("info was logged at warn: %s", out)
	}
	if out := logged(t, Options{Level: "DEBUG"}, func(l *slog.Logger) { l.Debug("m") }); out == "" {
		t.Error("debug was not logged at debug")
	}
}

func FuzzSecretKey(f *testing.F) {
	f.Add("authorization")
	f.Add(strings.Repeat("_", 80))
	f.Fuzz(func(t *testing.T, key string) {
		if len(key) < 50 && !secretKey("a_"+key+"_TOKEN") {
			t.Fatalf("%q with token in it is not secret", key)
		}
	})
}

func BenchmarkLogLine(b *testing.B) {
	var s Secrets
	s.Add(live)
	log, err := NewLogger(discard{}, Options{Secrets: &s})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		log.Info("request", "request_id", "req_0123456789abcdef", "key_id", "abcd1234", "model", "small", "credential", "cfg-0123",
			"attempts", 1, "status", 200, "ttfb_ms", 12.5, "total_ms", 123.4)
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
