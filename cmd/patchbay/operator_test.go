package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/settings"
	"github.com/patchbay-dev/patchbay/host/testkit/upstream"
)

// command runs a command line in this process, on the data of n.
func (n *node) command(args ...string) (stdout, stderr string, err error) {
	n.t.Helper()
	var out, errs bytes.Buffer
	cmd := root(context.Background())
	cmd.SetArgs(append(args, "--data-dir", n.cfg.DataDir))
	cmd.SetOut(&out)
	cmd.SetErr(&errs)
	cmd.SetIn(strings.NewReader(""))
	err = cmd.ExecuteContext(n.t.Context())
	return out.String(), errs.String(), err
}

func (n *node) must(args ...string) string {
	n.t.Helper()
	out, errs, err := n.command(args...)
	if err != nil {
		n.t.Fatalf("%v: %v\n%s", args, err, errs)
	}
	return out
}

// get asks a route with a key and returns the status.
func (n *node) get(url, key string) int {
	n.t.Helper()
	req, err := http.NewRequestWithContext(n.t.Context(), http.MethodGet, url, nil)
	if err != nil {
		n.t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// TestFaultC05PublicServerHasAKey: a server that everybody can reach makes a key
// before it answers anybody, and lets in nobody without one, with one that
// somebody could have read somewhere, or with one that is too short.
func TestFaultC05PublicServerHasAKey(t *testing.T) {
	n := start(t, t.TempDir(), func(c *settings.Config) {
		_, port, err := net.SplitHostPort(c.Listen)
		if err != nil {
			t.Fatal(err)
		}
		c.Listen = net.JoinHostPort("0.0.0.0", port)
	})
	_, port, err := net.SplitHostPort(n.cfg.Listen)
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + net.JoinHostPort("127.0.0.1", port) + "/v1/models"
	keys, err := n.ops.ListKeys(t.Context())
	if err != nil || len(keys) != 1 {
		t.Fatalf("keys %v, %v", keys, err)
	}
	for _, key := range []string{
		"", "x", "changeme", "your-api-key", "sk-test", "pb_", "pb_ab2cd3ef_", "pb_ab2cd3ef_" + strings.Repeat("a", 43),
		"pb_" + keys[0].ID + "_", "pb_" + keys[0].ID + "_" + strings.Repeat("A", 43),
	} {
		if got := n.get(url, key); got != http.StatusUnauthorized {
			t.Errorf("%q got %d", key, got)
		}
	}
	if got := n.get(url, n.key()); got != http.StatusOK {
		t.Errorf("a key that was made here got %d", got)
	}
}

// TestFaultC07RemovedWhileStreaming: the stream of a credential that is removed
// goes on to its end; nobody else gets the credential.
func TestFaultC07RemovedWhileStreaming(t *testing.T) {
	for name, takeAway := range map[string]func(n *node, id string) error{
		"removed": func(n *node, id string) error { return n.ops.RemoveAuth(n.t.Context(), id) },
		"disabled": func(n *node, id string) error {
			off := true
			_, err := n.ops.ChangeAuth(n.t.Context(), admin.AuthChange{ID: id, Disabled: &off})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			openaiCompatible, _ := examples(t)
			up := upstream.New(t, "small")
			next := make(chan struct{})
			up.On("sk-upstream", upstream.Stream(next, upstream.Chunk("one "), upstream.Chunk("two "), upstream.Chunk("three")+upstream.Done))
			n := start(t, t.TempDir())
			n.install("openai-compatible", openaiCompatible)
			added := n.add("work", up.BaseURL(), "sk-upstream")
			c := n.client(n.key())

			s := c.Chat.Completions.NewStreaming(t.Context(), chat("small", "hi"))
			defer s.Close()
			if !s.Next() {
				t.Fatal(s.Err())
			}
			if status, err := n.ops.Status(t.Context()); err != nil || status.StreamsOpen != 1 {
				t.Errorf("%d streams are open, %v", status.StreamsOpen, err)
			}
			if err := takeAway(n, added.ID); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Chat.Completions.New(t.Context(), chat("small", "hi")); err == nil {
				t.Error("it was picked again")
			}
			got := s.Current().Choices[0].Delta.Content
			for range 2 {
				next <- struct{}{}
				if !s.Next() {
					t.Fatalf("the stream ended: %v", s.Err())
				}
				got += s.Current().Choices[0].Delta.Content
			}
			for s.Next() {
				continue
			}
			if s.Err() != nil || got != "one two three" {
				t.Errorf("got %q, %v", got, s.Err())
			}
			if asked := len(up.Requests()); asked > 2 { // the models, and the stream
				t.Errorf("the upstream was asked %d times", asked)
			}
		})
	}
}

// TestChangesAtOnce: of many changes to one credential at the same time each is
// there in the end, and after a restart.
func TestChangesAtOnce(t *testing.T) {
	openaiCompatible, _ := examples(t)
	up := upstream.New(t, "small")
	dir := t.TempDir()
	n := start(t, dir)
	n.install("openai-compatible", openaiCompatible)
	id := n.add("work", up.BaseURL(), "sk-upstream").ID
	for round := range 5 {
		prefix, label, priority, off := fmt.Sprint("p", round), fmt.Sprint("l", round), round+1, round%2 == 0
		changes := []admin.AuthChange{
			{Prefix: &prefix}, {Label: &label}, {Priority: &priority}, {Disabled: &off}, {Models: &[]string{prefix}},
			{Set: map[string]string{"base_url": up.BaseURL() + "/" + prefix}}, {AllowPrivate: &off},
		}
		var wg sync.WaitGroup
		for _, ch := range changes {
			ch.ID = id
			wg.Go(func() {
				if _, err := n.ops.ChangeAuth(t.Context(), ch); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		check(t, n.ops, id, prefix, label, priority, off, up.BaseURL()+"/"+prefix)
	}
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	n = start(t, dir)
	check(t, n.ops, id, "p4", "l4", 5, true, up.BaseURL()+"/p4")
}

func check(t *testing.T, ops admin.Operations, id, prefix, label string, priority int, off bool, base string) {
	t.Helper()
	d, err := ops.ShowAuth(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if d.Prefix != prefix || d.Label != label || d.Priority != priority || d.Disabled != off || d.AllowPrivate != off || d.Fields["base_url"] != base {
		t.Errorf("a change is lost: %+v", d)
	}
}

// TestKeysAtOnce: keys that are made and revoked at the same time are all known,
// or all unknown, at once.
func TestKeysAtOnce(t *testing.T) {
	n := start(t, t.TempDir())
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			k, err := n.ops.CreateKey(t.Context(), "x")
			if err != nil {
				t.Error(err)
				return
			}
			if got := n.get(n.url+"/v1/models", k.Key); got != http.StatusOK {
				t.Errorf("a new key got %d", got)
			}
			if err := n.ops.RevokeKey(t.Context(), k.ID); err != nil {
				t.Error(err)
			}
			if got := n.get(n.url+"/v1/models", k.Key); got != http.StatusUnauthorized {
				t.Errorf("a revoked key got %d", got)
			}
		})
	}
	wg.Wait()
}

// TestFollowTheLog: a follower sees what happens after it came, scrubbed.
func TestFollowTheLog(t *testing.T) {
	n := start(t, t.TempDir())
	seen := make(chan string, 1)
	done := make(chan error, 1)
	enough := errors.New("enough")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	following := make(chan struct{})
	go func() {
		var once sync.Once
		done <- n.ops.Logs(ctx, true, func(l admin.LogLine) error {
			once.Do(func() { close(following) })
			if strings.Contains(l.Line, `"route":"/v1/models"`) {
				seen <- l.Line
				return enough
			}
			return nil
		})
	}()
	<-following
	key := n.key()
	n.get(n.url+"/v1/models", key)
	if err := <-done; !errors.Is(err, enough) {
		t.Fatal(err)
	}
	if line := <-seen; strings.Contains(line, key[12:]) {
		t.Errorf("the log holds a key: %s", line)
	}
}

// TestEveryCommandTeaches: every command has a line of help and an example that
// begins with its own words.
func TestEveryCommandTeaches(t *testing.T) {
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Short == "" {
			t.Errorf("%s says nothing of itself", c.CommandPath())
		}
		if !c.HasSubCommands() && !strings.Contains(c.Example, c.CommandPath()) {
			t.Errorf("%s has no example", c.CommandPath())
		}
		if !c.HasSubCommands() && c.Args == nil {
			t.Errorf("%s takes any arguments", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(root(context.Background()))
}
