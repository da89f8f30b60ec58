;; Every export is there, as another kind.
(module
  (table (export "patchbay_call") 1 funcref)
  (memory (export "patchbay_buffer") 1)
  (global (export "memory") i32 (i32.const 0))
  (global (export "_initialize") i32 (i32.const 0))
  (func (export "patchbay_abi_1") (result i32) i32.const 0))
