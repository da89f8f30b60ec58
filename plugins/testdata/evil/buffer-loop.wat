;; patchbay_buffer never gives a place, once init has been heard.
(module
  (global $calls (mut i32) (i32.const 0))
  (memory (export "memory") 2)
  (data (i32.const 16) "\0a\02\62\00") ;; actions: [{ok: {}}]
  (func (export "patchbay_abi_1") (result i32) i32.const 0)
  (func (export "patchbay_buffer") (param $len i32) (result i32)
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    (if (i32.gt_u (global.get $calls) (i32.const 1)) (then (loop $again (br $again))))
    i32.const 1024)
  (func (export "patchbay_call") (param $op i32) (param $len i32) (result i64)
    (i64.const 0x10_0000_0004)))
