;; Two memories.
(module binary "\00asm\01\00\00\00" "\05\05\02\00\01\00\01")
