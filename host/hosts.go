package host

import (
	"errors"
	"fmt"
	"time"

	"github.com/patchbay-dev/patchbay/host/executor"
	"github.com/patchbay-dev/patchbay/host/retry"
)

// host is the upstream host that the credential was last seen to depend on, empty
// when it never failed to answer.
func (s *slot) host() string {
	if h := s.upstream.Load(); h != nil {
		return *h
	}
	return ""
}

// visit asks for leave to use a credential, whose upstream host may be one that
// answers nobody at the moment. Without it there is an error of no status, which
// like any lack of an answer may be different in another round.
func (m *Manager) visit(r *request, s *slot) (retry.Visit, error) {
	host := s.host()
	if host == "" {
		return retry.Visit{}, nil
	}
	v, wait, ok := m.hosts.Enter(host, r.w.cooldown, m.now())
	if ok {
		return v, nil
	}
	return v, &executor.UpstreamError{
		Message: fmt.Sprintf("%s answered no credential; the next attempt may be made in %v", host, wait.Round(time.Millisecond)),
		Retry:   &wait, Err: retry.ErrHostShut,
	}
}

// heard learns of a host from how an attempt ended: with not one byte, or with
// an answer of whatever kind. Of an attempt that ended in between it learns
// nothing.
func (m *Manager) heard(r *request, s *slot, err error) {
	up, failed := errors.AsType[*executor.UpstreamError](err)
	switch {
	case failed && up.Host != "":
		if s.host() != up.Host {
			s.upstream.Store(&up.Host)
		}
		if m.hosts.Silent(up.Host, s.id, r.w.cooldown, m.now()) {
			m.log.Warn("an upstream host answers nobody; requests keep away from it", "host", up.Host, "for", r.w.cooldown.HostPause)
		}
	case err == nil || failed && up.Status != 0:
		m.hosts.Answered(s.host())
	}
}
