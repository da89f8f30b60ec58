;; Fills a table of 90,000 elements, again and again.
(module
  (table $t 90000 funcref)
  (memory (export "memory") 2)
  (data (i32.const 16) "\0a\02\62\00") ;; actions: [{ok: {}}]
  (func (export "patchbay_abi_1") (result i32) i32.const 0)
  (func (export "patchbay_buffer") (param $len i32) (result i32) i32.const 1024)
  (func (export "patchbay_call") (param $op i32) (param $len i32) (result i64)
    (if (i32.eq (local.get $op) (i32.const 1)) (then (return (i64.const 0x10_0000_0004))))
    (loop $again
      (table.fill $t (i32.const 0) (ref.null func) (i32.const 90000))
      (br $again))
    unreachable))
