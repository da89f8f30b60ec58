package crash

// killed reports whether a process was ended from outside, or ended itself with
// an error: Windows does not tell.
func killed(err error) bool { return err != nil }
