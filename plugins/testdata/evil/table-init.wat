;; Copies out of an element segment, without an end.
(module
  (table $t 8 funcref)
  (elem $refs func $nothing $nothing $nothing $nothing)
  (memory (export "memory") 2)
  (data (i32.const 16) "\0a\02\62\00") ;; actions: [{ok: {}}]
  (func $nothing)
  (func (export "patchbay_abi_1") (result i32) i32.const 0)
  (func (export "patchbay_buffer") (param $len i32) (result i32) i32.const 1024)
  (func (export "patchbay_call") (param $op i32) (param $len i32) (result i64)
    (if (i32.eq (local.get $op) (i32.const 1)) (then (return (i64.const 0x10_0000_0004))))
    (loop $again
      (table.init $t $refs (i32.const 0) (i32.const 0) (i32.const 4))
      (br $again))
    unreachable))
