;; Writes a thousand vectors that are all the same 2 GiB.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 2)
  (data (i32.const 16) "\0a\02\62\00") ;; actions: [{ok: {}}]
  (func (export "patchbay_abi_1") (result i32) i32.const 0)
  (func (export "patchbay_buffer") (param $len i32) (result i32) i32.const 1024)
  (func (export "patchbay_call") (param $op i32) (param $len i32) (result i64)
    (local $i i32)
    (if (i32.eq (local.get $op) (i32.const 1)) (then (return (i64.const 0x10_0000_0004))))
    (loop $vectors
      (i64.store offset=1024 (i32.shl (local.get $i) (i32.const 3)) (i64.const 0x7fffffff_00000000))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $vectors (i32.lt_u (local.get $i) (i32.const 1024))))
    (drop (call $write (i32.const 1) (i32.const 1024) (i32.const 1024) (i32.const 512)))
    (if (i32.gt_u (i32.load (i32.const 512)) (i32.const 65536)) (then unreachable))
    i64.const 0x10_0000_0004))
