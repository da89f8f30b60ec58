;; Follows a chain of pointers, of which each is in another page and misses every cache.
(module
  (memory (export "memory") 520)
  (data (i32.const 16) "\0a\02\62\00") ;; actions: [{ok: {}}]
  (func (export "patchbay_abi_1") (result i32) i32.const 0)
  (func (export "patchbay_buffer") (param $len i32) (result i32) i32.const 1024)
  (func (export "patchbay_call") (param $op i32) (param $len i32) (result i64)
    (local $i i32) (local $p i32)
    (if (i32.eq (local.get $op) (i32.const 1)) (then (return (i64.const 0x10_0000_0004))))
    ;; The chain: a permutation of all words of 32 MiB, by a linear congruence.
    (loop $fill
      (i32.store offset=65536 (i32.shl (local.get $i) (i32.const 2))
        (i32.shl
          (i32.and
            (i32.add (i32.mul (local.get $i) (i32.const 1664525)) (i32.const 1013904223))
            (i32.const 0x7fffff))
          (i32.const 2)))
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $fill (i32.lt_u (local.get $i) (i32.const 0x800000))))
    (loop $again
      local.get $p
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      i32.load offset=65536 i32.load offset=65536 i32.load offset=65536 i32.load offset=65536
      local.set $p
      (br $again))
    unreachable))
