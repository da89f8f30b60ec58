package admin

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var (
	oneCheck    = StoreCheck{Path: "p", Generation: 7, Records: map[string]int{"auths": 2}, Keys: map[string]int{"k": 2}, JournalEntries: 3, JournalBytes: 4, Problems: []string{"one"}}
	oneRotation = KeyRotation{Old: "a", New: "b", Resumed: true, Records: 3, Unreadable: 1, OldKeyFile: "f"}
)

// vault is the store's part of fake.
type vault struct{ backup string }

func (f *fake) CheckStore(_ context.Context, step func(done, all int)) (StoreCheck, error) {
	for i := range 1000 {
		step(i+1, 1000)
	}
	return oneCheck, f.answer()
}

func (f *fake) RotateKey(context.Context, func(done, all int)) (KeyRotation, error) {
	return oneRotation, f.answer()
}

func (f *fake) BackupStore(_ context.Context, w io.Writer) error {
	if _, err := io.WriteString(w, f.backup); err != nil {
		return err
	}
	return f.answer()
}

// TestStoreOperationsTravel: what a server finds reaches the command as it was,
// with how far it is, and what breaks off is an error.
func TestStoreOperationsTravel(t *testing.T) {
	f := &fake{vault: vault{strings.Repeat("bytes of a store ", 10_000)}}
	dir := t.TempDir()
	serve(t, dir, f)
	c, err := Dial(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	steps := 0
	got, err := c.CheckStore(t.Context(), func(done, all int) {
		if steps++; all != 1000 {
			t.Errorf("step %d of %d", done, all)
		}
	})
	if diff := cmp.Diff(oneCheck, got); diff != "" || err != nil || steps < 100 || steps > 102 {
		t.Errorf("%v, %d steps (-want +got):\n%s", err, steps, diff)
	}
	if _, err := c.CheckStore(t.Context(), nil); err != nil {
		t.Error(err)
	}
	rotated, err := c.RotateKey(t.Context(), nil)
	if diff := cmp.Diff(oneRotation, rotated); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	var b bytes.Buffer
	if err := c.BackupStore(t.Context(), &b); err != nil || b.String() != f.backup {
		t.Errorf("%d bytes, %v", b.Len(), err)
	}

	f.err = &Error{Code: CodeConflict, Message: "it is going on already", Exit: 5}
	if _, err := c.RotateKey(t.Context(), nil); !errors.Is(err, &Error{Code: CodeConflict}) {
		t.Errorf("before a step: %v", err)
	}
	if _, err := c.CheckStore(t.Context(), nil); !errors.Is(err, &Error{Code: CodeConflict}) || ExitCode(err) != 5 {
		t.Errorf("after some: %v", err)
	}
	if err := c.BackupStore(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), "broke off") {
		t.Errorf("in the middle of a backup: %v", err)
	}
	f.backup = ""
	if err := c.BackupStore(t.Context(), io.Discard); !errors.Is(err, &Error{Code: CodeConflict}) {
		t.Errorf("before a backup: %v", err)
	}
}
