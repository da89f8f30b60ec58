package driver

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/patchbay-dev/patchbay/abi"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/egress"
	"github.com/patchbay-dev/patchbay/host/executor"
)

// recordingDoor answers everything and keeps what it was asked to send.
type recordingDoor struct{ seen []*http.Request }

func (d *recordingDoor) Do(_ context.Context, _ *auth.Auth, _ egress.Destination, req *http.Request) (*http.Response, error) {
	d.seen = append(d.seen, req)
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("data: x\n\n"))}, nil
}

// rawGuest answers first with what the fuzzer made and then gives up.
type rawGuest struct {
	first []byte
	n     int
}

func (g *rawGuest) Call(_ context.Context, _ abi.Op, _, dst []byte) ([]byte, error) {
	if g.n++; g.n == 1 {
		return append(dst, g.first...), nil
	}
	return dst, &abi.CallError{Plugin: "fake", Fault: abi.FaultTrap}
}

// FuzzGuestOutput holds that whatever a guest says, the secret leaves in its
// slots and to its destination only, and nothing ends the process.
func FuzzGuestOutput(f *testing.F) {
	query := chat()
	query.Method, query.Body, query.Headers = "GET", nil, nil
	query.URL.Query = []abi.NamedValue{{Name: "key", Parts: []abi.Part{ref("api_key")}}}
	edited := chat()
	edited.Body[0].ClientBody.Edits = []abi.Edit{{Which: abi.EditIsSet, Path: "a.b", Set: []byte("1")}}
	cloud := chat()
	cloud.URL.Base, cloud.URL.Scheme, cloud.URL.Host, cloud.Headers = "", "https", "eu.cloud.example", nil
	for _, actions := range [][]abi.Action{
		send(abi.Send{Deliver: abi.DeliverPass}),
		send(abi.Send{Deliver: abi.DeliverEvents, Request: edited}),
		send(abi.Send{Deliver: abi.DeliverPass, Request: query}),
		send(abi.Send{Deliver: abi.DeliverPass, Request: cloud}),
		{chunk("a", "b"), end},
		{fail(abi.Fail{Code: "rate_limited", Message: "m", RetryAfterMS: 5})},
	} {
		f.Add(abi.AppendMessage(nil, &abi.ActionList{Actions: actions, State: []byte("s")}))
	}
	f.Fuzz(func(t *testing.T, out []byte) {
		d := &recordingDoor{}
		m := manifest()
		e, err := New(&rawGuest{first: out}, m, m.Provides.Providers[0], Options{Door: d})
		if err != nil {
			t.Fatal(err)
		}
		a := credential("http://127.0.0.1:9/base")
		a.Attributes["region"] = "eu"
		// A sleep is not waited for.
		ctx, cancel := context.WithCancel(t.Context())
		var list abi.ActionList
		if abi.DecodeStrict(out, &list) == nil && len(list.Actions) > 0 && list.Actions[len(list.Actions)-1].Which == abi.ActionIsSleep {
			cancel()
		}
		defer cancel()
		s, err := e.OpenStream(ctx, a, request(), executor.Options{})
		if err == nil {
			for err == nil {
				_, err = s.Next()
			}
			s.Close()
		}
		if !errors.Is(err, io.EOF) && strings.Contains(err.Error(), testKey) {
			t.Fatalf("the error holds the secret: %v", err)
		}
		for _, req := range d.seen {
			checkSent(t, req)
		}
	})
}

func checkSent(t *testing.T, req *http.Request) {
	t.Helper()
	own := req.URL.Host == "127.0.0.1:9" && strings.HasPrefix(req.URL.EscapedPath(), "/base")
	if !own && (req.URL.Scheme != "https" || req.URL.Host != "eu.cloud.example" || !strings.HasPrefix(req.URL.EscapedPath(), "/v1")) {
		t.Fatalf("sent to %s", req.URL)
	}
	header := req.Header.Clone()
	query := req.URL.Query()
	path := strings.Split(strings.TrimPrefix(req.URL.EscapedPath(), "/base/"), "/")
	if own {
		if header.Get("Authorization") == "Bearer "+testKey {
			header.Del("Authorization")
		}
		if req.Method == "GET" && query.Get("key") == testKey {
			query.Del("key")
		}
		if req.Method == "POST" && len(path) > 1 && path[1] == testKey {
			path[1] = ""
		}
	}
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			t.Fatal(err)
		}
	}
	rest := strings.Join(path, "/") + query.Encode() + string(body)
	for name, values := range header {
		rest += name + strings.Join(values, "")
	}
	if strings.Contains(rest, testKey) {
		t.Fatalf("the secret is outside of its slots: %s %s %v", req.Method, req.URL, req.Header)
	}
}
