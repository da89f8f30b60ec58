package login

import (
	"context"
	"fmt"
	"net/url"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/patchbay-dev/patchbay/host/auth"
)

func TestPace(t *testing.T) {
	for name, c := range map[string]struct {
		before, asked time.Duration
		slow          bool
		want          time.Duration
	}{
		"nobody says":            {0, 0, false, 5 * time.Second},
		"as asked":               {0, 2 * time.Second, false, 2 * time.Second},
		"never below a second":   {0, time.Millisecond, false, time.Second},
		"it does not shrink":     {10 * time.Second, 2 * time.Second, false, 10 * time.Second},
		"slower":                 {5 * time.Second, 5 * time.Second, true, 10 * time.Second},
		"slower, and said so":    {5 * time.Second, 10 * time.Second, true, 10 * time.Second},
		"not longer than itself": {0, 100 * time.Hour, false, MaxTime},
	} {
		if got := pace(c.before, c.asked, c.slow); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// TestAnyOrder drives logins with answers in any order, right and wrong ones,
// and holds: a credential is stored at most once for each login, only after an
// answer that belonged to it, and only what its own code brought.
func TestAnyOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := newClock()
		store := &registrar{}
		version := "v1"
		p := &provider{do: func(_ context.Context, d *auth.Auth, in auth.LoginInput) (auth.LoginOutput, error) {
			switch in.Phase {
			case auth.LoginStart:
				prompt := browser
				return auth.LoginOutput{Prompt: &prompt, State: []byte(in.Session)}, nil
			case auth.LoginCallback:
				if string(in.State) != in.Session {
					rt.Errorf("a login got another's state")
				}
				d.Metadata["access_token"] = d.Metadata[auth.LoginCodeField]
				return auth.LoginOutput{Draft: d}, nil
			}
			return auth.LoginOutput{}, nil
		}}
		l := New(Options{
			Provider:  func(string) (auth.LoginProvider, string) { return p, version },
			Registrar: store, Now: c.Now,
		})
		defer l.Close()
		type mine struct {
			id, state string
			began     time.Time
			version   string
			over      bool
		}
		var logins []*mine
		pick := func(t *rapid.T) *mine {
			if len(logins) == 0 {
				t.Skip("no login yet")
			}
			return logins[rapid.IntRange(0, len(logins)-1).Draw(t, "login")]
		}
		rt.Repeat(map[string]func(*rapid.T){
			"start": func(t *rapid.T) {
				d := draft()
				d.Label = fmt.Sprint(len(logins))
				v, err := l.Start(context.Background(), d, redirect)
				if codeOf(err) == CodeBusy {
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				page, err := url.Parse(v.Prompt.URL)
				if err != nil {
					t.Fatal(err)
				}
				logins = append(logins, &mine{id: v.ID, state: page.Query().Get("state"), began: c.Now(), version: version})
			},
			"answer": func(t *rapid.T) {
				m, of := pick(t), pick(t)
				before := len(store.kept)
				v, err := l.Callback(context.Background(), m.id, "code=code-of-"+m.id+"&state="+of.state, nil)
				right := of == m && !m.over && c.Now().Sub(m.began) < MaxTime && m.version == version
				if right != (err == nil) || right != (v.Auth != nil) || len(store.kept) != before+map[bool]int{true: 1}[right] {
					t.Fatalf("right %v: %v", right, err)
				}
				if right {
					if got := store.kept[before].Metadata["access_token"]; got != "code-of-"+m.id {
						t.Fatalf("another's code: %v", got)
					}
				}
				if right || codeOf(err) != CodeMismatch {
					m.over = true
				}
			},
			"cancel": func(t *rapid.T) {
				m := pick(t)
				l.Cancel(context.Background(), m.id)
				m.over = true
			},
			"wait": func(t *rapid.T) { c.add(time.Duration(rapid.IntRange(1, 20).Draw(t, "minutes")) * time.Minute) },
			"swap": func(*rapid.T) { version += "'" },
			"": func(t *rapid.T) {
				if len(l.all) > maxLogins {
					t.Fatal("too many logins")
				}
			},
		})
	})
}
