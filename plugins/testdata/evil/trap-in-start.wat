;; Traps in its start section.
(module
  (start $trap)
  (memory (export "memory") 2)
  (data (i32.const 16) "\0a\02\62\00") ;; actions: [{ok: {}}]
  (func $trap unreachable)
  (func (export "patchbay_abi_1") (result i32) i32.const 0)
  (func (export "patchbay_buffer") (param $len i32) (result i32) i32.const 1024)
  (func (export "patchbay_call") (param $op i32) (param $len i32) (result i64)
    (i64.const 0x10_0000_0004)))
