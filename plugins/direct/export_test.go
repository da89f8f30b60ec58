package direct

// SetClock makes modules that are loaded from now on tell the time by now, in
// nanoseconds. It is called on the goroutine of whoever asks: at each yield and
// in each import, on that of the call.
func (r *Runtime) SetClock(now func() int64) { r.now = now }
