;; State of a byte more than may be.
(module
  (memory (export "memory") 2)
  (data (i32.const 16) "\0a\02\62\00") ;; actions: [{ok: {}}]
  (func (export "patchbay_abi_1") (result i32) i32.const 0)
  (func (export "patchbay_buffer") (param $len i32) (result i32) i32.const 1024)
  (func (export "patchbay_call") (param $op i32) (param $len i32) (result i64)
    (if (i32.eq (local.get $op) (i32.const 1)) (then (return (i64.const 0x10_0000_0004))))
    (i32.store (i32.const 4096) (i32.const 0x0022020a)) ;; actions: [{end: {}}]
    (i32.store (i32.const 4100) (i32.const 0x01808112)) ;; state: 16,385 bytes
    i64.const 0x1000_00004009))
