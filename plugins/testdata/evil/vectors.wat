;; A chain of vector divisions and square roots.
(module
  (memory (export "memory") 2)
  (data (i32.const 16) "\0a\02\62\00") ;; actions: [{ok: {}}]
  (func (export "patchbay_abi_1") (result i32) i32.const 0)
  (func (export "patchbay_buffer") (param $len i32) (result i32) i32.const 1024)
  (func (export "patchbay_call") (param $op i32) (param $len i32) (result i64)
    (local $x v128)
    (if (i32.eq (local.get $op) (i32.const 1)) (then (return (i64.const 0x10_0000_0004))))
    (loop $again
      local.get $x
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      f64x2.sqrt f64x2.sqrt v128.const i64x2 0x3ff8000000000000 0x3ff8000000000000 f64x2.div
      local.set $x
      (br $again))
    unreachable))
