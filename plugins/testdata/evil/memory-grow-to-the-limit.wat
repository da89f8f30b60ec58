;; Grows as far as it can, touches every page, and answers.
(module
  (memory (export "memory") 2)
  (data (i32.const 16) "\0a\02\62\00") ;; actions: [{ok: {}}]
  (func (export "patchbay_abi_1") (result i32) i32.const 0)
  (func (export "patchbay_buffer") (param $len i32) (result i32) i32.const 1024)
  (func (export "patchbay_call") (param $op i32) (param $len i32) (result i64)
    (local $at i32)
    (if (i32.eq (local.get $op) (i32.const 1)) (then (return (i64.const 0x10_0000_0004))))
    (block $full
      (loop $again
        (br_if $full (i32.eq (memory.grow (i32.const 16)) (i32.const -1)))
        (br $again)))
    (loop $touch
      (i32.store8 offset=131072 (local.get $at) (i32.const 1))
      (local.set $at (i32.add (local.get $at) (i32.const 4096)))
      (br_if $touch (i32.lt_u (local.get $at) (i32.sub (i32.shl (memory.size) (i32.const 16)) (i32.const 135168)))))
    i64.const 0x10_0000_0004))
