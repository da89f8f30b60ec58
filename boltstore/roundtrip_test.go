package boltstore

import (
	"context"
	"encoding/json"
	"maps"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/patchbay-dev/patchbay/host/auth"
)

// TestStoreIsAMap runs random saves, puts, deletes and restarts against plain
// maps.
func TestStoreIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "boltstore")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		m := &model{path: filepath.Join(dir, "patchbay.db"), auths: map[string]*auth.Auth{}, cooldowns: map[string][]byte{}}
		m.reopen(t)
		defer func() {
			if err := m.store.Close(); err != nil {
				t.Fatal(err)
			}
		}()
		t.Repeat(map[string]func(*rapid.T){
			"save":   m.save,
			"delete": m.delete,
			"put":    m.put,
			"drop":   m.drop,
			"reopen": m.reopen,
			"":       m.check,
		})
	})
}

type model struct {
	path      string
	store     *Store
	auths     map[string]*auth.Auth
	cooldowns map[string][]byte
}

var ids = rapid.SampledFrom([]string{"a", "b", "cfg-1", "é", "a\x00b", strings.Repeat("x", maxID)})

func (m *model) reopen(t *rapid.T) {
	if m.store != nil {
		if err := m.store.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if m.store, err = Open(context.Background(), Options{Path: m.path}); err != nil {
		t.Fatal(err)
	}
}

func (m *model) save(t *rapid.T) {
	a := drawAuth(t)
	where, err := m.store.Save(context.Background(), a)
	if err != nil || where != m.path {
		t.Fatalf("Save: %q, %v", where, err)
	}
	m.auths[a.ID] = a
}

func (m *model) delete(t *rapid.T) {
	id := ids.Draw(t, "id")
	if err := m.store.Delete(context.Background(), id); err != nil {
		t.Fatal(err)
	}
	delete(m.auths, id)
}

func (m *model) put(t *rapid.T) {
	key, value := ids.Draw(t, "key"), rapid.SliceOf(rapid.Byte()).Draw(t, "value")
	if err := m.store.Records(Cooldowns).Put(context.Background(), key, value); err != nil {
		t.Fatal(err)
	}
	m.cooldowns[key] = value
}

func (m *model) drop(t *rapid.T) {
	key := ids.Draw(t, "key")
	if err := m.store.Records(Cooldowns).Delete(context.Background(), key); err != nil {
		t.Fatal(err)
	}
	delete(m.cooldowns, key)
}

func (m *model) check(t *rapid.T) {
	ctx := context.Background()
	got, err := m.store.List(ctx)
	if err != nil {
		t.Fatal(err)
	}
	want := make([]*auth.Auth, 0, len(m.auths))
	for _, id := range slices.Sorted(maps.Keys(m.auths)) {
		want = append(want, m.auths[id])
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("List (-want +got):\n%s", diff)
	}
	records, err := m.store.Records(Cooldowns).All(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, r := range records {
		keys = append(keys, r.Key)
		value, ok, err := m.store.Records(Cooldowns).Get(ctx, r.Key)
		if err != nil || !ok || string(value) != string(m.cooldowns[r.Key]) || string(value) != string(r.Value) {
			t.Fatalf("Get %q: %v, %v", r.Key, ok, err)
		}
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(m.cooldowns)), keys); diff != "" {
		t.Fatalf("All (-want +got):\n%s", diff)
	}
}

func drawAuth(t *rapid.T) *auth.Auth {
	text := rapid.StringN(0, 20, -1)
	at := rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.Bool().Draw(t, "zero") {
			return time.Time{}
		}
		return time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC()
	})
	quota := func() auth.QuotaState {
		return auth.QuotaState{Exceeded: rapid.Bool().Draw(t, "exceeded"), Reason: text.Draw(t, "reason"), NextRecoverAt: at.Draw(t, "recover"), BackoffLevel: rapid.IntRange(0, 11).Draw(t, "level")}
	}
	fault := func() *auth.Error {
		if rapid.Bool().Draw(t, "no error") {
			return nil
		}
		return &auth.Error{Code: text.Draw(t, "code"), Message: text.Draw(t, "message"), Retryable: rapid.Bool().Draw(t, "retryable"), HTTPStatus: rapid.IntRange(0, 599).Draw(t, "status")}
	}
	a := &auth.Auth{
		ID: ids.Draw(t, "id"), Provider: text.Draw(t, "provider"), Prefix: text.Draw(t, "prefix"), Label: text.Draw(t, "label"),
		Status: auth.Status(text.Draw(t, "status")), StatusMessage: text.Draw(t, "status message"),
		Disabled: rapid.Bool().Draw(t, "disabled"), Unavailable: rapid.Bool().Draw(t, "unavailable"), ProxyURL: text.Draw(t, "proxy"),
		Quota: quota(), LastError: fault(),
		CreatedAt: at.Draw(t, "created"), UpdatedAt: at.Draw(t, "updated"), LastRefreshedAt: at.Draw(t, "refreshed"),
		NextRefreshAfter: at.Draw(t, "next refresh"), NextRetryAfter: at.Draw(t, "next retry"),
	}
	switch rapid.IntRange(0, 2).Draw(t, "maps") { // nil, empty and full differ
	case 1:
		a.Attributes, a.Metadata, a.ModelStates = map[string]string{}, map[string]any{}, map[string]*auth.ModelState{}
	case 2:
		a.Attributes = rapid.MapOf(text, text).Draw(t, "attributes")
		a.Metadata = rapid.MapOf(text, drawValue(2)).Draw(t, "metadata")
		a.ModelStates = map[string]*auth.ModelState{
			text.Draw(t, "model"): {Status: auth.StatusError, StatusMessage: text.Draw(t, "m"), Unavailable: true, NextRetryAfter: at.Draw(t, "mr"), LastError: fault(), Quota: quota(), UpdatedAt: at.Draw(t, "mu"), Source: auth.Source(text.Draw(t, "ms")), ProbeWait: time.Duration(rapid.Int64().Draw(t, "mp"))},
		}
	}
	return a
}

