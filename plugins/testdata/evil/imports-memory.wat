;; Imports its memory.
(module
  (import "env" "memory" (memory 1))
  (export "memory" (memory 0))
  (func (export "patchbay_abi_1") (result i32) i32.const 0)
  (func (export "patchbay_buffer") (param i32) (result i32) i32.const 0)
  (func (export "patchbay_call") (param i32 i32) (result i64) i64.const 0))
