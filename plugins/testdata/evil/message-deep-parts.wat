;; A header value of encodings in encodings, ten thousand deep.
(module
  (global $at (mut i32) (i32.const 262144))
  (memory (export "memory") 4)
  (data (i32.const 16) "\0a\02\62\00") ;; actions: [{ok: {}}]
  ;; The message is written from its end: $byte and $prepend put something before
  ;; what is there, $prepend a tag and the length of all of it in three bytes.
  (func $byte (param $b i32)
    (global.set $at (i32.sub (global.get $at) (i32.const 1)))
    (i32.store8 (global.get $at) (local.get $b)))
  (func $prepend (param $tag i32)
    (local $n i32)
    (local.set $n (i32.sub (i32.const 262144) (global.get $at)))
    (call $byte (i32.shr_u (local.get $n) (i32.const 14)))
    (call $byte (i32.or (i32.and (i32.shr_u (local.get $n) (i32.const 7)) (i32.const 0x7f)) (i32.const 0x80)))
    (call $byte (i32.or (i32.and (local.get $n) (i32.const 0x7f)) (i32.const 0x80)))
    (call $byte (local.get $tag)))
  (func (export "patchbay_abi_1") (result i32) i32.const 0)
  (func (export "patchbay_buffer") (param $len i32) (result i32) i32.const 1024)
  (func (export "patchbay_call") (param $op i32) (param $len i32) (result i64)
    (local $i i32)
    (if (i32.eq (local.get $op) (i32.const 1)) (then (return (i64.const 0x10_0000_0004))))
    (local.set $i (i32.const 10000))
    (loop $deeper
      (call $prepend (i32.const 0x12)) ;; Encode.parts
      (call $byte (i32.const 1)) ;; Encode.encoding
      (call $byte (i32.const 0x08))
      (call $prepend (i32.const 0x22)) ;; Part.encode
      (local.set $i (i32.sub (local.get $i) (i32.const 1)))
      (br_if $deeper (local.get $i)))
    (call $prepend (i32.const 0x12)) ;; NamedValue.parts
    (call $prepend (i32.const 0x1a)) ;; Request.headers
    (call $prepend (i32.const 0x0a)) ;; Send.request
    (call $prepend (i32.const 0x2a)) ;; Action.send
    (call $prepend (i32.const 0x0a)) ;; ActionList.actions
    (i64.or
      (i64.shl (i64.extend_i32_u (global.get $at)) (i64.const 32))
      (i64.extend_i32_u (i32.sub (i32.const 262144) (global.get $at))))))
