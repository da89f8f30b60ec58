package retry_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/patchbay-dev/patchbay/host/retry"
	"github.com/patchbay-dev/patchbay/host/settings"
)

var breaking = settings.Cooldown{HostFailures: 3, HostWindow: 10 * time.Second, HostPause: 5 * time.Second}

var start = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

// enters reports whether an attempt may be made now, and gives the leave back.
func enters(b *retry.Breaker, host string, now time.Time) bool {
	v, _, ok := b.Enter(host, breaking, now)
	b.Leave(v)
	return ok
}

func TestWhatShutsAHost(t *testing.T) {
	type silent struct {
		after      time.Duration
		credential string
	}
	for name, c := range map[string]struct {
		heard []silent
		shut  bool
	}{
		"three credentials":                    {[]silent{{0, "a"}, {time.Second, "b"}, {2 * time.Second, "c"}}, true},
		"at the end of the window":             {[]silent{{0, "a"}, {0, "b"}, {10 * time.Second, "c"}}, true},
		"after the window":                     {[]silent{{0, "a"}, {0, "b"}, {10*time.Second + 1, "c"}}, false},
		"one credential often":                 {[]silent{{0, "a"}, {0, "a"}, {0, "a"}, {0, "a"}}, false},
		"two credentials":                      {[]silent{{0, "a"}, {0, "b"}, {0, "a"}}, false},
		"a clock that was set an hour back":    {[]silent{{0, "a"}, {0, "b"}, {-time.Hour, "c"}}, false},
		"a clock that was set an hour forward": {[]silent{{0, "a"}, {0, "b"}, {time.Hour, "c"}}, false},
	} {
		var b retry.Breaker
		var shut bool
		var now time.Time
		for _, s := range c.heard {
			now = start.Add(s.after)
			shut = b.Silent("h:443", s.credential, breaking, now)
		}
		if shut != c.shut || enters(&b, "h:443", now) == c.shut {
			t.Errorf("%s: shut %v", name, shut)
		}
		if !enters(&b, "other:443", now) || !enters(&b, "", now) {
			t.Errorf("%s: another host is shut", name)
		}
	}
}

func shutHost(b *retry.Breaker) {
	for _, id := range []string{"a", "b", "c"} {
		b.Silent("h", id, breaking, start)
	}
}

// TestAShutHostIsTriedOutOnce: by one attempt at a time, whose end decides.
func TestAShutHostIsTriedOutOnce(t *testing.T) {
	var b retry.Breaker
	shutHost(&b)
	if _, wait, ok := b.Enter("h", breaking, start.Add(2*time.Second)); ok || wait != 3*time.Second {
		t.Fatalf("entered %v, wait %v", ok, wait)
	}
	half := start.Add(5 * time.Second)
	trial, _, ok := b.Enter("h", breaking, half)
	if !ok || enters(&b, "h", half) {
		t.Fatal("not exactly one trial")
	}
	b.Leave(trial) // the client left: nothing was learned
	if trial, _, ok = b.Enter("h", breaking, half); !ok {
		t.Fatal("no other trial")
	}
	b.Silent("h", "d", breaking, half)
	b.Leave(trial)
	if left := b.Shut("h", breaking, half); left != 5*time.Second {
		t.Fatalf("after a trial that failed it is shut for %v", left)
	}
	if trial, _, ok = b.Enter("h", breaking, half.Add(5*time.Second)); !ok {
		t.Fatal("no trial after the second time")
	}
	b.Answered("h")
	b.Leave(trial)
	for range 3 {
		if !enters(&b, "h", half.Add(5*time.Second)) {
			t.Fatal("an answer did not open it")
		}
	}
}

// TestLateSilenceDoesNotShutLonger: what was under way when the host was shut.
func TestLateSilenceDoesNotShutLonger(t *testing.T) {
	var b retry.Breaker
	shutHost(&b)
	b.Silent("h", "d", breaking, start.Add(4*time.Second))
	if !enters(&b, "h", start.Add(5*time.Second)) {
		t.Fatal("shut for longer")
	}
}

// TestFaultD08HostsOpenAgain: whatever the clock does, no host is shut for longer
// than it should be.
func TestFaultD08HostsOpenAgain(t *testing.T) {
	for _, jump := range []time.Duration{-time.Hour, time.Hour} {
		var b retry.Breaker
		shutHost(&b)
		if !enters(&b, "h", start.Add(jump)) {
			t.Errorf("shut after a jump of %v", jump)
		}
	}
}

func TestAnyNumberOfFailuresWhenSwitchedOff(t *testing.T) {
	var b retry.Breaker
	for i := range 100 {
		b.Silent("h", fmt.Sprint(i), settings.Cooldown{}, start)
	}
	if _, _, ok := b.Enter("h", settings.Cooldown{}, start); !ok {
		t.Fatal("shut")
	}
}

// TestBreakerKeepsItsPromises: in any order of what may happen, an answer opens
// a host, at most one trial runs at a time, and none waits for longer than
// HostPause unless a trial runs.
func TestBreakerKeepsItsPromises(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b retry.Breaker
		now := start
		shutBefore := false
		var trials []retry.Visit
		t.Repeat(map[string]func(*rapid.T){
			"time": func(t *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(0, 6000).Draw(t, "ms")) * time.Millisecond)
			},
			"silent": func(t *rapid.T) {
				shutBefore = b.Silent("h", rapid.StringMatching("[a-e]").Draw(t, "id"), breaking, now) || shutBefore
			},
			"answered": func(*rapid.T) {
				b.Answered("h")
				if trials = nil; !enters(&b, "h", now) {
					t.Fatal("an answer did not open the host")
				}
			},
			"enter": func(*rapid.T) {
				v, wait, ok := b.Enter("h", breaking, now)
				switch {
				case ok && v != (retry.Visit{}):
					if trials = append(trials, v); len(trials) > 1 || !shutBefore {
						t.Fatalf("%d trials", len(trials))
					}
				case !ok && (wait <= 0 || wait > breaking.HostPause):
					t.Fatalf("wait %v", wait)
				}
			},
			"leave": func(*rapid.T) {
				for _, v := range trials {
					b.Leave(v)
				}
				trials = nil
			},
		})
	})
}
