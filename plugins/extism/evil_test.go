package extism_test

import (
	"strings"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/testkit/asm"
	"github.com/patchbay-dev/patchbay/plugins/direct"
	"github.com/patchbay-dev/patchbay/plugins/extism"
)

var none [4]string

// TestEvilGuests drives each way that Extism's kernel and SDK leave to a guest:
// each ends in a fault of its own, and the next call finds a clean instance.
func TestEvilGuests(t *testing.T) {
	env := func(name, params, results string) [4]string {
		return [4]string{extism.EnvModule, name, params, results}
	}
	drop := asm.Drop()
	tests := []struct {
		name  string
		extra [4]string
		body  func(k kit) [][]byte
		fault abi.Fault
		says  string
	}{
		{"P-02 an endless loop", none, func(kit) [][]byte { return [][]byte{asm.Spin(), asm.I32(0)} }, abi.FaultDeadline, "used up"},
		{"an endless loop of imports", none, func(k kit) [][]byte {
			return [][]byte{{0x03, 0x40}, asm.I64(0), asm.Call(k.inputLoadU8), drop, {0x0c, 0x00}, {0x0b}, asm.I32(0)}
		}, abi.FaultDeadline, "used up"},
		{"an endless loop of the log", env("log_warn", "l", ""), func(k kit) [][]byte {
			return [][]byte{{0x03, 0x40}, asm.I64(8), asm.Call(k.alloc), asm.Call(k.extra), {0x0c, 0x00}, {0x0b}, asm.I32(0)}
		}, abi.FaultLimit, "blocks"},
		{"P-01 a trap", none, func(kit) [][]byte { return [][]byte{asm.Unreachable()} }, abi.FaultTrap, "unreachable"},
		{"a code without a message", none, func(kit) [][]byte { return [][]byte{asm.I32(7)} }, abi.FaultTrap, "returned 7"},
		{"no output", none, func(kit) [][]byte { return [][]byte{asm.I32(0)} }, abi.FaultProtocol, "no output"},
		{"output that is no JSON", none, func(k kit) [][]byte { return append(say(k, `{"action`), asm.I32(0)) }, abi.FaultProtocol, "not a list of actions"},
		{"output with an unknown member", none, func(k kit) [][]byte { return append(say(k, `{"x":1} `), asm.I32(0)) }, abi.FaultProtocol, "not a list of actions"},
		{"a block of 2 MiB", none, func(k kit) [][]byte {
			return [][]byte{asm.I64(2 << 20), asm.Call(k.alloc), drop, asm.I32(0)}
		}, abi.FaultLimit, "block of 2097152 bytes"},
		{"a block of 2^63", none, func(k kit) [][]byte {
			return [][]byte{asm.I64(-1), asm.Call(k.alloc), drop, asm.I32(0)}
		}, abi.FaultLimit, "block of 18446744073709551615 bytes"},
		{"blocks without end", none, func(k kit) [][]byte {
			return [][]byte{{0x03, 0x40}, asm.I64(1), asm.Call(k.alloc), drop, {0x0c, 0x00}, {0x0b}, asm.I32(0)}
		}, abi.FaultLimit, "more than 4096 blocks"},
		{"the kernel's own memory", none, func(k kit) [][]byte {
			return [][]byte{asm.I64(16), asm.I64(-1), asm.Call(k.storeU64), asm.I32(0)}
		}, abi.FaultProtocol, "no block of its own"},
		{"what lies behind a block", none, func(k kit) [][]byte {
			return [][]byte{asm.I64(8), asm.Call(k.alloc), asm.I64(1), {0x7c}, asm.I64(-1), asm.Call(k.storeU64), asm.I32(0)}
		}, abi.FaultProtocol, "no block of its own"},
		{"a place beyond 32 bits", none, func(k kit) [][]byte {
			return [][]byte{asm.I64(8), asm.Call(k.alloc), asm.I64(1 << 32), {0x7c}, asm.I64(-1), asm.Call(k.storeU64), asm.I32(0)}
		}, abi.FaultProtocol, "no block of its own"},
		{"P-05 an output that lies", none, func(k kit) [][]byte {
			return [][]byte{asm.I64(8), asm.Call(k.alloc), asm.I64(0xffffffff), asm.Call(k.outputSet), asm.I32(0)}
		}, abi.FaultProtocol, "no block of its own"},
		{"an input that lies", none, func(k kit) [][]byte {
			return [][]byte{asm.I64(-8), asm.Call(k.inputLoadU8), drop, asm.I32(0)}
		}, abi.FaultProtocol, "of an input of"},
		{"another input", env("input_set", "ll", ""), func(k kit) [][]byte {
			return [][]byte{asm.I64(0), asm.I64(8), asm.Call(k.extra), asm.I32(0)}
		}, abi.FaultTrap, "input_set"},
		{"an empty kernel", env("reset", "", ""), func(k kit) [][]byte { return [][]byte{asm.Call(k.extra), asm.I32(0)} }, abi.FaultTrap, "reset"},
		{"HTTP of the SDK", env("http_request", "ll", "l"), func(k kit) [][]byte {
			return [][]byte{asm.I64(0), asm.I64(0), asm.Call(k.extra), drop, asm.I32(0)}
		}, abi.FaultTrap, "http_request, which this host does not have"},
		{"the status of HTTP", env("http_status_code", "", "i"), func(k kit) [][]byte { return [][]byte{asm.Call(k.extra)} }, abi.FaultTrap, "http_status_code"},
		{"a variable", env("var_set", "ll", ""), func(k kit) [][]byte {
			return [][]byte{asm.I64(0), asm.I64(0), asm.Call(k.extra), asm.I32(0)}
		}, abi.FaultTrap, "var_set"},
		{"an error that lies", env("error_set", "l", ""), func(k kit) [][]byte {
			return [][]byte{asm.I64(12345), asm.Call(k.extra), asm.I32(1)}
		}, abi.FaultProtocol, "was not given"},
		{"a log line that lies", env("log_warn", "l", ""), func(k kit) [][]byte {
			return [][]byte{asm.I64(12345), asm.Call(k.extra), asm.I32(0)}
		}, abi.FaultProtocol, "was not given"},
		{"an exit", [4]string{"wasi_snapshot_preview1", "proc_exit", "i", ""}, func(k kit) [][]byte {
			return [][]byte{asm.I32(0), asm.Call(k.extra), asm.I32(0)}
		}, abi.FaultTrap, "exited with code 0"},
		{"64 MiB of random bytes", [4]string{"wasi_snapshot_preview1", "random_get", "ii", "i"}, func(k kit) [][]byte {
			return [][]byte{asm.I32(0), asm.I32(64 << 20), asm.Call(k.extra)}
		}, abi.FaultTrap, "returned 28"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			change := soon
			if tt.fault != abi.FaultDeadline {
				change = func(c *direct.Config) { c.CallTime = time.Minute } // a slow machine is not the point
			}
			m, err := load(t, guest(tt.extra, tt.body), "{}", change)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				_, err := ask(t.Context(), m, abi.OpObserve, &abi.ObserveInput{})
				if faultOf(err) != tt.fault || !strings.Contains(err.Error(), tt.says) {
					t.Fatalf("error is %v, want %v with %q", err, tt.fault, tt.says)
				}
			}
			if s := m.Stats(); s.Instances > 1 || s.Leased != 0 || s.Faults[tt.fault] != 2 {
				t.Errorf("afterwards: %+v", s)
			}
		})
	}
}

