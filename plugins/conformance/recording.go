package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/patchbay-dev/patchbay/abi"
)

// Recording is an exchange with the real upstream, as a file has it: what a
// client asked, what the upstream answered to each send in turn, and what the
// client is to get.
type Recording struct {
	// Name is the file's.
	Name string `json:"-"`
	// Provider may be left out when the plugin has one. Mode is execute (the
	// default), stream or count; Format is the provider's first by default.
	Provider string          `json:"provider,omitempty"`
	Mode     string          `json:"mode,omitempty"`
	Format   string          `json:"format,omitempty"`
	Model    string          `json:"model,omitempty"`
	Body     json.RawMessage `json:"body"`
	// Answers are given to sends with deliver whole, in order; Events to one with
	// deliver events.
	Answers []RecordedAnswer `json:"answers,omitempty"`
	Events  []RecordedEvent  `json:"events,omitempty"`
	// Want are the chunks of a stream, or the one body of an answer. Without it
	// the contract alone is tested.
	Want []json.RawMessage `json:"want,omitempty"`
}

// RecordedAnswer is one HTTP answer.
type RecordedAnswer struct {
	Status  uint32            `json:"status"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    json.RawMessage   `json:"body,omitempty"`
}

// RecordedEvent is one event of a stream. Data is JSON; a string stands for its
// text.
type RecordedEvent struct {
	Name string          `json:"name,omitempty"`
	ID   string          `json:"id,omitempty"`
	Data json.RawMessage `json:"data"`
}

// ReadRecordings reads the .json files of a directory. None is no error.
func ReadRecordings(dir fs.FS) ([]Recording, error) {
	entries, err := fs.ReadDir(dir, ".")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []Recording
	for _, e := range entries {
		if path.Ext(e.Name()) != ".json" {
			continue
		}
		raw, err := fs.ReadFile(dir, e.Name())
		if err != nil {
			return nil, err
		}
		rec := Recording{Name: e.Name()}
		dec := json.NewDecoder(bytes.NewReader(raw))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&rec); err != nil {
			return nil, fmt.Errorf("recording %s: %w", e.Name(), err)
		}
		all = append(all, rec)
	}
	return all, nil
}

// recorded plays one exchange.
func (r *runner) recorded(rec Recording) {
	r.test("recording %s", rec.Name)
	p, ok := r.find(rec.Provider)
	if !ok {
		r.problem("the plugin has no provider %q", rec.Provider)
		return
	}
	kind, ok := kinds[orElse(rec.Mode, "execute")]
	if !ok {
		r.problem("there is no mode %q", rec.Mode)
		return
	}
	at := r.attempt(p, kind, orElse(rec.Format, p.Formats[0]))
	if rec.Model != "" {
		at.Model, at.RequestedModel = rec.Model, rec.Model
	}
	got := r.walk(at, r.ask(abi.OpExecute, kind, execute(p, at, text(rec.Body))), rec.script())
	if rec.Want == nil {
		return
	}
	out := got.payloads
	if got.reply != nil {
		out = [][]byte{got.reply}
	}
	if !slices.EqualFunc(out, rec.Want, func(a []byte, b json.RawMessage) bool { return same(a, text(b)) }) {
		r.problem("the client gets\n%s", got)
	}
}

func (r *runner) find(key string) (abi.Provider, bool) {
	all := r.subject.Manifest.Provides.Providers
	if key == "" && len(all) == 1 {
		return all[0], true
	}
	for _, p := range all {
		if p.Key == key {
			return p, true
		}
	}
	return abi.Provider{}, false
}

func (rec Recording) script() script {
	s := canned("")
	if len(rec.Answers) > 0 {
		s.answers = nil
	}
	for _, a := range rec.Answers {
		answer := abi.Response{Status: a.Status, Body: text(a.Body)}
		for name, value := range a.Headers {
			answer.Headers = append(answer.Headers, abi.Pair{Name: name, Value: value})
		}
		slices.SortFunc(answer.Headers, func(x, y abi.Pair) int { return bytes.Compare([]byte(x.Name), []byte(y.Name)) })
		s.answers = append(s.answers, answer)
	}
	s.events = nil
	for _, e := range rec.Events {
		s.events = append(s.events, abi.Event{Name: e.Name, ID: e.ID, Data: text(e.Data)})
	}
	return s
}

// text is what JSON in a recording stands for: a string for its text, anything
// else for itself.
func text(raw json.RawMessage) []byte {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return []byte(s)
	}
	return raw
}

// same compares JSON without its white space, and other text as it is.
func same(a, b []byte) bool {
	var x, y bytes.Buffer
	if json.Compact(&x, a) != nil || json.Compact(&y, b) != nil {
		return bytes.Equal(a, b)
	}
	return bytes.Equal(x.Bytes(), y.Bytes())
}
