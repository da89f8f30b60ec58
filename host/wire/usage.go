package wire

import "github.com/tidwall/gjson"

// maxTokens is the most that a count is believed to be.
const maxTokens = 1 << 40

// Usage is what an answer says it used, in tokens. Counts are never negative.
type Usage struct {
	Input, Output, CachedInput, Reasoning, Total int64
	// Suspect: a count was negative or absurd, or the parts do not fit the
	// whole, and was put right.
	Suspect bool
}

// UsageOf reads the usage of a whole answer or of one payload of a stream, and
// false when it names none.
func UsageOf(_ Format, payload []byte) (Usage, bool) {
	u := gjson.GetBytes(payload, "usage")
	if !u.IsObject() {
		return Usage{}, false
	}
	return Usage{
		Input:       u.Get("prompt_tokens").Int(),
		Output:      u.Get("completion_tokens").Int(),
		CachedInput: u.Get("prompt_tokens_details.cached_tokens").Int(),
		Reasoning:   u.Get("completion_tokens_details.reasoning_tokens").Int(),
		Total:       u.Get("total_tokens").Int(),
	}.Checked(), true
}

// Checked returns u with every count made believable. spec: faults.md U-11.
func (u Usage) Checked() Usage {
	for _, n := range []*int64{&u.Input, &u.Output, &u.CachedInput, &u.Reasoning, &u.Total} {
		if c := min(max(*n, 0), maxTokens); c != *n {
			*n, u.Suspect = c, true
		}
	}
	if u.Total == 0 {
		u.Total = u.Input + u.Output
	}
	if u.CachedInput > u.Input || u.Reasoning > u.Output || u.Total < u.Input+u.Output {
		u.Suspect = true
	}
	return u
}
