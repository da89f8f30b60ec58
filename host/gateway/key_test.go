package gateway

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestKeyFormat(t *testing.T) {
	plain, key := NewKey("work", rand.Reader, time.Unix(1700000000, 0))
	if !regexp.MustCompile(`^pb_[a-z2-7]{8}_[A-Za-z0-9_-]{43}$`).MatchString(plain) {
		t.Errorf("the key is %q", plain)
	}
	if plain[3:11] != key.ID || key.Name != "work" || key.CreatedAt.Location() != time.UTC {
		t.Errorf("%+v", key)
	}
	raw, err := json.Marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, []byte(plain[12:])) {
		t.Errorf("the stored form %s holds the key", raw)
	}
	back, err := ParseKey(raw)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(key, back); diff != "" {
		t.Errorf("after a round trip (-want +got):\n%s", diff)
	}
	for _, bad := range []string{``, `{}`, `{"id":"abcdefgh"}`, `{"id":"abcdefgh","hash":"00"}`, `{"id":"abcdefgh","hash":"` + strings.Repeat("zz", 32) + `"}`,
		`{"id":"abc","hash":"` + strings.Repeat("11", 32) + `"}`} {
		if _, err := ParseKey([]byte(bad)); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

func TestNoKeyWithoutRandomness(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a key was made without randomness")
		}
	}()
	NewKey("x", strings.NewReader("short"), time.Time{})
}

func TestKeyRingReplace(t *testing.T) {
	var r KeyRing
	plain, key := NewKey("a", rand.Reader, time.Time{})
	if _, ok := r.Authenticate(plain); ok || r.Len() != 0 {
		t.Error("the zero ring let somebody in")
	}
	r.Replace([]Key{key})
	if id, ok := r.Authenticate(plain); !ok || id != key.ID || len(r.Keys()) != 1 {
		t.Errorf("got %q %v", id, ok)
	}
	r.Replace([]Key{{ID: key.ID}})
	if _, ok := r.Authenticate(plain); ok {
		t.Error("a key without a hash let somebody in")
	}
	r.Replace(nil)
	if _, ok := r.Authenticate(plain); ok {
		t.Error("a removed key let somebody in")
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 500 {
				r.Replace([]Key{key})
				r.Authenticate(plain)
			}
		})
	}
	wg.Wait()
}

// TestFaultA04SameWorkForEveryKey: nothing that is done depends on whether the id
// exists, or on where a key is wrong.
func TestFaultA04SameWorkForEveryKey(t *testing.T) {
	plain, key := NewKey("a", rand.Reader, time.Time{})
	r := NewKeyRing(key)
	var steps []string
	r.observe = func(step string) { steps = append(steps, step) }
	want := []string{"lookup", "hash", "compare"}
	for name, presented := range map[string]string{
		"right": plain, "first byte wrong": plain[:12] + "!" + plain[13:], "last byte wrong": plain[:54] + "!",
		"unknown id": "pb_zzzzzzzz" + plain[11:], "empty": "", "long": strings.Repeat("x", 1<<20), "other shape": "sk-" + plain,
	} {
		steps = nil
		if _, ok := r.Authenticate(presented); ok != (name == "right") {
			t.Errorf("%s: %v", name, ok)
		}
		if !slices.Equal(steps, want) {
			t.Errorf("%s took %v", name, steps)
		}
	}
}

// TestFaultA04TimeOfACheck: how long a check takes tells nothing of how much of a
// key is right. The fastest of many rounds is what the work itself costs.
func TestFaultA04TimeOfACheck(t *testing.T) {
	plain, key := NewKey("a", rand.Reader, time.Time{})
	r := NewKeyRing(key)
	wrong := map[string]string{
		"in its first byte": plain[:12] + "!" + plain[13:], "in its last byte": plain[:54] + "!", "in its id": "pb_zzzzzzzz" + plain[11:],
	}
	fastest := map[string]time.Duration{}
	for range 300 {
		for name, presented := range wrong {
			start := time.Now()
			for range 100 {
				r.Authenticate(presented)
			}
			if took := time.Since(start); fastest[name] == 0 || took < fastest[name] {
				fastest[name] = took
			}
		}
	}
	least, most := slices.Min(slices.Collect(maps.Values(fastest))), slices.Max(slices.Collect(maps.Values(fastest)))
	if most > 2*least {
		t.Errorf("100 checks take from %v to %v: %v", least, most, fastest)
	}
}

