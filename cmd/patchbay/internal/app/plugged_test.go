package app

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// TestPluginOrder: what the configuration names comes first, as it stands there.
func TestPluginOrder(t *testing.T) {
	for _, c := range []struct{ ids, first, want []string }{
		{[]string{"c", "a", "b"}, nil, []string{"a", "b", "c"}},
		{[]string{"a", "b", "c"}, []string{"c", "gone", "b"}, []string{"c", "b", "a"}},
	} {
		if diff := cmp.Diff(c.want, inOrder(c.ids, c.first)); diff != "" {
			t.Error(diff)
		}
	}
}

// TestNobodyHooks: before a plugin serves nobody intercepts, and nobody watches.
func TestNobodyHooks(t *testing.T) {
	a := open(t, t.TempDir())
	if list, err := a.intercepts("p"); len(list) != 0 || err != nil {
		t.Errorf("%v, %v", list, err)
	}
	watchers{a}.OnResult(t.Context(), auth.Result{})
	if m := a.schemaOf("p"); m != nil {
		t.Errorf("a schema of nobody: %v", m)
	}
}
