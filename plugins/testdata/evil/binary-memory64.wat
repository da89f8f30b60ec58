;; A memory with 64-bit addresses.
(module binary "\00asm\01\00\00\00" "\05\03\01\04\01")
