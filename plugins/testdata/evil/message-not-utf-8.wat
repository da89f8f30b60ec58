;; A code that is not UTF-8.
(module
  (memory (export "memory") 2)
  (data (i32.const 16) "\0a\02\62\00") ;; actions: [{ok: {}}]
  (data (i32.const 256) "\0a\06\3a\04\0a\02\ff\fe")
  (func (export "patchbay_abi_1") (result i32) i32.const 0)
  (func (export "patchbay_buffer") (param $len i32) (result i32) i32.const 1024)
  (func (export "patchbay_call") (param $op i32) (param $len i32) (result i64)
    (if (i32.eq (local.get $op) (i32.const 1)) (then (return (i64.const 0x10_0000_0004))))
    (i64.const 0x100_00000008)))