// TestFaultP04Recursion lets a function of the guest's call itself.
func TestFaultP04Recursion(t *testing.T) {
	const deeper = 4 // the first function behind the imports
	m, err := load(t, guest(none, func(kit) [][]byte { return [][]byte{asm.Call(deeper), asm.I32(0)} },
		func(m *asm.Module) { m.Func("", "", 0, asm.Call(deeper)) }), "{}", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ask(t.Context(), m, abi.OpObserve, &abi.ObserveInput{}); faultOf(err) != abi.FaultTrap || !strings.Contains(err.Error(), "stack overflow") {
		t.Errorf("error is %v", err)
	}
}

// TestAStartFunctionIsMetered loads guests that do their evil before any call.
func TestAStartFunctionIsMetered(t *testing.T) {
	spin := guest(none, func(kit) [][]byte { return [][]byte{asm.I32(0)} }, func(m *asm.Module) { m.Start(m.Func("", "", 0, asm.Spin())) })
	if _, err := load(t, spin, "{}", soon); faultOf(err) != abi.FaultDeadline {
		t.Errorf("error is %v", err)
	}
	early := guest(none, func(kit) [][]byte { return [][]byte{asm.I32(0)} }, func(m *asm.Module) {
		m.Start(m.Func("", "", 0, asm.I64(8), asm.Call(0), asm.Drop()))
	})
	if _, err := load(t, early, "{}", soon); faultOf(err) != abi.FaultTrap {
		t.Errorf("error is %v", err)
	}
}

// TestTheKernelIsBounded gives a guest an input that its kernel has no room for.
func TestTheKernelIsBounded(t *testing.T) {
	m, err := load(t, guest(none, func(k kit) [][]byte { return append(say(k, `{"actions":[{"ok":{}}]} `), asm.I32(0)) }), "{}",
		func(c *direct.Config) { c.MemoryBytes = 2 << 20 })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ask(t.Context(), m, abi.OpExecute, &abi.ExecuteInput{Body: &abi.BodyHandle{Bytes: make([]byte, 4<<20)}}); faultOf(err) != abi.FaultLimit {
		t.Errorf("error is %v", err)
	}
	if _, err := ask(t.Context(), m, abi.OpExecute, &abi.ExecuteInput{}); err != nil {
		t.Errorf("the next call: %v", err)
	}
}
