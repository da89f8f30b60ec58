;; An opcode behind a prefix, in more bytes than it needs.
(module binary "\00asm\01\00\00\00" "\01\04\01\60\00\00" "\03\02\01\00" "\05\03\01\00\01" "\0a\0f\01\0d\00\41\00\41\00\41\00\fc\8b\00\00\01\0b")
