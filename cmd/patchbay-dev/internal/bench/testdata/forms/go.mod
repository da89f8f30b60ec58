module example.com/bench-forms

go 1.26.0

require github.com/patchbay-dev/patchbay v0.0.0
