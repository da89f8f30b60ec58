package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"time"
)

// Resolver resolves names. *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// dialer connects to addresses that it has checked itself: a name is resolved
// once, and what was checked is what is dialled.
type dialer struct {
	resolver Resolver
	timeout  time.Duration
	// private allows loopback and private ranges.
	private bool
}

// minAttempt is the least time that one of several addresses gets, so that a
// dead one does not use up what the next would need.
const minAttempt = 2 * time.Second

// dial implements http.Transport.DialContext.
func (d *dialer) dial(ctx context.Context, network, hostport string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		return nil, err
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	addrs, err := d.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	var first error
	for i, addr := range addrs {
		conn, err := d.dialAddr(ctx, network, netip.AddrPortFrom(addr, uint16(number)), len(addrs)-i)
		if err == nil {
			return conn, nil
		}
		if first == nil {
			first = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	if len(addrs) > 1 {
		return nil, fmt.Errorf("none of %d addresses answers; the first: %w", len(addrs), first)
	}
	return nil, first
}

// dialAddr gives the address its share of the time left.
func (d *dialer) dialAddr(ctx context.Context, network string, addr netip.AddrPort, left int) (net.Conn, error) {
	deadline, _ := ctx.Deadline() // dial has set one
	share := max(time.Until(deadline)/time.Duration(left), minAttempt)
	inner := net.Dialer{
		Timeout:   share,
		KeepAlive: 30 * time.Second,
		// The kernel gets no address that the rule has not seen, whatever
		// stands between here and there.
		Control: func(_, address string, _ syscall.RawConn) error {
			final, err := netip.ParseAddrPort(address)
			if err != nil {
				return refuse(errForbidden.Error())
			}
			if err := CheckAddr(final.Addr(), d.private); err != nil {
				return refuse(err.Error())
			}
			return nil
		},
	}
	return inner.DialContext(ctx, network, addr.String())
}

// resolve returns the addresses of host, all of them checked: one bad answer
// among good ones is how a name is made to lead inside.
func (d *dialer) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	addrs := []netip.Addr{}
	if addr, err := netip.ParseAddr(host); err == nil {
		addrs = append(addrs, addr)
	} else {
		if addrs, err = d.resolver.LookupNetIP(ctx, "ip", host); err != nil {
			return nil, fmt.Errorf("resolve: %w", err)
		}
	}
	if len(addrs) == 0 {
		return nil, errors.New("resolve: the name has no address")
	}
	for i, addr := range addrs {
		addrs[i] = addr.Unmap()
		if err := CheckAddr(addr, d.private); err != nil {
			return nil, refuse(err.Error())
		}
	}
	return addrs, nil
}

// refuse returns the error for a rule of ours. Do adds the target.
func refuse(rule string) *Error { return &Error{Reason: Refused, Rule: rule} }
