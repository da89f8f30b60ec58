;; A file that ends within a section.
(module binary "\00asm\01\00\00\00" "\01\7f\01\60")
