package gateway

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var noon = time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC)

func TestGuessesByAddress(t *testing.T) {
	var g guesses
	one, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for i := range guessesFromOne {
		if wait := g.wrong(one, noon); wait != 0 {
			t.Fatalf("guess %d has to wait %v", i, wait)
		}
	}
	if wait := g.wrong(one, noon); wait != oneEvery {
		t.Errorf("one more has to wait %v", wait)
	}
	if wait := g.wrong(other, noon); wait != 0 {
		t.Errorf("another address has to wait %v", wait)
	}
	if wait := g.wrong(one, noon.Add(oneEvery-time.Second)); wait != time.Second {
		t.Errorf("shortly before, it has to wait %v", wait)
	}
	if wait := g.wrong(one, noon.Add(oneEvery)); wait != 0 {
		t.Errorf("after the wait it has to wait %v", wait)
	}
	if wait := g.wrong(one, noon.Add(-time.Hour)); wait == 0 {
		t.Error("a clock that goes back gives guesses away")
	}
}

func TestGuessesFromAll(t *testing.T) {
	var g guesses
	taken := 0
	for i := range 3 * guessesFromAll {
		if g.wrong(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), noon) == 0 {
			taken++
		}
	}
	if taken != guessesFromAll {
		t.Errorf("%d guesses from many addresses were counted at once, want %d", taken, guessesFromAll)
	}
	if wait := g.wrong(netip.MustParseAddr("192.0.2.9"), noon.Add(allEvery)); wait != 0 {
		t.Errorf("then it has to wait %v", wait)
	}
}

func TestE05GuessersAreBounded(t *testing.T) {
	var g guesses
	for i := range 3 * maxGuessers {
		g.wrong(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), noon.Add(time.Duration(i)*time.Second))
	}
	if len(g.by) != maxGuessers || g.latest.Len() != maxGuessers {
		t.Errorf("%d and %d addresses are remembered", len(g.by), g.latest.Len())
	}
}

func TestNetworkOfAnAddress(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"192.0.2.1", "192.0.2.2", false}, {"192.0.2.1", "::ffff:192.0.2.1", true},
		{"2001:db8::1", "2001:db8::2", true}, {"2001:db8::1", "2001:db8:0:1::1", false},
		{"fe80::1%eth0", "fe80::1%eth1", true}, {"::", "0.0.0.0", false},
	} {
		if got := network(netip.MustParseAddr(c.a)) == network(netip.MustParseAddr(c.b)); got != c.same {
			t.Errorf("%s and %s: %v", c.a, c.b, got)
		}
	}
	if network(netip.Addr{}) != (netip.Prefix{}) {
		t.Error("an unknown address")
	}
}

// TestBucket holds the bucket to a slow, plain one.
func TestBucket(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, every := rapid.IntRange(1, 5).Draw(t, "n"), time.Duration(rapid.IntRange(1, 10).Draw(t, "every"))*time.Second
		var b bucket
		now := noon
		var taken []time.Time // when each token that is still out comes back
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 12).Draw(t, "pass")) * time.Second)
			for len(taken) > 0 && !taken[0].After(now) {
				taken = taken[1:]
			}
			wait := b.take(n, every, now)
			if full := len(taken) == n; full != (wait > 0) {
				t.Fatalf("%d of %d are out, and it says wait %v", len(taken), n, wait)
			} else if full {
				if want := taken[0].Sub(now); wait != want {
					t.Fatalf("wait %v, want %v", wait, want)
				}
				continue
			}
			back := now.Add(every)
			if len(taken) > 0 {
				back = taken[len(taken)-1].Add(every)
			}
			taken = append(taken, back)
		}
	})
}

// TestFaultA07BruteForce: who guesses is slowed down, from one address, from
// many, and whatever address he claims; a right key is never refused, also not
// from the address that guesses.
func TestFaultA07BruteForce(t *testing.T) {
	b := newBench(t)
	ask := func(from, key string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, "/v1/models", nil)
		r.RemoteAddr = from
		r.Header.Set("Authorization", "Bearer "+key)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		b.gw.Handler().ServeHTTP(w, r)
		return w
	}
	guess := func() string {
		plain, _ := NewKey("x", rand.Reader, noon)
		return plain
	}

	limited := 0
	for i := range 3 * guessesFromOne {
		w := ask("192.0.2.1:1000", guess(), "X-Forwarded-For", fmt.Sprintf("198.51.100.%d", i), "Forwarded", fmt.Sprintf("for=198.51.100.%d", i))
		switch w.Code {
		case http.StatusUnauthorized:
		case http.StatusTooManyRequests:
			limited++
			if w.Header().Get("Retry-After") == "" || w.Header().Get("Connection") != "close" {
				t.Fatalf("%v", w.Header())
			}
			if e := errorOf(t, w.Body.String()); e["code"] != codeTooManyGuesses {
				t.Fatalf("%v", e)
			}
		default:
			t.Fatalf("a guess got %d", w.Code)
		}
		if w := ask("192.0.2.1:1001", b.key); w.Code != http.StatusOK {
			t.Fatalf("the right key from the same address got %d after %d guesses", w.Code, i+1)
		}
	}
	if limited < guessesFromOne {
		t.Errorf("%d of %d guesses from one address were limited", limited, 3*guessesFromOne)
	}

	limited = 0
	for i := range 2 * guessesFromAll {
		if w := ask(fmt.Sprintf("10.%d.%d.1:1", i>>8, i&255), guess()); w.Code == http.StatusTooManyRequests {
			limited++
		}
	}
	if limited < guessesFromAll/2 {
		t.Errorf("%d guesses from many addresses were limited", limited)
	}
	for _, from := range []string{"127.0.0.1:5", "10.0.1.1:5", "[::1]:5", "192.0.2.1:9"} {
		if w := ask(from, b.key); w.Code != http.StatusOK {
			t.Errorf("the right key from %s got %d", from, w.Code)
		}
	}
}

func TestGuessesTogether(t *testing.T) {
	var g guesses
	var mu sync.Mutex
	counted := 0
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 100 {
				if g.wrong(netip.MustParseAddr("192.0.2.1"), noon) == 0 {
					mu.Lock()
					counted++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if counted != guessesFromOne {
		t.Errorf("%d were counted, want %d", counted, guessesFromOne)
	}
}

// TestNoKeyIsNoGuess: a client that forgot its key is told so, however often.
func TestNoKeyIsNoGuess(t *testing.T) {
	b := newBench(t)
	for range 2 * guessesFromOne {
		if w := b.do(http.MethodGet, "/v1/models", "", "Authorization", ""); w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "didn't provide") {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
}
