package direct

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/patchbay-dev/patchbay/abi"
)

// wasiModule is the import module of preview 1.
const wasiModule = "wasi_snapshot_preview1"

// errno is an error number of WASI preview 1.
type errno uint32

const (
	errnoSuccess    errno = 0
	errnoBadf       errno = 8
	errnoFault      errno = 21
	errnoInval      errno = 28
	errnoNosys      errno = 52
	errnoSpipe      errno = 70
	errnoNotcapable errno = 76
)

// maxIOVecs bounds the vectors of one fd_write.
const maxIOVecs = 1024

// An importFunc works on the guest's memory within one call. Its arguments are
// on the stack in order.
type importFunc func(r *record, mem api.Memory, args []uint64) errno

// wasiFunc is one function of preview 1: its parameters (i for i32, l for
// i64), and what it does here. All but proc_exit return an errno.
type wasiFunc struct {
	params string
	do     importFunc
}

// wasi is all of preview 1 (its witx file is the source of the signatures). It
// has no effect: a guest sees no arguments, no environment, no files and no
// sockets. Clock and random are real, output is log, waiting is over at once.
var wasi = map[string]wasiFunc{
	"args_get":                {"ii", nothing},
	"args_sizes_get":          {"ii", noStrings},
	"environ_get":             {"ii", nothing},
	"environ_sizes_get":       {"ii", noStrings},
	"clock_res_get":           {"ii", clockRes},
	"clock_time_get":          {"ili", clockTime},
	"fd_advise":               {"illi", noFile},
	"fd_allocate":             {"ill", noFile},
	"fd_close":                {"i", stdOK},
	"fd_datasync":             {"i", stdOK},
	"fd_fdstat_get":           {"ii", fdstat},
	"fd_fdstat_set_flags":     {"ii", noFile},
	"fd_fdstat_set_rights":    {"ill", noFile},
	"fd_filestat_get":         {"ii", filestat},
	"fd_filestat_set_size":    {"il", noFile},
	"fd_filestat_set_times":   {"illi", noFile},
	"fd_pread":                {"iiili", notSeekable},
	"fd_prestat_dir_name":     {"iii", badDescriptor},
	"fd_prestat_get":          {"ii", badDescriptor},
	"fd_pwrite":               {"iiili", notSeekable},
	"fd_read":                 {"iiii", fdRead},
	"fd_readdir":              {"iiili", noFile},
	"fd_renumber":             {"ii", noFile},
	"fd_seek":                 {"ilii", notSeekable},
	"fd_sync":                 {"i", stdOK},
	"fd_tell":                 {"ii", notSeekable},
	"fd_write":                {"iiii", fdWrite},
	"path_create_directory":   {"iii", badDescriptor},
	"path_filestat_get":       {"iiiii", badDescriptor},
	"path_filestat_set_times": {"iiiilli", badDescriptor},
	"path_link":               {"iiiiiii", badDescriptor},
	"path_open":               {"iiiiillii", badDescriptor},
	"path_readlink":           {"iiiiii", badDescriptor},
	"path_remove_directory":   {"iii", badDescriptor},
	"path_rename":             {"iiiiii", badDescriptor},
	"path_symlink":            {"iiiii", badDescriptor},
	"path_unlink_file":        {"iii", badDescriptor},
	"poll_oneoff":             {"iiii", pollOneoff},
	"proc_exit":               {"i", procExit},
	"proc_raise":              {"i", unknownCall},
	"random_get":              {"ii", randomGet},
	"sched_yield":             {"", nothing},
	"sock_accept":             {"iii", badDescriptor},
	"sock_recv":               {"iiiiii", badDescriptor},
	"sock_send":               {"iiiii", badDescriptor},
	"sock_shutdown":           {"ii", badDescriptor},
}

func valueTypes(params string) []api.ValueType {
	types := make([]api.ValueType, len(params))
	for i, p := range params {
		types[i] = api.ValueTypeI32
		if p == 'l' {
			types[i] = api.ValueTypeI64
		}
	}
	return types
}

// results of the named function.
func (f wasiFunc) results(name string) []api.ValueType {
	if name == "proc_exit" {
		return nil
	}
	return []api.ValueType{api.ValueTypeI32}
}

// goFunc checks the call before each import does its work.
func (f wasiFunc) goFunc(name string) api.GoModuleFunc {
	do, returns := f.do, name != "proc_exit"
	return func(ctx context.Context, mod api.Module, stack []uint64) {
		r := ctx.(*record)
		r.check()
		result := do(r, mod.Memory(), stack)
		if returns {
			stack[0] = uint64(result)
		}
	}
}

func nothing(*record, api.Memory, []uint64) errno       { return errnoSuccess }
func badDescriptor(*record, api.Memory, []uint64) errno { return errnoBadf }
func unknownCall(*record, api.Memory, []uint64) errno   { return errnoNosys }

func noStrings(_ *record, mem api.Memory, args []uint64) errno {
	if !writeU32(mem, args[0], 0) || !writeU32(mem, args[1], 0) {
		return errnoFault
	}
	return errnoSuccess
}