// drawValue gives what Metadata holds after a round trip.
func drawValue(depth int) *rapid.Generator[any] {
	kinds := []*rapid.Generator[any]{
		rapid.String().AsAny(), rapid.Int64().AsAny(), rapid.Bool().AsAny(), rapid.Just[any](nil),
		rapid.Float64().Filter(func(f float64) bool { return !math.IsInf(f, 0) && !math.IsNaN(f) }).AsAny(),
	}
	if depth > 0 {
		kinds = append(kinds, rapid.SliceOfN(drawValue(depth-1), 0, 3).AsAny(), rapid.MapOfN(rapid.String(), drawValue(depth-1), 0, 3).AsAny())
	}
	return rapid.OneOf(kinds...)
}

func TestMetadataValues(t *testing.T) {
	type token struct {
		Expires int64 `json:"expires"`
	}
	tests := []struct {
		name     string
		in, want any
	}{
		{"expiry as int", 1893456000, int64(1893456000)},
		{"expiry as int64", int64(1893456000123456789), int64(1893456000123456789)},
		{"expiry as float", float64(1893456000), float64(1893456000)},
		{"largest int64", int64(math.MaxInt64), int64(math.MaxInt64)},
		{"beyond int64", uint64(math.MaxUint64), json.Number("18446744073709551615")},
		{"json integer", json.Number("9007199254740993"), int64(9007199254740993)},
		{"json float", json.Number("1.5"), 1.5},
		{"json beyond float", json.Number("1e999"), json.Number("1e999")},
		{"small float", 1e-300, 1e-300},
		{"large float", 1e300, 1e300},
		{"float32", float32(0.5), 0.5},
		{"text that JSON escapes", "<a&b>\u2028", "<a&b>\u2028"},
		{"strings", []string{"a", "b"}, []any{"a", "b"}},
		{"a struct", token{Expires: 1893456000}, map[string]any{"expires": int64(1893456000)}},
		{"raw JSON", json.RawMessage(`{"n":9007199254740993}`), map[string]any{"n": int64(9007199254740993)}},
	}
	s := open(t, newPath(t))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			save(t, s, &auth.Auth{ID: "x", Metadata: map[string]any{"v": tt.in}})
			if diff := cmp.Diff(map[string]any{"v": tt.want}, list(t, s)[0].Metadata); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestSaveRefuses: what would come back changed is refused, by field name and
// without its value, and the record before it stays.
func TestSaveRefuses(t *testing.T) {
	const secret = "sk-canary"
	loop := map[string]any{}
	loop["self"] = loop
	tests := []struct {
		name string
		auth *auth.Auth
		says string
	}{
		{"no id", &auth.Auth{}, "its id is empty"},
		{"long id", &auth.Auth{ID: strings.Repeat("i", maxID+1)}, "at most 4096"},
		{"nil", nil, "it is nil"},
		{"label not UTF-8", &auth.Auth{ID: "x", Label: secret + "\xff"}, "label is not valid UTF-8"},
		{"attribute not UTF-8", &auth.Auth{ID: "x", Attributes: map[string]string{"api_key": secret + "\xff"}}, `attribute "api_key" is not valid UTF-8`},
		{"metadata not UTF-8", &auth.Auth{ID: "x", Metadata: map[string]any{"t": []any{secret + "\xff"}}}, `metadata."t"[0] is not valid UTF-8`},
		{"not a number", &auth.Auth{ID: "x", Metadata: map[string]any{"t": math.NaN()}}, "not a finite number"},
		{"not a JSON number", &auth.Auth{ID: "x", Metadata: map[string]any{"t": json.Number(secret)}}, "not a JSON number"},
		{"a channel", &auth.Auth{ID: "x", Metadata: map[string]any{"t": make(chan int)}}, "JSON cannot hold"},
		{"holds itself", &auth.Auth{ID: "x", Metadata: loop}, "nested deeper"},
	}
	s := open(t, newPath(t))
	save(t, s, simple("x", "before"))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := s.Save(t.Context(), tt.auth)
			if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), secret) {
				t.Errorf("got %v, want it to say %q", err, tt.says)
			}
			if got := list(t, s); len(got) != 1 || got[0].Metadata["access_token"] != "before" {
				t.Errorf("the record before it is gone: %v", idsOf(got))
			}
		})
	}
}

