;; Logs what would clear a terminal, begin a second line and turn text around.
(module
  (import "patchbay" "log" (func $log (param i32 i32 i32)))
  (memory (export "memory") 2)
  (data (i32.const 16) "\0a\02\62\00") ;; actions: [{ok: {}}]
  (data (i32.const 64) "ok\1b[2J\1b]0;owned\07\r\nlevel=ERROR msg=forged \e2\80\ae\e2\80\a8\c2\9b31m\00\ff")
  (func (export "patchbay_abi_1") (result i32) i32.const 0)
  (func (export "patchbay_buffer") (param $len i32) (result i32) i32.const 1024)
  (func (export "patchbay_call") (param $op i32) (param $len i32) (result i64)
    (if (i32.eq (local.get $op) (i32.const 1)) (then (return (i64.const 0x10_0000_0004))))
    (call $log (i32.const 2) (i32.const 64) (i32.const 54))
    i64.const 0x10_0000_0004))
