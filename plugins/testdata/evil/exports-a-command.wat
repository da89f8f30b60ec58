;; A program that runs once, not a plugin.
(module
  (memory (export "memory") 1)
  (func (export "_start")))
