package mutate

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMutationsFit: every mutation names a function that is there, once.
func TestMutationsFit(t *testing.T) {
	root := filepath.Join("..", "..", "..", "..")
	for _, m := range Mutations {
		dir := t.TempDir()
		if _, err := write(root, dir, m); err != nil {
			t.Error(err)
			continue
		}
		for i, e := range m.Edits {
			changed, err := os.ReadFile(filepath.Join(dir, string(rune('0'+i))+".go"))
			if err != nil || !strings.Contains(string(changed), "{\n\t"+e.Return+"\n") {
				t.Errorf("%s: %s does not begin with %s (%v)", m.Name, e.Func, e.Return, err)
			}
		}
	}
}

func TestEditsThatDoNotFit(t *testing.T) {
	e := Edit{"f.go", "func F(", "return"}
	for _, source := range []string{"", "func G() {\n}\n", "func F() {\n}\nfunc F() {\n}\n"} {
		if _, err := e.apply([]byte(source)); err == nil {
			t.Errorf("%q was taken", source)
		}
	}
}
