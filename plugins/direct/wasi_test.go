package direct_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/testkit/asm"
	"github.com/patchbay-dev/patchbay/plugins/direct"
)

// preview1 is every function of WASI preview 1, by its witx file: parameters,
// and the errno that a guest with nothing sees for arguments of zero.
var preview1 = []struct {
	name, params string
	errno        int
}{
	{"args_get", "ii", 0}, {"args_sizes_get", "ii", 0}, {"environ_get", "ii", 0}, {"environ_sizes_get", "ii", 0},
	{"clock_res_get", "ii", 0}, {"clock_time_get", "ili", 0}, {"fd_advise", "illi", 76}, {"fd_allocate", "ill", 76},
	{"fd_close", "i", 0}, {"fd_datasync", "i", 0}, {"fd_fdstat_get", "ii", 0}, {"fd_fdstat_set_flags", "ii", 76},
	{"fd_fdstat_set_rights", "ill", 76}, {"fd_filestat_get", "ii", 0}, {"fd_filestat_set_size", "il", 76},
	{"fd_filestat_set_times", "illi", 76}, {"fd_pread", "iiili", 70}, {"fd_prestat_get", "ii", 8},
	{"fd_prestat_dir_name", "iii", 8}, {"fd_pwrite", "iiili", 70}, {"fd_read", "iiii", 0}, {"fd_readdir", "iiili", 76},
	{"fd_renumber", "ii", 76}, {"fd_seek", "ilii", 70}, {"fd_sync", "i", 0}, {"fd_tell", "ii", 70}, {"fd_write", "iiii", 8},
	{"path_create_directory", "iii", 8}, {"path_filestat_get", "iiiii", 8}, {"path_filestat_set_times", "iiiilli", 8},
	{"path_link", "iiiiiii", 8}, {"path_open", "iiiiillii", 8}, {"path_readlink", "iiiiii", 8},
	{"path_remove_directory", "iii", 8}, {"path_rename", "iiiiii", 8}, {"path_symlink", "iiiii", 8},
	{"path_unlink_file", "iii", 8}, {"poll_oneoff", "iiii", 28}, {"proc_raise", "i", 52}, {"random_get", "ii", 0},
	{"sched_yield", "", 0}, {"sock_accept", "iii", 8}, {"sock_recv", "iiiiii", 8}, {"sock_send", "iiiii", 8},
	{"sock_shutdown", "ii", 8},
}

// wasiCall is a guest that calls one import with constants and answers with
// the errno: as the length of an output at 2048, one longer than the errno.
func wasiCall(name, params string, args ...int) []byte {
	var body [][]byte
	for i, p := range params {
		v := 0
		if i < len(args) {
			v = args[i]
		}
		if p == 'l' {
			body = append(body, asm.I64(int64(v)))
		} else {
			body = append(body, asm.I32(v))
		}
	}
	// i64.extend_i32_u; i64.const; i64.add
	body = append(body, asm.Call(0), []byte{0xad}, asm.I64(asm.Packed(2048, 1)), []byte{0x7c})
	return asm.Guest(func(m *asm.Module) {
		m.Import("wasi_snapshot_preview1", name, params, "i")
		m.Memory(2, 0)
		// An iovec of 70,000 bytes at 4096, at 64; and subscriptions at 128.
		m.Data(64, binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, 4096), 70_000))
	}, body...).Bytes()
}

