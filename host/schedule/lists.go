package schedule

// Lists reports whether a member has a seat for the model, switched off or not.
// It allocates nothing.
func (x *Index[V]) Lists(model string) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.listing[model]) > 0
}
