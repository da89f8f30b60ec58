package guest_test

import (
	"testing"

	"github.com/patchbay-dev/patchbay/abi"
)

// call performs an op and reads the answer as strictly as a host does.
func call(t testing.TB, g abi.Guest, op abi.Op, in abi.Message) abi.ActionList {
	t.Helper()
	out, err := g.Call(t.Context(), op, abi.AppendMessage(nil, in), nil)
	if err != nil {
		t.Fatalf("%s: %v", op, err)
	}
	var list abi.ActionList
	if err := abi.DecodeStrict(out, &list); err != nil {
		t.Fatalf("%s: the answer is not legal: %v", op, err)
	}
	if len(list.Actions) == 0 {
		t.Fatalf("%s: no actions", op)
	}
	return list
}

// last returns the terminal action.
func last(list abi.ActionList) abi.Action { return list.Actions[len(list.Actions)-1] }

// payloads returns all chunks of a list, in order.
func payloads(list abi.ActionList) (all []string) {
	for _, a := range list.Actions {
		if a.Which == abi.ActionIsChunks {
			for _, p := range a.Chunks.Payloads {
				all = append(all, string(p))
			}
		}
	}
	return all
}

func execute(key, model string, kind abi.Kind, body string) *abi.ExecuteInput {
	return &abi.ExecuteInput{
		Attempt: attempt(key, model, kind),
		Body:    &abi.BodyHandle{Size: uint64(len(body)), Bytes: []byte(body)},
	}
}

func attempt(key, model string, kind abi.Kind) *abi.Attempt {
	return &abi.Attempt{
		ID: "a1", Kind: kind, Provider: key, Model: model, RequestedModel: model, Format: "openai-chat",
		Credential: &abi.Credential{
			ID: "c1", Fields: []abi.Pair{{Name: "base_url", Value: "https://up.example/v1"}}, Secrets: []string{"key"},
		},
	}
}

func wantFail(t *testing.T, list abi.ActionList, code string) *abi.Fail {
	t.Helper()
	a := last(list)
	if a.Which != abi.ActionIsFail {
		t.Fatalf("action is %s, want fail", a.Which)
	}
	if a.Fail.Code != code {
		t.Fatalf("code is %s (%s), want %s", a.Fail.Code, a.Fail.Message, code)
	}
	return a.Fail
}