// noFile refuses what only a file can do.
func noFile(_ *record, _ api.Memory, args []uint64) errno {
	if uint32(args[0]) <= 2 {
		return errnoNotcapable
	}
	return errnoBadf
}

func notSeekable(_ *record, _ api.Memory, args []uint64) errno {
	if uint32(args[0]) <= 2 {
		return errnoSpipe
	}
	return errnoBadf
}

func stdOK(_ *record, _ api.Memory, args []uint64) errno {
	if uint32(args[0]) <= 2 {
		return errnoSuccess
	}
	return errnoBadf
}

func clockRes(_ *record, mem api.Memory, args []uint64) errno {
	if uint32(args[0]) > 1 {
		return errnoInval
	}
	if !mem.WriteUint64Le(uint32(args[1]), 1) {
		return errnoFault
	}
	return errnoSuccess
}

func clockTime(_ *record, mem api.Memory, args []uint64) errno {
	var at int64
	switch uint32(args[0]) {
	case 0:
		at = time.Now().UnixNano()
	case 1:
		at = now()
	default:
		return errnoInval
	}
	if !mem.WriteUint64Le(uint32(args[2]), uint64(at)) {
		return errnoFault
	}
	return errnoSuccess
}

const characterDevice = 2

// fdstat shows three character devices; 1 and 2 can be written.
func fdstat(_ *record, mem api.Memory, args []uint64) errno {
	const rightWrite = 1 << 6
	fd, ptr := uint32(args[0]), uint32(args[1])
	if fd > 2 {
		return errnoBadf
	}
	var stat [24]byte
	stat[0] = characterDevice
	if fd > 0 {
		stat[8] = rightWrite
	}
	if !mem.Write(ptr, stat[:]) {
		return errnoFault
	}
	return errnoSuccess
}

func filestat(_ *record, mem api.Memory, args []uint64) errno {
	if uint32(args[0]) > 2 {
		return errnoBadf
	}
	var stat [64]byte
	stat[16] = characterDevice
	if !mem.Write(uint32(args[1]), stat[:]) {
		return errnoFault
	}
	return errnoSuccess
}

// fdRead: standard input is at its end.
func fdRead(_ *record, mem api.Memory, args []uint64) errno {
	if uint32(args[0]) != 0 {
		return errnoBadf
	}
	if !writeU32(mem, args[3], 0) {
		return errnoFault
	}
	return errnoSuccess
}

// fdWrite takes at most abi.MaxImport bytes a call as log lines; a longer
// write is a short one.
func fdWrite(r *record, mem api.Memory, args []uint64) errno {
	fd, iovs, count := uint32(args[0]), uint32(args[1]), uint32(args[2])
	if fd != 1 && fd != 2 {
		return errnoBadf
	}
	if count > maxIOVecs {
		return errnoInval
	}
	written := uint32(0)
	for i := uint32(0); i < count && written < abi.MaxImport; i++ {
		ptr, ok := mem.ReadUint32Le(iovs + 8*i)
		size, ok2 := mem.ReadUint32Le(iovs + 8*i + 4)
		if !ok || !ok2 {
			return errnoFault
		}
		size = min(size, abi.MaxImport-written)
		p, ok := mem.Read(ptr, size)
		if !ok {
			return errnoFault
		}
		r.log.write(r, fd, p)
		written += size
	}
	if !writeU32(mem, args[3], written) {
		return errnoFault
	}
	return errnoSuccess
}

// pollOneoff says of each subscription that it is over: clocks have rung,
// descriptors cannot be waited for.
func pollOneoff(_ *record, mem api.Memory, args []uint64) errno {
	const subscription, event = 48, 32
	in, out, count := uint32(args[0]), uint32(args[1]), uint32(args[2])
	if count == 0 || count > abi.MaxImport/subscription {
		return errnoInval
	}
	for i := range count {
		sub, ok := mem.Read(in+i*subscription, subscription)
		if !ok {
			return errnoFault
		}
		var e [event]byte
		copy(e[:8], sub[:8])
		kind := sub[8]
		if kind != 0 {
			e[8] = byte(errnoBadf)
		}
		e[10] = kind
		if !mem.Write(out+i*event, e[:]) {
			return errnoFault
		}
	}
	if !writeU32(mem, args[3], count) {
		return errnoFault
	}
	return errnoSuccess
}

func procExit(_ *record, _ api.Memory, args []uint64) errno {
	panic(&stop{fault: abi.FaultTrap, detail: fmt.Sprintf("the module exited with code %d", uint32(args[0]))})
}

func randomGet(r *record, mem api.Memory, args []uint64) errno {
	ptr, size := uint32(args[0]), uint32(args[1])
	if size > abi.MaxImport {
		return errnoInval
	}
	if r.random += int(size); r.random > randomPerCall {
		panic(&stop{fault: abi.FaultLimit, detail: fmt.Sprintf("the call asked for more than %d random bytes", randomPerCall)})
	}
	p, ok := mem.Read(ptr, size)
	if !ok {
		return errnoFault
	}
	rand.Read(p) // never fails: it ends the process instead
	return errnoSuccess
}

func writeU32(mem api.Memory, ptr uint64, v uint32) bool {
	return mem.WriteUint32Le(uint32(ptr), v)
}
