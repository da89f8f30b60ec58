package egress

import (
	"net/netip"
	"testing"
)

func TestA09CheckAddr(t *testing.T) {
	const public, private, never = "public", "private", "never"
	for addr, want := range map[string]string{
		"8.8.8.8":                   public,
		"1.1.1.1":                   public,
		"100.63.255.255":            public,
		"100.128.0.1":               public,
		"172.15.0.1":                public,
		"172.32.0.1":                public,
		"192.0.1.1":                 public,
		"223.255.255.255":           public,
		"2606:4700::1111":           public,
		"2001:4860:4860::8888":      public,
		"::ffff:8.8.8.8":            public,
		"10.0.0.1":                  private,
		"127.0.0.1":                 private,
		"127.255.255.254":           private,
		"172.16.0.1":                private,
		"192.168.1.1":               private,
		"100.64.0.1":                private,
		"100.127.255.255":           private,
		"::1":                       private,
		"fc00::1":                   private,
		"fd12:3456::1":              private,
		"::ffff:10.0.0.1":           private,
		"::ffff:127.0.0.1":          private,
		"0.0.0.0":                   never,
		"0.1.2.3":                   never,
		"::":                        never,
		"::ffff:0.0.0.0":            never,
		"169.254.169.254":           never,
		"169.254.170.2":             never,
		"::ffff:169.254.169.254":    never,
		"fd00:ec2::254":             never,
		"fd20:ce::254":              never,
		"100.100.100.200":           never,
		"168.63.129.16":             never,
		"192.0.0.192":               never,
		"198.18.0.1":                never,
		"198.19.255.255":            never,
		"224.0.0.1":                 never,
		"239.255.255.255":           never,
		"240.0.0.1":                 never,
		"255.255.255.255":           never,
		"fe80::1":                   never,
		"fe80::1%eth0":              never,
		"::1%lo":                    never,
		"ff02::1":                   never,
		"64:ff9b::7f00:1":           never,
		"64:ff9b::a00:1":            never,
		"64:ff9b:1::1":              never,
		"2002:7f00:1::":             never,
		"2002:a00:1::1":             never,
		"2001:0:4136:e378::1":       never,
		"2001:db8::1":               never,
		"fec0::1":                   never,
		"::7f00:1":                  never,
		"::ffff:0:7f00:1":           never,
		"100::1":                    never,
		"4000::1":                   never,
		"64:ff9b::ffff:8.8.8.8":     never,
		"fd00:ec2::23":              never,
		"192.88.99.1":               never,
		"203.0.113.7":               never,
		"2001:10::1":                never,
		"3fff::1":                   never,
		"2620:4f:8000::1":           public,
		"::ffff:100.100.100.200":    never,
		"::ffff:192.168.0.1":        private,
		"fdff:ffff:ffff:ffff::ffff": private,
	} {
		a := netip.MustParseAddr(addr)
		if got := CheckAddr(a, false) == nil; got != (want == public) {
			t.Errorf("%s to the public only: allowed %v, want %s", addr, got, want)
		}
		if got := CheckAddr(a, true) == nil; got != (want != never) {
			t.Errorf("%s with private allowed: allowed %v, want %s", addr, got, want)
		}
	}
	if CheckAddr(netip.Addr{}, true) == nil {
		t.Error("no address at all is allowed")
	}
}

// FuzzCheckAddr holds the rule to properties that the standard library knows.
func FuzzCheckAddr(f *testing.F) {
	for _, s := range []string{"127.0.0.1", "8.8.8.8", "::ffff:10.0.0.1", "64:ff9b::a00:1", "fe80::1%eth0", "2002::1", "100.64.0.1"} {
		f.Add(netip.MustParseAddr(s).AsSlice())
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, ok := netip.AddrFromSlice(raw)
		if !ok {
			return
		}
		public, inside := CheckAddr(a, false) == nil, CheckAddr(a, true) == nil
		if public && !inside {
			t.Errorf("%s is allowed only while private addresses are not", a)
		}
		u := a.Unmap()
		if public && (!u.IsGlobalUnicast() || u.IsPrivate()) {
			t.Errorf("%s counts as public", a)
		}
		if inside && (u.IsUnspecified() || u.IsMulticast() || u.IsLinkLocalUnicast()) {
			t.Errorf("%s is allowed", a)
		}
		if (CheckAddr(u, false) == nil) != public || (CheckAddr(netip.AddrFrom16(a.As16()), false) == nil) != public {
			t.Errorf("%s is judged by its spelling", a)
		}
		if CheckAddr(a.WithZone("eth0"), true) == nil && a.Is6() && !a.Is4In6() {
			t.Errorf("%s is allowed with a zone", a)
		}
	})
}
