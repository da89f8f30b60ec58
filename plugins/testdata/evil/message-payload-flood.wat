;; Sixteen million empty payloads in one answer.
(module
  (memory (export "memory") 520)
  (data (i32.const 16) "\0a\02\62\00") ;; actions: [{ok: {}}]
  (data $head "\0a\85\80\80\10\0a\80\80\80\10")
  (func (export "patchbay_abi_1") (result i32) i32.const 0)
  (func (export "patchbay_buffer") (param $len i32) (result i32) i32.const 1024)
  (func (export "patchbay_call") (param $op i32) (param $len i32) (result i64)
    (local $n i32)
    (if (i32.eq (local.get $op) (i32.const 1)) (then (return (i64.const 0x10_0000_0004))))
    (i32.store (i32.const 65546) (i32.const 0x000a000a))
    (local.set $n (i32.const 4))
    (loop $double
      (memory.copy (i32.add (i32.const 65546) (local.get $n)) (i32.const 65546) (local.get $n))
      (local.set $n (i32.shl (local.get $n) (i32.const 1)))
      (br_if $double (i32.lt_u (local.get $n) (i32.const 33554432))))
    ;; actions: [{chunks: {payloads: [...]}}], 0x2000000 bytes of payloads
    (memory.init $head (i32.const 65536) (i32.const 0) (i32.const 10))
    i64.const 0x10000_0200000a))
