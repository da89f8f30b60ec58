;; A shared memory, of the threads proposal.
(module binary "\00asm\01\00\00\00" "\05\04\01\03\01\02")
