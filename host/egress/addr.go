package egress

import (
	"errors"
	"net/netip"
	"slices"
)

// What CheckAddr says. The texts hold no address: what they are part of may
// reach a guest, which should not learn what a name resolves to.
var (
	errForbidden = errors.New("the address is link-local, metadata, multicast, translated or reserved, and never allowed")
	errPrivate   = errors.New("the address is loopback or private; to allow it, write localhost or an IP address in the destination, or set allow_private")
)

// forbidden lists what nobody may reach, whatever the operator allows.
// Translated ranges (NAT64, 6to4, Teredo) are in it because the address that
// they lead to is hidden in them.
var forbidden = prefixes(
	"0.0.0.0/8",          // this network
	"100.100.100.200/32", // metadata, inside the carrier range
	"168.63.129.16/32",   // metadata, inside a public range
	"169.254.0.0/16",     // link-local, metadata
	"192.0.0.0/24",       // protocol assignments, metadata
	"192.0.2.0/24",       // documentation
	"192.88.99.0/24",     // 6to4 relay
	"198.18.0.0/15",      // benchmarks
	"198.51.100.0/24",    // documentation
	"203.0.113.0/24",     // documentation
	"224.0.0.0/4",        // multicast
	"240.0.0.0/4",        // reserved, broadcast
	"2001::/23",          // protocol assignments, Teredo
	"2001:db8::/32",      // documentation
	"2002::/16",          // 6to4
	"3fff::/20",          // documentation
	"fd00:42::42/128",    // metadata
	"fd00:ec2::/64",      // metadata
	"fd20:ce::254/128",   // metadata
)

// private lists what may be reached where the operator wrote an address or
// allowed it.
var private = prefixes(
	"10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
	"::1/128", "fc00::/7",
)

// global is what IPv6 assigns to the open internet; all else is link-local,
// translated, multicast or not in use.
var global = netip.MustParsePrefix("2000::/3")

// CheckAddr returns an error if a connection to addr is not allowed; allowPrivate
// allows loopback and private ranges. An IPv4 address inside an IPv6 one counts
// as the IPv4 address.
func CheckAddr(addr netip.Addr, allowPrivate bool) error {
	addr = addr.Unmap()
	within := func(p netip.Prefix) bool { return p.Contains(addr) }
	switch {
	case !addr.IsValid(), addr.Zone() != "", slices.ContainsFunc(forbidden, within):
		return errForbidden
	case slices.ContainsFunc(private, within):
		if !allowPrivate {
			return errPrivate
		}
		return nil
	case addr.Is6() && !global.Contains(addr):
		return errForbidden
	}
	return nil
}

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, s := range texts {
		list[i] = netip.MustParsePrefix(s)
	}
	return list
}
