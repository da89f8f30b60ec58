// Command guest is written against the ABI alone, without the SDK, so that the
// tests of the host do not depend on it. What it does is told by the first
// byte of an execute's model; see run.
package main

import (
	"fmt"
	"os"
	"time"
	"unsafe"

	"github.com/patchbay-dev/patchbay/abi"
)

func main() {}

var (
	input  []byte
	output []byte
	calls  uint64
	keep   [][]byte
	sink   uint64
	ok     = abi.AppendMessage(nil, list(abi.Action{Which: abi.ActionIsOK, OK: &abi.Ok{}}))
)

//go:wasmexport patchbay_abi_1
func version() int32 { return 0 }

//go:wasmexport patchbay_buffer
func buffer(n int32) int32 {
	if cap(input) < int(n) {
		input = make([]byte, n)
	}
	input = input[:n]
	return int32(uintptr(unsafe.Pointer(unsafe.SliceData(input))))
}

//go:wasmexport patchbay_call
func call(op, n int32) int64 {
	calls++
	if abi.Op(op) == abi.OpCloseSession {
		// Answered without work, so that a benchmark sees the bare call.
		return int64(uintptr(unsafe.Pointer(unsafe.SliceData(ok))))<<32 | int64(len(ok))
	}
	output = abi.AppendMessage(output[:0], answer(abi.Op(op), input[:n]))
	return int64(uintptr(unsafe.Pointer(unsafe.SliceData(output))))<<32 | int64(len(output))
}

//go:wasmimport patchbay log
func hostLog(level int32, ptr unsafe.Pointer, n int32)

func answer(op abi.Op, in []byte) *abi.ActionList {
	switch op {
	case abi.OpInit:
		var m abi.InitInput
		if err := abi.DecodeMessage(in, &m); err != nil {
			return fail("bad_init", err.Error())
		}
		if string(m.Config) == `{"refuse":true}` {
			return fail("auth_invalid", "this configuration is not for me")
		}
		return list(abi.Action{Which: abi.ActionIsOK, OK: &abi.Ok{}})
	case abi.OpExecute:
		var m abi.ExecuteInput
		if err := abi.DecodeMessage(in, &m); err != nil {
			return fail("bad_request", err.Error())
		}
		return run(m.Attempt.Model, m.Attempt.ID)
	}
	return list(abi.Action{Which: abi.ActionIsUnsupported, Unsupported: &abi.Unsupported{What: op.String()}})
}

// run does what a model's name says and replies with arg.
func run(model, arg string) *abi.ActionList {
	switch model {
	case "echo":
	case "count":
		arg = fmt.Sprint(calls)
	case "spin":
		for {
			sink++
		}
	case "sleep":
		time.Sleep(time.Hour)
	case "panic":
		panic("the guest gives up: " + arg)
	case "exit":
		os.Exit(3)
	case "bomb":
		for {
			keep = append(keep, make([]byte, 1<<20))
		}
	case "recurse":
		arg = fmt.Sprint(recurse(1))
	case "log":
		hostLog(int32(abi.LogLevelInfo), unsafe.Pointer(unsafe.StringData(arg)), int32(len(arg)))
	case "print":
		fmt.Println(arg)
	case "environment":
		_, err := os.ReadFile("/etc/passwd")
		arg = fmt.Sprint(len(os.Args), len(os.Environ()), err != nil)
	case "large":
		arg = string(make([]byte, 16<<20))
	}
	return list(abi.Action{Which: abi.ActionIsReply, Reply: &abi.Reply{Body: []byte(arg)}})
}

func recurse(n uint64) uint64 {
	sink++
	return recurse(n+1) + sink
}

func fail(code, message string) *abi.ActionList {
	return list(abi.Action{Which: abi.ActionIsFail, Fail: &abi.Fail{Code: code, Message: message}})
}

func list(actions ...abi.Action) *abi.ActionList { return &abi.ActionList{Actions: actions} }
