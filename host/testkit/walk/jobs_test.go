package walk_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/testkit/walk"
)

func keyed(id, provider string) *auth.Auth {
	return &auth.Auth{
		ID: id, Provider: provider, Attributes: map[string]string{"base_url": "https://api.example.com/v1"},
		Metadata: map[string]any{"api_key": "sk-" + id},
	}
}

// TestWalk05SubmitAndPoll walks a provider that works in jobs.
func TestWalk05SubmitAndPoll(t *testing.T) {
	w := walk.New(t)
	w.Serve(walk.Load(t, at("jobs"), nil))
	looked := 0
	w.Host("api.example.com", func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		switch {
		case r.Method == http.MethodPost:
			rw.WriteHeader(http.StatusAccepted)
			fmt.Fprint(rw, `{"id":"job-7"}`)
		case looked == 0:
			looked++
			fmt.Fprint(rw, `{"status":"running"}`)
		default:
			fmt.Fprint(rw, `{"status":"done","text":"42","usage":{"input":3,"output":1}}`)
		}
	})
	w.Credential(keyed("a", "jobs"))
	got, err := w.Ask("jobs", `{"model":"m","messages":[]}`)
	if err != nil || !strings.Contains(got, `"content":"42"`) || !strings.Contains(got, `"total_tokens":4`) {
		t.Fatalf("the answer is %q, %v", got, err)
	}
	var seen []string
	for _, a := range w.Arrived() {
		seen = append(seen, a.Method+" "+a.URI+" "+a.Header.Get("Authorization"))
	}
	want := "POST /v1/jobs Bearer sk-a, GET /v1/jobs/job-7 Bearer sk-a, GET /v1/jobs/job-7 Bearer sk-a"
	if strings.Join(seen, ", ") != want {
		t.Errorf("arrived %v", seen)
	}
}

// TestWalk05AJobIsPaidForOnce holds that a job that fails is not submitted with
// another credential.
func TestWalk05AJobIsPaidForOnce(t *testing.T) {
	w := walk.New(t)
	w.Serve(walk.Load(t, at("jobs"), nil))
	w.Host("api.example.com", func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		if r.Method == http.MethodPost {
			fmt.Fprint(rw, `{"id":"job-7"}`)
			return
		}
		fmt.Fprint(rw, `{"status":"failed","error":"out of cards"}`)
	})
	w.Credential(keyed("a", "jobs"))
	w.Credential(keyed("b", "jobs"))
	if _, err := w.Ask("jobs", `{"model":"m"}`); err == nil || !strings.Contains(err.Error(), "out of cards") {
		t.Errorf("error is %v", err)
	}
	submitted := 0
	for _, a := range w.Arrived() {
		if a.Method == http.MethodPost {
			submitted++
		}
	}
	if submitted != 1 {
		t.Errorf("%d jobs were submitted", submitted)
	}
}

// TestWalk05CancelEndsTheJob holds that a client that leaves does not leave a
// job behind.
func TestWalk05CancelEndsTheJob(t *testing.T) {
	w := walk.New(t)
	e := w.Serve(walk.Load(t, at("jobs"), nil))
	ctx, leave := context.WithCancel(t.Context())
	deleted := make(chan string, 1)
	w.Host("api.example.com", func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		switch r.Method {
		case http.MethodPost:
			fmt.Fprint(rw, `{"id":"job-7"}`)
		case http.MethodGet:
			leave()
			fmt.Fprint(rw, `{"status":"running"}`)
		case http.MethodDelete:
			deleted <- r.URL.Path
		}
	})
	w.Credential(keyed("a", "jobs"))
	if _, err := w.Manager.Execute(ctx, []string{"jobs"}, executor.Request{Model: "m", Payload: []byte(`{"model":"m"}`)}, executor.Options{}); err == nil {
		t.Fatal("there was an answer")
	}
	e.Retire()
	if err := e.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case path := <-deleted:
		if path != "/v1/jobs/job-7" {
			t.Errorf("deleted %s", path)
		}
	default:
		t.Error("the job was left behind")
	}
}
