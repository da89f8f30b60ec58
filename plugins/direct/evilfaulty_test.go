package direct_test

import (
	"bytes"
	"context"
	"runtime"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/plugins/direct"
)

// faulty are modules that are loaded, or are refused by their first instance,
// and whose call ends in a fault by itself.
var faulty = []struct {
	row, name string
	fault     abi.Fault
	text      string
	atLoad    bool
	input     int
	// slices used up by the call; any for what ends by a limit of the host's.
	slices uint64
}{
	{row: "P-01", name: "trap-in-every-op", fault: abi.FaultTrap, text: "unreachable"},
	{row: "P-01", name: "exit-in-every-op", fault: abi.FaultTrap, text: "exited with code 0"},
	{row: "P-01", name: "panic-in-every-op", fault: abi.FaultTrap, text: "unreachable"},
	{row: "P-01", name: "trap-in-init", fault: abi.FaultTrap, text: "unreachable", atLoad: true},
	{row: "P-01", name: "trap-in-start", fault: abi.FaultTrap, text: "unreachable", atLoad: true},
	{row: "P-01", name: "trap-in-initialize", fault: abi.FaultTrap, text: "unreachable", atLoad: true},
	{row: "P-01", name: "trap-in-buffer", fault: abi.FaultTrap, text: "unreachable", atLoad: true},
	{row: "P-01", name: "trap-division", fault: abi.FaultTrap, text: "integer divide by zero"},
	{row: "P-01", name: "trap-overflow", fault: abi.FaultTrap, text: "integer overflow"},
	{row: "P-01", name: "trap-conversion", fault: abi.FaultTrap, text: "invalid conversion to integer"},
	{row: "P-01", name: "trap-load", fault: abi.FaultTrap, text: "out of bounds memory access"},
	{row: "P-01", name: "trap-fill", fault: abi.FaultTrap, text: "out of bounds memory access", slices: 1},
	{row: "P-01", name: "trap-table", fault: abi.FaultTrap, text: "invalid table access"},
	{row: "P-01", name: "trap-null", fault: abi.FaultTrap, text: "invalid table access"},
	{row: "P-01", name: "trap-signature", fault: abi.FaultTrap, text: "indirect call type mismatch"},
	{row: "P-01", name: "dirty-memory", fault: abi.FaultTrap, text: "unreachable"},

	{row: "P-03", name: "memory-grow-everything", fault: abi.FaultProtocol, text: "4294967295", slices: anyNumber},

	{row: "P-04", name: "recursion", fault: abi.FaultTrap, text: "stack overflow", slices: anyNumber},
	{row: "P-04", name: "recursion-mutual", fault: abi.FaultTrap, text: "stack overflow", slices: anyNumber},
	{row: "P-04", name: "recursion-indirect", fault: abi.FaultTrap, text: "stack overflow", slices: anyNumber},
	{row: "P-04", name: "recursion-wide", fault: abi.FaultTrap, text: "stack overflow", slices: anyNumber},

	{row: "P-05", name: "output-nothing", fault: abi.FaultProtocol, text: "no output"},
	{row: "P-05", name: "output-beyond-the-end", fault: abi.FaultProtocol, text: "outside its memory"},
	{row: "P-05", name: "output-across-the-end", fault: abi.FaultProtocol, text: "outside its memory"},
	{row: "P-05", name: "output-around-the-corner", fault: abi.FaultProtocol, text: "outside its memory"},
	{row: "P-05", name: "output-of-4-gib", fault: abi.FaultLimit, text: "the most is"},
	{row: "P-05", name: "buffer-refuses", fault: abi.FaultLimit, text: "no room", atLoad: true},
	{row: "P-05", name: "buffer-outside", fault: abi.FaultProtocol, text: "outside its memory", atLoad: true},
	{row: "P-05", name: "buffer-across-the-end", fault: abi.FaultProtocol, text: "outside its memory", atLoad: true},
	{row: "P-05", name: "buffer-over-the-output", fault: abi.FaultProtocol, text: "not a list of actions", atLoad: true},
	{row: "P-05", name: "data-outside", fault: abi.FaultTrap, text: "data[", atLoad: true},

	{row: "P-06", name: "output-too-long", fault: abi.FaultLimit, text: "the most is"},

	{row: "P-09", name: "abi-version-7", fault: abi.FaultProtocol, text: "patchbay_abi_1 returned 7, want 0", atLoad: true},

	{row: "P-14", name: "log-outside", fault: abi.FaultProtocol, text: "outside its memory"},
	{row: "P-14", name: "log-across-the-end", fault: abi.FaultProtocol, text: "outside its memory"},
	{row: "P-16", name: "random-flood", fault: abi.FaultLimit, text: "random bytes", slices: anyNumber},
}

