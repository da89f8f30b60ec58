package main

import (
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/boltstore"
	"github.com/patchbay-dev/patchbay/host/testkit/oauth"
)

// TestS01ServerKilledInARefresh kills the server again and again while a sandboxed
// provider refreshes at a server that takes each refresh token once. The store
// holds a token that is good, or says that it cannot know.
func TestS01ServerKilledInARefresh(t *testing.T) {
	strict := new(oauth.Server)
	random := rand.New(rand.NewPCG(5, 6))
	var mu sync.Mutex // guards random, which requests use too
	someMS := func(n int) time.Duration {
		mu.Lock()
		defer mu.Unlock()
		return time.Duration(random.IntN(n)) * time.Millisecond
	}
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(someMS(15))
		strict.ServeHTTP(w, r)
		time.Sleep(someMS(15)) // the answer is on its way
	}))
	t.Cleanup(issuer.Close)
	p := loginServer(t, "oauth-messages")
	add := func() string {
		t.Helper()
		tokens := strict.Login()
		var secrets []string
		for name, value := range map[string]string{"access_token": tokens.Access, "refresh_token": tokens.Refresh} {
			file := filepath.Join(p.dir, name)
			if err := os.WriteFile(file, []byte(value), 0o600); err != nil {
				t.Fatal(err)
			}
			secrets = append(secrets, "--secret", name+"=@"+file)
		}
		out, code := p.run(append([]string{"auth", "add", "oauth-messages", "--set", "base_url=" + issuer.URL, "--set", "login_url=" + issuer.URL,
			"--allow-private", "--models", "m", "--data-dir", p.data()}, secrets...)...)
		if code != 0 {
			t.Fatalf("add: %s\n%s", out, p.log)
		}
		return strings.TrimSpace(out)
	}
	id := add()
	good, unsure := 0, 0
	for round := range 12 {
		var asking sync.WaitGroup
		stop := make(chan struct{})
		asking.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					p.run("auth", "refresh", id, "--data-dir", p.data())
				}
			}
		})
		time.Sleep(100*time.Millisecond + someMS(150))
		if err := p.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-p.ended
		close(stop)
		asking.Wait()
		token, phase := storedToken(t, p.data(), id)
		switch {
		case strict.Accepts(token):
			good++
		case phase != boltstore.RefreshIdle:
			unsure++
		default:
			t.Errorf("round %d: the token is used up, and nothing says so", round)
		}
		p.begin()
		if !strict.Accepts(token) {
			id = add()
		}
	}
	rotated, _ := strict.Stats()
	t.Logf("%d refreshes, %d times a good token, %d times unsure", rotated, good, unsure)
	if rotated == 0 {
		t.Errorf("nothing was refreshed\n%s", p.log)
	}
}

// storedToken reads a credential's refresh token, and how its last refresh
// stands, from the store of a server that is gone.
func storedToken(t *testing.T, dir, id string) (string, boltstore.RefreshPhase) {
	t.Helper()
	store, err := boltstore.Open(t.Context(), boltstore.Options{Path: filepath.Join(dir, "patchbay.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}()
	all, err := store.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	states, err := store.Refreshes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	phase := boltstore.RefreshIdle
	for _, r := range states {
		if r.ID == id {
			phase = r.Phase
		}
	}
	for _, a := range all {
		if a.ID == id {
			return a.RefreshToken(), phase
		}
	}
	t.Fatalf("credential %s is gone", id)
	return "", ""
}
