package conformance

import (
	"bytes"

	"github.com/patchbay-dev/patchbay/abi"
)

// maxSteps bounds a walk: a guest that polls would go on for ever.
const maxSteps = 12

// script is what an upstream says: answers in order, the last one again and
// again, and events.
type script struct {
	answers []abi.Response
	events  []abi.Event
}

// canned is an upstream that knows the format and nothing else.
func canned(format string) script {
	s := script{answers: []abi.Response{{Status: 200, Headers: []abi.Pair{{Name: "Content-Type", Value: "application/json"}}, Body: []byte(`{}`)}}}
	lines := []string{`{"type":"start"}`, `{"delta":"hel"}`, `{"delta":"lo 🙂"}`, `not JSON`, `{"done":true}`}
	if format == "openai-chat" {
		lines = []string{
			`{"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"role":"assistant"}}]}`,
			`{"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"hel"}}]}`,
			`{"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"lo 🙂"}}]}`,
			`{"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`,
			`[DONE]`,
		}
	}
	for _, line := range lines {
		s.events = append(s.events, abi.Event{Data: []byte(line)})
	}
	return s
}

func (r *runner) walk(at *abi.Attempt, list *abi.ActionList, s script) transcript {
	return r.walkOp(abi.OpExecute, at, list, s)
}

// walkOp goes on from an answer to op until it ends, and returns what a client
// would have got.
func (r *runner) walkOp(op abi.Op, at *abi.Attempt, list *abi.ActionList, s script) transcript {
	var got transcript
	var state []byte
	for range maxSteps {
		if list == nil {
			return got
		}
		got.take(list)
		if list.State != nil {
			state = list.State
		}
		in := &abi.ResumeInput{Op: op, State: state, Attempt: at}
		switch a := last(list); {
		case a.Which == abi.ActionIsSleep:
			in.Step, in.Which, in.SleptMS = a.Sleep.Step, abi.ResumeInputIsSleptMS, max(a.Sleep.MS, 100)
		case a.Which == abi.ActionIsSend && a.Send.Deliver == abi.DeliverEvents:
			return got.then(r.split(op, at.Kind, a.Send.Step, state, s.events))
		case a.Which == abi.ActionIsSend && a.Send.Deliver == abi.DeliverWhole:
			in.Step, in.Which, in.Response = a.Send.Step, abi.ResumeInputIsResponse, &s.answers[0]
			if len(s.answers) > 1 {
				s.answers = s.answers[1:]
			}
		case a.Which == abi.ActionIsSend && a.Send.Deliver == abi.DeliverExchange:
			in.Step, in.Which, in.Exchange = a.Send.Step, abi.ResumeInputIsExchange, &abi.ExchangeResult{Status: 200}
		default:
			return got
		}
		list = r.rawAs(abi.OpResume, op, at.Kind, abi.AppendMessage(nil, in))
	}
	return got
}

// split gives the guest the same events in every way that they may be batched:
// all at once, one by one, and in two parts.
func (r *runner) split(op abi.Op, kind abi.Kind, step string, state []byte, events []abi.Event) transcript {
	whole := r.batches(op, kind, step, state, events, nil)
	single := make([]int, 0, len(events))
	for i := 1; i < len(events); i++ {
		single = append(single, i)
	}
	ways := [][]int{single}
	for _, at := range single {
		ways = append(ways, []int{at})
	}
	for _, cuts := range ways[:min(len(ways), 65)] {
		if got := r.batches(op, kind, step, state, events, cuts); !got.equal(whole) {
			r.problem("%s: the output depends on how events are batched: cut at %v it is\n%s\nand in one batch\n%s", abi.OpEvents, cuts, got, whole)
			break
		}
	}
	return whole
}

// batches gives the guest events cut into batches, the last with a clean end.
func (r *runner) batches(op abi.Op, kind abi.Kind, step string, state []byte, events []abi.Event, cuts []int) transcript {
	var got transcript
	from := 0
	for i := range len(cuts) + 1 {
		to, eof := len(events), abi.EOFClean
		if i < len(cuts) {
			to, eof = cuts[i], abi.EOFNone
		}
		list := r.ask(abi.OpEvents, kind, &abi.EventsInput{Op: op, Step: step, State: state, Events: events[from:to], EOF: eof})
		from = to
		if list == nil {
			return got
		}
		got.take(list)
		if list.State != nil {
			state = list.State
		}
		if last(list).Which != abi.ActionIsWait {
			return got
		}
	}
	return got
}

// transcript is what a guest gave in the course of an op, in order.
type transcript struct {
	payloads [][]byte
	beside   []byte // the other actions that are not terminal, encoded
	end      []byte // the terminal action, encoded
	reply    []byte
}

func (t *transcript) take(list *abi.ActionList) {
	for i := range list.Actions {
		switch a := list.Actions[i]; {
		case a.Which == abi.ActionIsChunks:
			t.payloads = append(t.payloads, a.Chunks.Payloads...)
		case i < len(list.Actions)-1:
			t.beside = abi.AppendMessage(t.beside, &abi.ActionList{Actions: []abi.Action{a}})
		default:
			t.end = abi.AppendMessage(nil, &abi.ActionList{Actions: []abi.Action{a}})
			if a.Which == abi.ActionIsReply {
				t.reply = a.Reply.Body
			}
		}
	}
}

func (t transcript) then(next transcript) transcript {
	next.payloads = append(t.payloads, next.payloads...)
	next.beside = append(t.beside, next.beside...)
	return next
}

func (t transcript) equal(o transcript) bool {
	return bytes.Equal(bytes.Join(t.payloads, []byte("\n")), bytes.Join(o.payloads, []byte("\n"))) &&
		bytes.Equal(t.beside, o.beside) && bytes.Equal(t.end, o.end)
}

// String shows what went to the client, and how it ended.
func (t transcript) String() string {
	var list abi.ActionList
	if err := abi.DecodeStrict(t.end, &list); err != nil {
		return string(bytes.Join(t.payloads, []byte("\n"))) + "\n(no end)"
	}
	return string(bytes.Join(t.payloads, []byte("\n"))) + "\n" + string(abi.AppendJSON(nil, &list))
}
