package app

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/settings"
)

// TestFaultC05StoredKeysThatNobodyMade: a key that could not have been made here,
// that is too short, or that stands there twice keeps the server from starting:
// somebody else wrote it.
func TestFaultC05StoredKeysThatNobodyMade(t *testing.T) {
	hash := func(b string) string { return strings.Repeat(b, 32) }
	for name, records := range map[string]map[string]string{
		"the same key twice": {"aaaaaaaa": `{"id":"aaaaaaaa","hash":"` + hash("11") + `"}`, "bbbbbbbb": `{"id":"bbbbbbbb","hash":"` + hash("11") + `"}`},
		"a short id":         {"aaa": `{"id":"aaa","hash":"` + hash("11") + `"}`},
		"a short hash":       {"aaaaaaaa": `{"id":"aaaaaaaa","hash":"1111"}`},
		"no hash":            {"aaaaaaaa": `{"id":"aaaaaaaa"}`},
		"a hash of nothing":  {"aaaaaaaa": `{"id":"aaaaaaaa","hash":"` + hash("00") + `"}`},
		"another's id":       {"aaaaaaaa": `{"id":"bbbbbbbb","hash":"` + hash("11") + `"}`},
		"a plain key":        {"aaaaaaaa": `"pb_aaaaaaaa_changeme"`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			a := open(t, dir)
			for id, raw := range records {
				if err := a.store.Records(bucketKeys).Put(t.Context(), id, []byte(raw)); err != nil {
					t.Fatal(err)
				}
			}
			if err := a.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			cfg := settings.Default()
			cfg.DataDir = dir
			b, err := Open(t.Context(), Options{Config: cfg})
			if err == nil {
				t.Fatal("it started", b.Close(t.Context()))
			}
			if !strings.Contains(err.Error(), "client key") || strings.Contains(err.Error(), "changeme") || strings.Contains(err.Error(), hash("11")) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestKeys(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir)
	first, err := a.EnsureKey(t.Context())
	if err != nil || first.Key == "" {
		t.Fatal(first.ID, err)
	}
	if again, err := a.EnsureKey(t.Context()); err != nil || again.Key != "" {
		t.Errorf("a second first key: %v", err)
	}
	for _, name := range []string{"", "  ", "a\nb", strings.Repeat("n", maxKeyName+1)} {
		if _, err := a.CreateKey(t.Context(), name); !errors.Is(err, &admin.Error{Code: admin.CodeInvalid}) {
			t.Errorf("%q: %v", name, err)
		}
	}
	list, err := a.ListKeys(t.Context())
	if err != nil || len(list) != 1 || list[0].ID != first.ID || list[0].Name != "first" {
		t.Errorf("%v %v", list, err)
	}
	if raw, err := json.Marshal(list); err != nil || strings.Contains(string(raw), first.Key[12:]) {
		t.Errorf("the list holds the key: %v", err)
	}
	if err := a.RevokeKey(t.Context(), "nonesuch"); !errors.Is(err, &admin.Error{Code: admin.CodeNotFound}) {
		t.Errorf("%v", err)
	}
	if err := a.RevokeKey(t.Context(), first.ID); err != nil {
		t.Fatal(err)
	}
	if _, ok := a.Keys().Authenticate(first.Key); ok {
		t.Error("a revoked key lets somebody in")
	}
	if err := a.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if keys := open(t, dir).Keys().Keys(); len(keys) != 0 {
		t.Errorf("after a restart: %v", keys)
	}
}
