//go:build wasip1

package guest

import (
	"runtime"
	"unsafe"

	"github.com/patchbay-dev/patchbay/abi"
)

// The module's memory for input and output. The variables keep it from the
// garbage collector, which does not move it. An instance runs one call at a
// time.
var (
	input  []byte
	output []byte
	frames frame
)

// maxIdle is how much input or output memory an instance keeps for the next
// call, and minBuffer what it begins with, in bytes.
const (
	maxIdle   = 1 << 20
	minBuffer = 16 << 10
)

//go:wasmexport patchbay_abi_1
func abiVersion() int32 { return 0 }

//go:wasmexport patchbay_buffer
func buffer(n uint32) uint32 {
	if n > abi.MaxInput {
		return 0
	}
	// What a large call left behind goes before more is taken: a limit on the
	// memory does not make the collector run.
	large := false
	if cap(output) > maxIdle {
		output, large = nil, true
	}
	if cap(input) < int(n) || cap(input) > maxIdle && n <= maxIdle {
		large = large || cap(input) > maxIdle
		input = nil
	}
	if large {
		runtime.GC()
	}
	if input == nil {
		input = make([]byte, 0, max(int(n), minBuffer))
	}
	input = input[:n]
	return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(input))))
}

//go:wasmexport patchbay_call
func runCall(op, n uint32) uint64 {
	if int(n) > len(input) {
		return 0
	}
	output = registered.run(&frames, abi.Op(op), input[:n], output[:0])
	return uint64(uintptr(unsafe.Pointer(unsafe.SliceData(output))))<<32 | uint64(len(output))
}

//go:wasmimport patchbay log
func hostLog(level uint32, message string)

func log(level abi.LogLevel, message string) {
	hostLog(uint32(level), truncate(message, abi.MaxImport))
}
