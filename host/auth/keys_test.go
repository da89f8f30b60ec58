package auth

import "testing"

// TestNumbersOfAnOperator: whatever stands in an attribute, the core gets a
// number that it can work with.
func TestNumbersOfAnOperator(t *testing.T) {
	for _, c := range []struct {
		text          string
		weight, limit int
	}{
		{"", 1, 0},
		{"1", 1, 1},
		{" 7 ", 7, 7},
		{"+7", 7, 7},
		{"100", 100, 100},
		{"0", 1, 0},
		{"-3", 1, 0},
		{"101", 100, 101},
		{"2147483648", 100, 2147483647},
		{"99999999999999999999", 100, 2147483647},
		{"-99999999999999999999", 1, 0},
		{"1.5", 1, 0},
		{"1e3", 1, 0},
		{"NaN", 1, 0},
		{"many", 1, 0},
	} {
		a := &Auth{Attributes: map[string]string{AttrWeight: c.text, AttrMaxInFlight: c.text}}
		if got := a.Weight(); got != c.weight {
			t.Errorf("weight %q is %d, want %d", c.text, got, c.weight)
		}
		if got := a.MaxInFlight(); got != c.limit {
			t.Errorf("max_in_flight %q is %d, want %d", c.text, got, c.limit)
		}
	}
	if a := (&Auth{}); a.Weight() != 1 || a.MaxInFlight() != 0 || a.QuotaGroup() != "" {
		t.Error("a bare record has a weight, a limit or a group")
	}
}