func errnoOf(t *testing.T, m *direct.Module) int {
	t.Helper()
	out, err := m.Call(t.Context(), abi.OpExecute, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return len(out) - 1
}

// P-16: everything is there, nothing has an effect.
func TestP16WASIHasNoEffect(t *testing.T) {
	for _, f := range preview1 {
		t.Run(f.name, func(t *testing.T) {
			if got := errnoOf(t, load(t, wasiCall(f.name, f.params), nil)); got != f.errno {
				t.Errorf("errno %d, want %d", got, f.errno)
			}
		})
	}
}

func TestWASIDoesNotTrustPointers(t *testing.T) {
	const far = 1 << 30
	tests := []struct {
		name, params string
		args         []int
		errno        int
	}{
		{"args_sizes_get", "ii", []int{far, 0}, 21},
		{"clock_time_get", "ili", []int{0, 0, far}, 21},
		{"clock_time_get", "ili", []int{2, 0, 512}, 28},
		{"clock_res_get", "ii", []int{1, far}, 21},
		{"fd_fdstat_get", "ii", []int{1, far}, 21},
		{"fd_fdstat_get", "ii", []int{3, 512}, 8},
		{"fd_filestat_get", "ii", []int{1, far}, 21},
		{"fd_read", "iiii", []int{0, 0, 0, far}, 21},
		{"fd_read", "iiii", []int{3, 0, 0, 512}, 8},
		{"fd_write", "iiii", []int{1, far, 1, 512}, 21},
		{"fd_write", "iiii", []int{1, 0, 1025, 512}, 28},
		{"fd_write", "iiii", []int{1, -8, 1, 512}, 21},
		{"random_get", "ii", []int{far, 8}, 21},
		{"random_get", "ii", []int{0, abi.MaxImport + 1}, 28},
		{"poll_oneoff", "iiii", []int{far, 512, 1, 508}, 21},
		{"poll_oneoff", "iiii", []int{128, 512, 1, 508}, 0},
		{"poll_oneoff", "iiii", []int{128, 512, 100_000, 508}, 28},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := errnoOf(t, load(t, wasiCall(tt.name, tt.params, tt.args...), nil)); got != tt.errno {
				t.Errorf("%v: errno %d, want %d", tt.args, got, tt.errno)
			}
		})
	}
}

// An import handles at most 64 KiB, so that none holds a collection up.
func TestLongWriteIsAShortOne(t *testing.T) {
	var body [][]byte
	for _, v := range []int{1, 64, 1, 512} {
		body = append(body, asm.I32(v))
	}
	// drop; local answer = the u32 at 512, as length at 0 plus 1
	body = append(body, asm.Call(0), asm.Drop(), asm.I32(512), []byte{0x28, 0x02, 0x00, 0xad}, asm.I64(asm.Packed(16, 0)), []byte{0x7c})
	wasm := asm.Guest(func(m *asm.Module) {
		m.Import("wasi_snapshot_preview1", "fd_write", "iiii", "i")
		m.Memory(2, 0)
		m.Data(64, binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, 4096), 70_000))
	}, body...).Bytes()
	var log lines
	m := load(t, wasm, func(c *direct.Config) { c.Log = log.add })
	out, err := m.Call(t.Context(), abi.OpExecute, nil, nil)
	if err != nil || len(out) != abi.MaxImport {
		t.Errorf("wrote %d bytes, %v; want %d", len(out), err, abi.MaxImport)
	}
	if all := log.list(); len(all) != 1 || !strings.HasSuffix(all[0], "(cut)") {
		t.Errorf("%d lines", len(all))
	}
}

// spinning is a guest that calls an import again and again.
func spinning(name, params, results string, args ...int) []byte {
	loop := []byte{0x03, 0x40}
	for _, a := range args {
		loop = append(loop, asm.I32(a)...)
	}
	loop = append(loop, asm.Call(0)...)
	if results != "" {
		loop = append(loop, asm.Drop()...)
	}
	loop = append(loop, 0x0c, 0x00, 0x0b)
	return asm.Guest(func(m *asm.Module) {
		m.Import("wasi_snapshot_preview1", name, params, results)
	}, loop, asm.Unreachable()).Bytes()
}

func TestQuotaOfRandom(t *testing.T) {
	m := load(t, spinning("random_get", "ii", "i", 0, abi.MaxImport), nil)
	_, err := m.Call(t.Context(), abi.OpExecute, nil, nil)
	wantFault(t, err, abi.FaultLimit)
}

func TestP16GoGuestSeesNothing(t *testing.T) {
	m := load(t, goGuest, nil)
	if got, err := execute(t.Context(), m, "environment", ""); err != nil || got != "0 0 true" {
		t.Errorf("got %q, %v", got, err)
	}
}
