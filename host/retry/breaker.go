package retry

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/patchbay-dev/patchbay/host/settings"
)

// ErrHostShut is the cause of an attempt that was not made, because the upstream
// host did not answer several credentials just before. No credential is to blame.
var ErrHostShut = errors.New("the upstream host does not answer")

// Breaker keeps requests away from upstream hosts that answer nobody. When so
// many different credentials within the window got not one byte from a host, it
// is shut for a moment; after that a single attempt at a time tries it out, and
// any answer opens it again. What keeps silent is a network, not a credential,
// which is why this is no matter of cooling. Hosts that nobody asks any more are
// forgotten. The zero value is ready; it is safe for concurrent use.
// core-decisions.md section 2, row 19.
type Breaker struct {
	// troubled is len(hosts), for those who only ask whether all is well.
	troubled atomic.Int64
	mu       sync.Mutex // guards hosts
	hosts    map[string]*silence
}

// silence is what is known of a host that did not answer.
type silence struct {
	// heard holds when each credential last got no answer, while the host is open.
	heard map[string]time.Time
	// since is when the host was shut; zero while it is open.
	since time.Time
	// trying: an attempt tries the host out.
	trying bool
}

// Visit is the leave to make an attempt at a host. The zero value is one that
// nothing has to be known of.
type Visit struct {
	host string
	// trial: it is the attempt that tries the host out.
	trial bool
}

// Enter asks for leave to make an attempt at host, where an empty one is a host
// that is not known. When the host is shut, ok is false and wait says for how
// long. Leave has to follow every visit. With cfg.HostFailures of 0 or less no
// host is ever shut. A clock that was set back opens it, so that no jump shuts a
// host for longer than cfg.HostPause.
func (b *Breaker) Enter(host string, cfg settings.Cooldown, now time.Time) (v Visit, wait time.Duration, ok bool) {
	if host == "" || b.troubled.Load() == 0 || cfg.HostFailures <= 0 {
		return Visit{}, 0, true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.hosts[host]
	if s == nil || s.since.IsZero() {
		return Visit{}, 0, true
	}
	if left := s.left(cfg, now); left > 0 {
		return Visit{}, left, false
	}
	if s.trying {
		return Visit{}, cfg.HostPause, false // it will be shut for as long, or open sooner
	}
	s.trying = true
	return Visit{host: host, trial: true}, 0, true
}

// Shut returns how much longer a host is shut, 0 when it is not. It gives no
// leave.
func (b *Breaker) Shut(host string, cfg settings.Cooldown, now time.Time) time.Duration {
	if host == "" || b.troubled.Load() == 0 || cfg.HostFailures <= 0 {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.hosts[host]; s != nil {
		return s.left(cfg, now)
	}
	return 0
}

// Leave ends a visit. What was learned on it was told to Silent or Answered
// before; if nothing was, the next visit tries the host out.
func (b *Breaker) Leave(v Visit) {
	if !v.trial {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if s := b.hosts[v.host]; s != nil {
		s.trying = false
	}
}

// Silent notes that a credential got not one byte from a host, and reports
// whether that shuts it.
func (b *Breaker) Silent(host, credential string, cfg settings.Cooldown, now time.Time) (shut bool) {
	if host == "" || cfg.HostFailures <= 0 {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	defer func() { b.troubled.Store(int64(len(b.hosts))) }()
	b.forget(cfg, now)
	s := b.hosts[host]
	if s == nil {
		s = &silence{heard: map[string]time.Time{}}
		if b.hosts == nil {
			b.hosts = map[string]*silence{}
		}
		b.hosts[host] = s
	}
	return s.silent(credential, cfg, now)
}

// Answered notes that a host sent something.
func (b *Breaker) Answered(host string) {
	if host == "" || b.troubled.Load() == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.hosts, host)
	b.troubled.Store(int64(len(b.hosts)))
}

// forget drops the hosts that nobody has asked for a while.
func (b *Breaker) forget(cfg settings.Cooldown, now time.Time) {
	for host, s := range b.hosts {
		if s.stale(cfg, now) {
			delete(b.hosts, host)
		}
	}
}

// left is how much longer the host is shut.
func (s *silence) left(cfg settings.Cooldown, now time.Time) time.Duration {
	if s.since.IsZero() || s.since.After(now) {
		return 0
	}
	return max(s.since.Add(cfg.HostPause).Sub(now), 0)
}

// silent takes in a credential that got no answer. What was under way when the
// host was shut teaches nothing more; what comes after is about the next trial.
func (s *silence) silent(credential string, cfg settings.Cooldown, now time.Time) (shut bool) {
	if !s.since.IsZero() {
		if s.left(cfg, now) > 0 {
			return false
		}
		s.since = now
		return true
	}
	s.heard[credential] = now
	for id, at := range s.heard {
		if at.After(now) || now.Sub(at) > cfg.HostWindow {
			delete(s.heard, id)
		}
	}
	if len(s.heard) < cfg.HostFailures {
		return false
	}
	s.since, s.heard = now, nil
	return true
}

// stale reports whether what is known is too old to mean anything.
func (s *silence) stale(cfg settings.Cooldown, now time.Time) bool {
	if !s.since.IsZero() {
		return !s.trying && (s.since.After(now) || now.Sub(s.since) > cfg.HostPause+cfg.HostWindow)
	}
	for _, at := range s.heard {
		if !at.After(now) && now.Sub(at) <= cfg.HostWindow {
			return false
		}
	}
	return true
}