// anyNumber of slices.
const anyNumber = ^uint64(0)

// TestFaultyModules: each ends with its fault, by itself, without a slice more
// than it pays for; nothing of its instance is left, and the next call gets a
// clean one.
func TestFaultyModules(t *testing.T) {
	for _, e := range faulty {
		t.Run(e.row+" "+e.name, func(t *testing.T) {
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			m, err := loadOn(t, newRuntime(t), readEvil(t, e.name), func(c *direct.Config) { c.Instances = 1; patient(c) })
			if e.atLoad {
				wantDetail(t, err, abi.OpInit, e.fault, e.text)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer closeNow(t, m)
			for op := abi.OpExecute; op <= abi.OpCloseSession; op++ {
				before := m.Stats().Slices
				dst := []byte("kept")
				out, err := m.Call(t.Context(), op, make([]byte, e.input), dst)
				wantDetail(t, err, op, e.fault, e.text)
				if string(out) != "kept" {
					t.Errorf("dst became %.20q", out)
				}
				s := m.Stats()
				// A new instance begins without fuel, and so does each call's
				// one after the first.
				if used := s.Slices - before; e.slices != anyNumber && used > e.slices+1 {
					t.Errorf("%v: %d slices, want %d", op, used, e.slices)
				}
				if s.Instances != 0 || s.Leased != 0 || s.MemoryBytes != 0 {
					t.Errorf("%v: left behind: %+v", op, s)
				}
				if strings.Contains(e.name, "every-op") {
					continue
				}
				break
			}
		})
	}
}

func wantDetail(t *testing.T, err error, op abi.Op, fault abi.Fault, text string) {
	t.Helper()
	call := wantFault(t, err, fault)
	if call.Op != op || call.Plugin != "test" || !strings.Contains(call.Detail, text) || strings.Contains(call.Detail, "\n") {
		t.Errorf("got %+v, want %q of %v", call, text, op)
	}
}

// harmless are modules that try something, are not given it, and answer.
var harmless = []string{
	"random-huge", "random-outside", "log-huge", "log-forged", "output-line-of-a-mebibyte",
	"output-vectors", "output-vectors-outside", "memory-grow-to-the-limit", "output-over-the-input", "output-whole-memory",
	// The engine leaves out what does not fit into a table.
	"element-outside",
}

// TestHarmlessModules: what is refused to them is refused by an errno or a
// shorter answer, and they are as good as others.
func TestHarmlessModules(t *testing.T) {
	for _, name := range harmless {
		t.Run(name, func(t *testing.T) {
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			var log lines
			m, err := loadOn(t, newRuntime(t), readEvil(t, name), func(c *direct.Config) { c.Instances = 1; c.Log = log.add; patient(c) })
			if err != nil {
				t.Fatal(err)
			}
			defer closeNow(t, m)
			out, err := m.Call(context.Background(), abi.OpExecute, []byte("input"), nil)
			if err != nil || len(out) == 0 {
				t.Fatalf("%d bytes, %v", len(out), err)
			}
			checkLines(t, log.list())
			if s := m.Stats(); s.Leased != 0 || len(s.Faults) != 0 || s.MemoryBytes > abi.DefaultMemory {
				t.Errorf("%+v", s)
			}
		})
	}
}

// checkLines: P-14, each line is one, short and printable.
func checkLines(t *testing.T, all []string) {
	t.Helper()
	for _, line := range all {
		if len(line) > 25<<10 || strings.ContainsAny(line, "\r\n\x1b\x00\x07\u009b\u202e\u2028") {
			t.Errorf("logged %d bytes: %.80q", len(line), line)
		}
	}
}

// P-14: what would forge a line or drive a terminal is spelled out.
func TestP14ForgedLog(t *testing.T) {
	var log lines
	m := load(t, readEvil(t, "log-forged"), func(c *direct.Config) { c.Log = log.add })
	if _, err := m.Call(t.Context(), abi.OpExecute, nil, nil); err != nil {
		t.Fatal(err)
	}
	all := log.list()
	want := `ok\u001b[2J\u001b]0;owned\u0007\r\nlevel=ERROR msg=forged \u202e\u2028\u009b31m\u0000` + "\ufffd"
	if len(all) != 1 || !strings.HasSuffix(all[0], want) {
		t.Errorf("logged %q", all)
	}
}

// P-14: a flood costs the operator a few hundred lines, and says what is missing.
func TestP14LogFlood(t *testing.T) {
	for _, name := range []string{"log-flood", "output-lines-flood"} {
		t.Run(name, func(t *testing.T) {
			var log lines
			r := newRuntime(t)
			n := 0
			r.SetClock(func() int64 { // the deadline comes after many lines
				if n++; n > 100_000 {
					return int64(abi.DefaultCallTime)
				}
				return 0
			})
			m, err := loadOn(t, r, readEvil(t, name), func(c *direct.Config) { c.Log = log.add })
			if err != nil {
				t.Fatal(err)
			}
			_, err = m.Call(t.Context(), abi.OpExecute, nil, nil)
			wantFault(t, err, abi.FaultDeadline)
			closeNow(t, m)
			all := log.list()
			checkLines(t, all)
			bytes := 0
			for _, line := range all {
				bytes += len(line)
			}
			// A burst, what a call's time earns, and what is said of the rest.
			if len(all) > 302 || bytes > 8<<20 || !strings.HasSuffix(all[len(all)-1], "log lines dropped") {
				t.Errorf("%d lines, %d bytes, the last is %.80q", len(all), bytes, all[len(all)-1])
			}
		})
	}
}

// P-03: the grow fails at the limit, and the process does not grow with it.
func TestP03MemoryGrow(t *testing.T) {
	for _, name := range []string{"memory-grow-everything", "memory-grow"} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			r := newRuntime(t)
			r.SetClock(ticking())
			m, err := loadOn(t, r, readEvil(t, name), func(c *direct.Config) { c.MemoryBytes = 4 << 20 })
			if err != nil {
				t.Fatal(err)
			}
			defer closeNow(t, m)
			if _, err = m.Call(context.Background(), abi.OpExecute, nil, nil); err == nil {
				t.Error("it answered")
			}
			runtime.ReadMemStats(&after)
			if grown := int64(after.HeapSys) - int64(before.HeapSys); grown > 64<<20 {
				t.Errorf("the heap grew by %d MiB", grown>>20)
			}
		})
	}
}

