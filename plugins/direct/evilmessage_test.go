package direct_test

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/driver"
	"github.com/patchbay-dev/patchbay/host/egress"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/plugins/direct"
)

// unreadable are modules whose answers are no answers.
var unreadable = []struct{ row, name, text string }{
	{"P-07", "message-truncated", "cut short"},
	{"P-07", "message-length-of-4-gib", "cut short"},
	{"P-07", "message-oneof-empty", "no member"},
	{"P-07", "message-oneof-twice", "second member"},
	{"P-07", "message-unknown-action", "has no field 99"},
	{"P-07", "message-unknown-field", "has no field 127"},
	{"P-07", "message-wire-type", "wrong wire type"},
	{"P-07", "message-varint-without-end", "cut short"},
	{"P-07", "message-json", ""},
	{"P-07", "message-not-utf-8", "not UTF-8"},
	{"P-07", "message-two-ends", ""},
	{"P-07", "message-no-end", ""},
	{"P-07", "message-empty-list", ""},
	{"P-07", "message-deep-parts", "nests deeper than 32"},
	{"P-06", "message-state-flood", "state"},
	{"P-06", "message-actions-flood", "100,000"},
	{"P-06", "message-payload-flood", "100,000"},
}

// noDoor is the way out of providers that have none.
type noDoor struct{}

func (noDoor) Do(context.Context, *auth.Auth, egress.Destination, *http.Request) (*http.Response, error) {
	return nil, errors.New("there is no way out")
}

// drive serves a module as a provider.
func drive(t *testing.T, m *direct.Module) *driver.Executor {
	t.Helper()
	manifest := &abi.Manifest{ID: "test", Version: "1.0.0", ABI: 1}
	e, err := driver.New(m, manifest, abi.Provider{Key: "evil", Formats: []string{"openai-chat"}}, driver.Options{Door: noDoor{}})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// ask sends one request through a module, as a whole answer or a stream.
func ask(ctx context.Context, e *driver.Executor, stream bool) error {
	a := &auth.Auth{ID: "a", Provider: "evil"}
	req := executor.Request{Model: "m", Payload: []byte(`{"model":"m","messages":[]}`)}
	if !stream {
		_, err := e.Execute(ctx, a, req, executor.Options{})
		return err
	}
	s, err := e.OpenStream(ctx, a, req, executor.Options{})
	if err == nil {
		err = s.Close()
	}
	return err
}

// wantPlugin checks that the plugin is to blame, by name, and nobody else.
func wantPlugin(t *testing.T, err error, status int, fault abi.Fault, text string) {
	t.Helper()
	var p *driver.PluginError
	if !errors.As(err, &p) {
		t.Fatalf("got %v, want the plugin's fault", err)
	}
	if p.StatusCode() != status || p.Call.Fault != fault || !strings.Contains(p.Error(), text) || !p.IsRequestScoped() {
		t.Errorf("got %d, %v; want %d, %v, %q", p.StatusCode(), err, status, fault, text)
	}
	if !strings.Contains(p.Public.Message, "plugin test") {
		t.Errorf("a client is told %q", p.Public.Message)
	}
}

// TestUnreadableAnswers: each is a protocol error that blames the plugin and no
// credential, and costs the host little.
func TestUnreadableAnswers(t *testing.T) {
	for _, e := range unreadable {
		t.Run(e.row+" "+e.name, func(t *testing.T) {
			m := load(t, readEvil(t, e.name), patient)
			evil := drive(t, m)
			for _, stream := range []bool{false, true} {
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				err := ask(t.Context(), evil, stream)
				runtime.ReadMemStats(&after)
				wantPlugin(t, err, http.StatusBadGateway, abi.FaultProtocol, e.text)
				if made := after.TotalAlloc - before.TotalAlloc; made > 256<<20 {
					t.Errorf("the answer became %d MiB", made>>20)
				}
			}
			if s := m.Stats(); s.Leased != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// P-01: a trap is answered with 502 and the plugin's name.
func TestP01TrapIs502(t *testing.T) {
	m := load(t, readEvil(t, "trap-in-every-op"), nil)
	for _, stream := range []bool{false, true} {
		wantPlugin(t, ask(t.Context(), drive(t, m), stream), http.StatusBadGateway, abi.FaultTrap, "unreachable")
	}
}

// P-02: an endless loop is answered with 504 when the call's time is over.
func TestP02EndlessLoopIs504(t *testing.T) {
	r := newRuntime(t)
	r.SetClock(ticking())
	m, err := loadOn(t, r, readEvil(t, "loop-empty"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer closeNow(t, m)
	for _, stream := range []bool{false, true} {
		wantPlugin(t, ask(t.Context(), drive(t, m), stream), http.StatusGatewayTimeout, abi.FaultDeadline, "used up its 2s")
	}
}
