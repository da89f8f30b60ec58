;; Writes lines of 1 MiB to standard output.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 20)
  (data (i32.const 16) "\0a\02\62\00") ;; actions: [{ok: {}}]
  (func (export "patchbay_abi_1") (result i32) i32.const 0)
  (func (export "patchbay_buffer") (param $len i32) (result i32) i32.const 1024)
  (func (export "patchbay_call") (param $op i32) (param $len i32) (result i64)
    (if (i32.eq (local.get $op) (i32.const 1)) (then (return (i64.const 0x10_0000_0004))))
    (memory.fill (i32.const 4096) (i32.const 120) (i32.const 1048576))
    (i32.store8 (i32.const 1052672) (i32.const 10))
    (i32.store (i32.const 64) (i32.const 4096))
    (i32.store (i32.const 68) (i32.const 1048577))
    (loop $again
      ;; A write may be a short one: go on behind what was taken.
      (drop (call $write (i32.const 1) (i32.const 64) (i32.const 1) (i32.const 512)))
      (i32.store (i32.const 64) (i32.add (i32.load (i32.const 64)) (i32.load (i32.const 512))))
      (i32.store (i32.const 68) (i32.sub (i32.load (i32.const 68)) (i32.load (i32.const 512))))
      (br_if $again (i32.load (i32.const 68))))
    i64.const 0x10_0000_0004))
