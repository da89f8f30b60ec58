;; Gives a place for its input that ends outside its memory.
(module
  (memory (export "memory") 2)
  (data (i32.const 16) "\0a\02\62\00") ;; actions: [{ok: {}}]
  (func (export "patchbay_abi_1") (result i32) i32.const 0)
  (func (export "patchbay_buffer") (param $len i32) (result i32) (i32.sub (i32.const 131073) (local.get $len)))
  (func (export "patchbay_call") (param $op i32) (param $len i32) (result i64)
    (i64.const 0x10_0000_0004)))
