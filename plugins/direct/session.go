package direct

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/patchbay-dev/patchbay/abi"
)

// Sessions is what all instances of one plugin share, for a tier that makes
// its instances itself: the log and the way to stop them all. It is safe for
// concurrent use.
type Sessions struct {
	log    *logger
	halt   atomic.Bool
	slice  uint64
	slices atomic.Uint64
}

// NewSessions makes the sessions of a plugin. slice is the fuel of one yield;
// log takes the plugin's lines as Config.Log does.
func NewSessions(slice uint64, log func(abi.LogLevel, string)) *Sessions {
	return &Sessions{log: newLogger(log, now), slice: slice}
}

// Halt stops what runs at its next import or yield.
func (s *Sessions) Halt() { s.halt.Store(true) }

// Close tells the log of lines that were dropped and not told of.
func (s *Sessions) Close() { s.log.close() }

// Slices returns how many slices of fuel were used up.
func (s *Sessions) Slices() uint64 { return s.slices.Load() }

// Session is what the calls of one instance run under: their time, their quotas
// and their log. It belongs to one call at a time.
type Session struct{ rec record }

// New makes the session of an instance.
func (s *Sessions) New() *Session {
	return &Session{rec: record{now: now, log: &capture{to: s.log}, halt: &s.halt, slice: s.slice, slices: &s.slices}}
}

// Begin sets the session for a call that may run for limit, and no longer than
// ctx.
func (s *Session) Begin(ctx context.Context, limit time.Duration) { s.rec.begin(ctx, limit) }

// End lets go of the caller's context and writes out what the guest logged.
func (s *Session) End() { s.rec.end() }

// Check stops the call, by a panic that FaultOf reads, if it may not go on.
func (s *Session) Check() { s.rec.check() }

// Yield is what the import that plugins/meter adds does: it returns the fuel of
// the next slice, or stops the call.
func (s *Session) Yield() uint64 {
	s.rec.slices.Add(1)
	s.rec.check()
	return s.rec.slice
}

// Line logs one line of the guest.
func (s *Session) Line(level abi.LogLevel, text []byte) { s.rec.log.line(&s.rec, level, text) }

// Stop ends the call that runs, by a panic that FaultOf reads.
func Stop(fault abi.Fault, format string, args ...any) {
	panic(&stop{fault: fault, detail: fmt.Sprintf(format, args...)})
}

// FaultOf tells a stop of ours from a trap in an error of wazero, and says what
// happened.
func FaultOf(err error) (abi.Fault, string) {
	f := classify(err)
	return f.kind, f.detail
}

// Printable makes one printable line of foreign bytes, cut to 4 KiB.
func Printable(text []byte) string { return escape(text) }

// CheckInit reads the output of op init. It returns 0 when the guest is ready,
// and what is wrong otherwise.
func CheckInit(out []byte) (abi.Fault, string, error) {
	if f := checkInit(out); f != nil {
		return f.kind, f.detail, f.err
	}
	return 0, "", nil
}

// Import is a function that a module may import in every tier.
type Import struct {
	Module, Name    string
	Params, Results []api.ValueType
	// Do works on the guest's memory within one call, after it checked that the
	// call may go on. Arguments and result are on the stack, as wazero has them.
	Do func(s *Session, mem api.Memory, stack []uint64)
}

// Signature spells the import's type as Extern does.
func (i Import) Signature() string { return signature(i.Params, i.Results) }

// StandardImports returns all of WASI preview 1, as it is in this sandbox:
// without effect but for clock, random and log.
func StandardImports() []Import {
	imports := make([]Import, 0, len(wasi))
	for name, f := range wasi {
		imports = append(imports, Import{
			Module: wasiModule, Name: name, Params: valueTypes(f.params), Results: f.results(name),
			Do: func(s *Session, mem api.Memory, stack []uint64) {
				s.rec.check()
				if result := f.do(&s.rec, mem, stack); name != "proc_exit" {
					stack[0] = uint64(result)
				}
			},
		})
	}
	return imports
}

// Admitted runs do, which compiles wasm with the configuration that it is
// given, when it may: one module is compiled at a time, and two are read from
// the disk cache.
func (r *Runtime) Admitted(ctx context.Context, wasm []byte, memoryPages uint32, do func(wazero.RuntimeConfig) error) error {
	release, err := r.admit(ctx, r.marker(wasm))
	if err != nil {
		return fmt.Errorf("wait for another module to be compiled: %w", err)
	}
	defer release()
	return do(r.config(memoryPages))
}