// badKeys are the keys of A-01.
func badKeys(plain string) map[string][]string {
	return map[string][]string{
		"none":              nil,
		"empty":             {""},
		"scheme only":       {"Bearer"},
		"scheme and space":  {"Bearer "},
		"wrong":             {"Bearer pb_aaaaaaaa_" + strings.Repeat("a", 43)},
		"known id":          {"Bearer " + plain[:12] + strings.Repeat("a", 43)},
		"prefix":            {"Bearer " + plain[:len(plain)-1]},
		"suffix":            {"Bearer " + plain + "x"},
		"trailing space":    {"Bearer " + plain + " "},
		"two spaces":        {"Bearer  " + plain},
		"tab":               {"Bearer\t" + plain},
		"basic":             {"Basic " + plain},
		"no scheme":         {plain},
		"sql":               {"Bearer ' OR '1'='1"},
		"nul":               {"Bearer " + plain[:20] + "\x00" + plain[21:]},
		"nul after":         {"Bearer " + plain + "\x00"},
		"1 MB":              {"Bearer " + strings.Repeat("k", 1<<20)},
		"look-alike":        {"Bearer " + strings.Replace(plain, "pb_", "\u0440b_", 1)},
		"wide":              {"Bearer " + strings.Replace(plain, "p", "\uff50", 1)},
		"other case":        {"Bearer " + strings.ToUpper(plain)},
		"comma list":        {"Bearer " + plain + ", Bearer " + plain},
		"two headers":       {"Bearer " + plain, "Bearer " + plain},
		"two, first wrong":  {"Bearer x", "Bearer " + plain},
		"two, second empty": {"Bearer " + plain, ""},
	}
}

func TestFaultA01WrongKeysStayOut(t *testing.T) {
	b := newBench(t)
	asked := 0
	for name, values := range badKeys(b.key) {
		for _, route := range []struct{ method, path string }{{"POST", chatPath}, {"GET", "/v1/models"}, {"GET", "/v1/models/small"}} {
			r := httptest.NewRequest(route.method, route.path, unreadable{t})
			asked++
			r.RemoteAddr = fmt.Sprintf("192.0.2.%d:1", asked) // so that nobody guesses often
			r.Header["Authorization"] = values
			r.Header.Set("X-Api-Key", b.key)
			w := httptest.NewRecorder()
			b.gw.Handler().ServeHTTP(w, r)
			if w.Code != http.StatusUnauthorized {
				t.Errorf("%s at %s: %d", name, route.path, w.Code)
				continue
			}
			e := errorOf(t, w.Body.String())
			if e["code"] != "invalid_api_key" || e["type"] != "invalid_request_error" || e["request_id"] != w.Header().Get("X-Request-Id") {
				t.Errorf("%s: %v", name, e)
			}
			if w.Header().Get("WWW-Authenticate") != "Bearer" {
				t.Errorf("%s: %v", name, w.Header())
			}
		}
	}
	if strings.Contains(b.log.String(), b.key[12:]) {
		t.Error("the log holds a key")
	}
}

// unreadable is a body that nobody may read.
type unreadable struct{ t *testing.T }

func (u unreadable) Read([]byte) (int, error) {
	u.t.Error("the body was read before the key was checked")
	return 0, http.ErrBodyReadAfterClose
}

func TestSchemeIsNotCaseSensitive(t *testing.T) {
	b := newBench(t)
	for _, scheme := range []string{"Bearer", "bearer", "BEARER"} {
		if w := b.do("GET", "/v1/models", "", "Authorization", scheme+" "+b.key); w.Code != http.StatusOK {
			t.Errorf("%s: %d", scheme, w.Code)
		}
	}
}

// FuzzAuthorization: no header but the right one lets anybody in.
func FuzzAuthorization(f *testing.F) {
	plain, key := NewKey("a", bytes.NewReader(bytes.Repeat([]byte{7}, 64)), time.Time{})
	r := NewKeyRing(key)
	for _, values := range badKeys(plain) {
		if len(values) > 0 && len(values[0]) < 1000 {
			f.Add(values[0])
		}
	}
	f.Fuzz(func(t *testing.T, value string) {
		_, ok := r.Authenticate(bearer(http.Header{"Authorization": {value}}))
		right := len(value) > 7 && strings.EqualFold(value[:7], "bearer ") && value[7:] == plain
		if ok != right {
			t.Fatalf("%q: %v", value, ok)
		}
	})
}
