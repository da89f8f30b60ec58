package auth_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/patchbay-dev/patchbay/host/auth"
)

func full() *auth.Auth {
	return &auth.Auth{
		ID: "a", Provider: "p", Label: "l", Status: auth.StatusError, Attributes: map[string]string{"api_key": "k"},
		Metadata: map[string]any{
			"token": map[string]any{"access_token": "t", "scopes": []any{"x", map[string]any{"deep": "y"}}},
			"words": []string{"a"}, "headers": map[string]string{"h": "v"}, "n": json.Number("1"), "raw": []byte("b"),
			"nothing": nil, "lists": map[string][]string{"l": {"m"}}, "any": []map[string]any{{"z": 1}},
		},
		LastError:   &auth.Error{Message: "m"},
		ModelStates: map[string]*auth.ModelState{"m": {LastError: &auth.Error{Message: "s"}}, "none": nil},
		UpdatedAt:   time.Unix(1, 0),
		Runtime:     new(int),
	}
}

func TestCloneSharesNothingThatChanges(t *testing.T) {
	a, want := full(), full()
	want.Runtime = a.Runtime
	c := a.Clone()
	if diff := cmp.Diff(want, c); diff != "" {
		t.Fatal(diff)
	}
	if c.Runtime != a.Runtime {
		t.Error("Runtime is not shared")
	}
	c.Attributes["api_key"] = "other"
	token := c.Metadata["token"].(map[string]any)
	token["access_token"] = "other"
	token["scopes"].([]any)[1].(map[string]any)["deep"] = "other"
	c.Metadata["words"].([]string)[0] = "other"
	c.Metadata["headers"].(map[string]string)["h"] = "other"
	c.Metadata["raw"].([]byte)[0] = 'o'
	c.Metadata["lists"].(map[string][]string)["l"][0] = "other"
	c.Metadata["any"].([]map[string]any)[0]["z"] = 2
	c.LastError.Message = "other"
	c.ModelStates["m"].LastError.Message = "other"
	c.ModelStates["new"] = &auth.ModelState{}
	if diff := cmp.Diff(want, a); diff != "" {
		t.Errorf("writing to the clone changed the original:\n%s", diff)
	}
}

func TestCloneOfEmptyAndNil(t *testing.T) {
	a := &auth.Auth{Attributes: map[string]string{}, Metadata: map[string]any{"m": map[string]any{}, "l": []any(nil)}, ModelStates: map[string]*auth.ModelState{}}
	c := a.Clone()
	if diff := cmp.Diff(a, c); diff != "" {
		t.Error(diff)
	}
	c.Attributes["x"] = "y"
	c.ModelStates["x"] = nil
	c.Metadata["m"].(map[string]any)["x"] = 1
	if len(a.Attributes)+len(a.ModelStates)+len(a.Metadata["m"].(map[string]any)) != 0 {
		t.Error("an empty map is shared")
	}
	if (&auth.Auth{}).Clone().Metadata != nil {
		t.Error("nil became empty")
	}
	if (*auth.Auth)(nil).Clone() != nil || (*auth.ModelState)(nil).Clone() != nil {
		t.Error("nil is not cloned to nil")
	}
}
