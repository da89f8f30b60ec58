;; The other tier's encoding.
(module
  (memory (export "memory") 2)
  (data (i32.const 16) "\0a\02\62\00") ;; actions: [{ok: {}}]
  (data (i32.const 256) "\7b\22\61\63\74\69\6f\6e\73\22\3a\5b\7b\22\6f\6b\22\3a\7b\7d\7d\5d\7d")
  (func (export "patchbay_abi_1") (result i32) i32.const 0)
  (func (export "patchbay_buffer") (param $len i32) (result i32) i32.const 1024)
  (func (export "patchbay_call") (param $op i32) (param $len i32) (result i64)
    (if (i32.eq (local.get $op) (i32.const 1)) (then (return (i64.const 0x10_0000_0004))))
    (i64.const 0x100_00000017)))
