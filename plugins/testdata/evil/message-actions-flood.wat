;; Eight million of the shortest actions, which would become 3 GiB.
(module
  (memory (export "memory") 520)
  (data (i32.const 16) "\0a\02\62\00") ;; actions: [{ok: {}}]
  (func (export "patchbay_abi_1") (result i32) i32.const 0)
  (func (export "patchbay_buffer") (param $len i32) (result i32) i32.const 1024)
  (func (export "patchbay_call") (param $op i32) (param $len i32) (result i64)
    (local $n i32)
    (if (i32.eq (local.get $op) (i32.const 1)) (then (return (i64.const 0x10_0000_0004))))
    (i32.store (i32.const 65536) (i32.const 0x0012020a)) ;; actions: [{wait: {}}]
    (memory.copy (i32.const 65540) (i32.const 65536) (i32.const 4))
    (local.set $n (i32.const 8))
    (loop $double
      (memory.copy (i32.add (i32.const 65536) (local.get $n)) (i32.const 65536) (local.get $n))
      (local.set $n (i32.shl (local.get $n) (i32.const 1)))
      (br_if $double (i32.lt_u (local.get $n) (i32.const 33554432))))
    i64.const 0x10000_02000000))
