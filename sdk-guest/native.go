//go:build !wasip1

package guest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/patchbay-dev/patchbay/abi"
)

// native runs providers that are linked into the program, with the same
// messages as a module.
type native struct {
	id     string
	plugin Plugin
	frames sync.Pool
}

// Native makes a guest of providers that are linked into the program. ID names
// the plugin in errors. A panic of a provider becomes a CallError with
// FaultTrap. Native panics where Register does.
func Native(id string, providers ...Provider) abi.Guest {
	return newNative(id, providers)
}

// NativeHooks is Native with hooks.
func NativeHooks(id string, h Hooks, providers ...Provider) abi.Guest {
	g := newNative(id, providers)
	g.plugin.addHooks(h)
	return g
}

func newNative(id string, providers []Provider) *native {
	g := &native{id: id}
	g.frames.New = func() any { return new(frame) }
	g.plugin.add(providers)
	return g
}

// Call implements abi.Guest. Providers do not wait for anything, so ctx is
// looked at only before the call.
func (g *native) Call(ctx context.Context, op abi.Op, input, dst []byte) (out []byte, err error) {
	if err := ctx.Err(); err != nil {
		fault := abi.FaultCanceled
		if errors.Is(err, context.DeadlineExceeded) {
			fault = abi.FaultDeadline
		}
		return dst, &abi.CallError{Plugin: g.id, Op: op, Fault: fault, Err: err}
	}
	defer func() {
		if p := recover(); p != nil {
			out, err = dst, &abi.CallError{Plugin: g.id, Op: op, Fault: abi.FaultTrap, Detail: fmt.Sprint("panic: ", p)}
		}
	}()
	// A frame that a panic left half used is not put back.
	f := g.frames.Get().(*frame)
	out = g.plugin.run(f, op, input, dst)
	g.frames.Put(f)
	if n := len(out) - len(dst); n > abi.MaxOutput {
		return dst, &abi.CallError{Plugin: g.id, Op: op, Fault: abi.FaultLimit,
			Detail: fmt.Sprintf("an output of %d bytes is longer than %d", n, abi.MaxOutput)}
	}
	return out, nil
}

var levels = map[abi.LogLevel]slog.Level{
	abi.LogLevelDebug: slog.LevelDebug,
	abi.LogLevelInfo:  slog.LevelInfo,
	abi.LogLevelWarn:  slog.LevelWarn,
	abi.LogLevelError: slog.LevelError,
}

func log(level abi.LogLevel, message string) {
	slog.Log(context.Background(), levels[level], message)
}