// TestRecordNamesEveryField fails when auth.Auth gains a field that the record
// neither keeps nor leaves out on purpose.
func TestRecordNamesEveryField(t *testing.T) {
	left := map[string]bool{"Index": true, "FileName": true, "Storage": true, "Runtime": true}
	for _, pair := range []struct{ domain, record reflect.Type }{
		{reflect.TypeFor[auth.Auth](), reflect.TypeFor[authBody]()},
		{reflect.TypeFor[auth.ModelState](), reflect.TypeFor[modelBody]()},
		{reflect.TypeFor[auth.QuotaState](), reflect.TypeFor[quotaBody]()},
		{reflect.TypeFor[auth.Error](), reflect.TypeFor[errorBody]()},
	} {
		for i := range pair.domain.NumField() {
			name := pair.domain.Field(i).Name
			if _, kept := pair.record.FieldByName(name); kept == left[name] {
				t.Errorf("%s.%s: kept is %v", pair.domain, name, kept)
			}
		}
	}
}

func TestRecordsRefuseOtherBuckets(t *testing.T) {
	s := open(t, newPath(t))
	for _, bucket := range []string{bucketAuths, bucketMeta, "", "nonesuch"} {
		r := s.Records(bucket)
		if err := r.Put(t.Context(), "k", nil); err == nil {
			t.Errorf("%q: Put succeeded", bucket)
		}
		if err := r.Delete(t.Context(), "k"); err == nil {
			t.Errorf("%q: Delete succeeded", bucket)
		}
		if _, err := r.All(t.Context()); err == nil {
			t.Errorf("%q: All succeeded", bucket)
		}
		if _, _, err := r.Get(t.Context(), "k"); err == nil {
			t.Errorf("%q: Get succeeded", bucket)
		}
	}
}

func TestRecordsKeys(t *testing.T) {
	s := open(t, newPath(t))
	r := s.Records(Plugins)
	for _, key := range []string{"", strings.Repeat("k", maxID+1)} {
		if err := r.Put(t.Context(), key, []byte("v")); err == nil {
			t.Errorf("Put of a key of %d bytes succeeded", len(key))
		}
		if _, ok, err := r.Get(t.Context(), key); ok || err != nil {
			t.Errorf("Get of a key of %d bytes: %v, %v", len(key), ok, err)
		}
		if err := r.Delete(t.Context(), key); err != nil {
			t.Errorf("Delete of a key of %d bytes: %v", len(key), err)
		}
	}
	if _, ok, err := r.Get(t.Context(), "unknown"); ok || err != nil {
		t.Errorf("Get of an unknown key: %v, %v", ok, err)
	}
}
