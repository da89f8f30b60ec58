package direct_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/testkit/wasmcache"
	"github.com/patchbay-dev/patchbay/plugins/direct"
	"github.com/patchbay-dev/patchbay/plugins/meter"
)

// goGuest is plugins/testdata/guest, built by the Go toolchain.
var goGuest []byte

func TestMain(m *testing.M) {
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

func prepare() (err error) {
	if goGuest, err = wasmcache.Build("../testdata/guest"); err != nil {
		return err
	}
	return wasmcache.WarmAll(goGuest)
}

var yield = direct.Yield{Module: meter.YieldModule, Name: meter.YieldName, Slice: meter.Slice}

// initOf is the encoded init of a configuration.
func initOf(config string) []byte {
	return abi.AppendMessage(nil, &abi.InitInput{HostVersion: "0.0.0-test", ABI: abi.Version, Config: []byte(config)})
}

// newRuntime makes a runtime on the shared compile cache.
func newRuntime(t testing.TB) *direct.Runtime {
	t.Helper()
	r, err := direct.NewRuntime(wasmcache.Dir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(context.Background()); err != nil {
			t.Errorf("close the runtime: %v", err)
		}
	})
	return r
}

// config is how a module is loaded, once it is metered.
func config(t testing.TB, wasm []byte) direct.Config {
	t.Helper()
	metered, err := meter.Rewrite(wasm, meter.Config{})
	if err != nil {
		t.Fatalf("rewrite: %v", err)
	}
	return direct.Config{Plugin: "test", Wasm: metered.Wasm, Yield: yield, Init: initOf("{}")}
}

// tryLoad meters and loads a module.
func tryLoad(t testing.TB, wasm []byte, change func(*direct.Config)) (*direct.Module, error) {
	t.Helper()
	return loadOn(t, newRuntime(t), wasm, change)
}

func load(t testing.TB, wasm []byte, change func(*direct.Config)) *direct.Module {
	t.Helper()
	m, err := tryLoad(t, wasm, change)
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	t.Cleanup(func() {
		if err := m.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return m
}

// execute asks the Go guest for what model names.
func execute(ctx context.Context, m *direct.Module, model, arg string) (string, error) {
	in := abi.AppendMessage(nil, &abi.ExecuteInput{Attempt: &abi.Attempt{ID: arg, Model: model}})
	out, err := m.Call(ctx, abi.OpExecute, in, nil)
	if err != nil {
		return "", err
	}
	var list abi.ActionList
	if err := abi.DecodeStrict(out, &list); err != nil {
		return "", err
	}
	if len(list.Actions) != 1 || list.Actions[0].Which != abi.ActionIsReply {
		return "", fmt.Errorf("the guest answered %+v", list)
	}
	return string(list.Actions[0].Reply.Body), nil
}

// loadOn meters a module and loads it in a runtime.
func loadOn(t testing.TB, r *direct.Runtime, wasm []byte, change func(*direct.Config)) (*direct.Module, error) {
	t.Helper()
	c := config(t, wasm)
	if change != nil {
		change(&c)
	}
	return r.Load(context.Background(), c)
}

func closeNow(t testing.TB, m *direct.Module) {
	t.Helper()
	if err := m.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

// wantFault checks an error's fault and returns it.
func wantFault(t *testing.T, err error, want abi.Fault) *abi.CallError {
	t.Helper()
	var call *abi.CallError
	if !errors.As(err, &call) {
		t.Fatalf("got %v, want a CallError with fault %v", err, want)
	}
	if call.Fault != want {
		t.Fatalf("got fault %v (%v), want %v", call.Fault, err, want)
	}
	return call
}

// lines is a log that tests can read.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) add(level abi.LogLevel, line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, level.String()+" "+line)
}

func (l *lines) list() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.all...)
}

// faultOf returns the fault of an error, zero if it is none.
func faultOf(err error) abi.Fault {
	var call *abi.CallError
	if !errors.As(err, &call) {
		return 0
	}
	return call.Fault
}
