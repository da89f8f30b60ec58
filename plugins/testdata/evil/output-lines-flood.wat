;; Writes 64 KiB of short lines to standard error, without an end.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 16) "\0a\02\62\00") ;; actions: [{ok: {}}]
  (func (export "patchbay_abi_1") (result i32) i32.const 0)
  (func (export "patchbay_buffer") (param $len i32) (result i32) i32.const 1024)
  (func (export "patchbay_call") (param $op i32) (param $len i32) (result i64)
    (local $i i32)
    (if (i32.eq (local.get $op) (i32.const 1)) (then (return (i64.const 0x10_0000_0004))))
    (memory.fill (i32.const 4096) (i32.const 10) (i32.const 65536))
    (loop $letters
      (i32.store8 offset=4096 (local.get $i) (i32.const 97))
      (local.set $i (i32.add (local.get $i) (i32.const 2)))
      (br_if $letters (i32.lt_u (local.get $i) (i32.const 65536))))
    (i32.store (i32.const 64) (i32.const 4096))
    (i32.store (i32.const 68) (i32.const 65536))
    (loop $again
      (drop (call $write (i32.const 2) (i32.const 64) (i32.const 1) (i32.const 512)))
      (br $again))
    unreachable))
