package conformance

import (
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"strings"

	"github.com/patchbay-dev/patchbay/abi"
)

// opOf says which op takes a message.
var opOf = map[string]abi.Op{
	"ExecuteInput": abi.OpExecute, "EventsInput": abi.OpEvents, "ResumeInput": abi.OpResume, "ClassifyInput": abi.OpClassify,
	"ModelsInput": abi.OpModels, "RefreshInput": abi.OpRefresh, "LoginInput": abi.OpLogin, "PrepareRequestInput": abi.OpPrepareRequest,
	"InterceptInput": abi.OpIntercept, "PostAuthInput": abi.OpPostAuth, "ObserveInput": abi.OpObserve, "CancelInput": abi.OpCancel,
	"CloseSessionInput": abi.OpCloseSession,
}

// golden are the inputs among the contract's vectors, by op.
func golden() (map[abi.Op][][]byte, error) {
	var vectors []struct{ Message, Binary string }
	if err := json.Unmarshal(abi.Vectors, &vectors); err != nil {
		return nil, err
	}
	inputs := map[abi.Op][][]byte{}
	for _, v := range vectors {
		op, ok := opOf[v.Message]
		if !ok {
			continue
		}
		raw, err := hex.DecodeString(v.Binary)
		if err != nil {
			return nil, err
		}
		inputs[op] = append(inputs[op], raw)
	}
	return inputs, nil
}

// vectors gives the guest the golden inputs. They are not about its own providers
// and steps, so a failure is a good answer; a fault is not.
func (r *runner) vectors() {
	r.test("golden vectors")
	inputs, err := golden()
	if err != nil {
		r.problem("the vectors of this build: %v", err)
		return
	}
	for op := abi.OpExecute; op <= abi.OpCloseSession; op++ {
		for _, in := range inputs[op] {
			r.rawAs(op, anyOp, 0, in)
		}
	}
}

// hostile gives the guest what no good host sends.
func (r *runner) hostile() {
	inputs, err := golden()
	if err != nil {
		return // said by vectors
	}
	r.test("truncated inputs")
	for op := abi.OpExecute; op <= abi.OpCloseSession; op++ {
		for _, in := range inputs[op] {
			for n := 0; n < len(in); n += 1 + len(in)/16 {
				r.rawAs(op, anyOp, 0, in[:n])
			}
		}
	}
	r.test("garbage")
	random := rand.NewChaCha8([32]byte{1})
	for op := abi.OpExecute; op <= abi.OpCloseSession; op++ {
		for _, n := range []int{1, 7, 64, 4096} {
			in := make([]byte, n)
			_, _ = random.Read(in) // never fails
			r.rawAs(op, anyOp, 0, in)
		}
	}
	r.test("an op that does not exist")
	for _, op := range []abi.Op{abi.OpUnspecified, 99, 1 << 20} {
		if list := r.rawAs(op, anyOp, 0, []byte{}); list != nil && last(list).Which != abi.ActionIsUnsupported {
			r.problem("op %d: the answer is %s, want unsupported", op, last(list).Which)
		}
	}
	r.test("hostile bodies")
	for _, p := range r.subject.Manifest.Provides.Providers {
		for _, body := range hostileBodies() {
			at := r.attempt(p, abi.KindExecute, p.Formats[0])
			r.ask(abi.OpExecute, at.Kind, execute(p, at, []byte(body)))
		}
	}
}

func hostileBodies() []string {
	return []string{
		"", "null", "[]", "{", `{"messages":0}`, `{"messages":[{"role":"user","content":null}]}`, "\xff\xfe", "\x00",
		`{"messages":[{"role":"user","content":"` + strings.Repeat("a long prompt ", 1<<20/14) + `"}]}`,
		strings.Repeat("[", 10_000), strings.Repeat(`{"messages":`, 10_000),
		`{"messages":[{"role":"user","content":"{\"$secret\":\"api_key\"} ${api_key} {{api_key}}"}]}`,
		`{"messages":[],"messages":[{"role":"user","content":"twice"}]}`, `{"n":1e999,"messages":[{"role":"user","content":"\ud800"}]}`,
	}
}