// ticking is a clock that moves at each reading.
func ticking() func() int64 {
	n := int64(0)
	return func() int64 { n += int64(tick); return n }
}

// P-01: an instance that was cut short is never seen again.
func TestP01NextCallGetsACleanInstance(t *testing.T) {
	m := load(t, readEvil(t, "dirty-memory"), func(c *direct.Config) { c.Instances = 1 })
	for range 3 { // an instance that remembers would answer with nothing: another fault
		_, err := m.Call(t.Context(), abi.OpExecute, nil, nil)
		wantDetail(t, err, abi.OpExecute, abi.FaultTrap, "unreachable")
	}
}

// P-05: what a guest answers is copied while the instance is its own.
func TestP05OutputOverTheInput(t *testing.T) {
	m := load(t, readEvil(t, "output-over-the-input"), nil)
	in := bytes.Repeat([]byte("input "), 1000)
	out, err := m.Call(t.Context(), abi.OpExecute, in, nil)
	if err != nil || !bytes.Equal(out, in) {
		t.Errorf("%d bytes, %v", len(out), err)
	}
	if _, err := m.Call(t.Context(), abi.OpExecute, []byte("other"), nil); err != nil || !bytes.Equal(out, in) {
		t.Errorf("the first answer became %.20q, %v", out, err)
	}
}
