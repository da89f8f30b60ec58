package egress

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseBase(t *testing.T) {
	for raw, want := range map[string]Destination{
		"https://api.example.com":             {Scheme: "https", Host: "api.example.com", Port: 443},
		"https://api.example.com/v1":          {Scheme: "https", Host: "api.example.com", Port: 443, PathPrefix: "/v1"},
		"HTTPS://API.Example.COM/V1/":         {Scheme: "https", Host: "api.example.com", Port: 443, PathPrefix: "/V1"},
		"http://api.example.com:8080/a/b":     {Scheme: "http", Host: "api.example.com", Port: 8080, PathPrefix: "/a/b"},
		"http://localhost:11434/v1":           {Scheme: "http", Host: "localhost", Port: 11434, PathPrefix: "/v1", Private: true},
		"http://LOCALHOST":                    {Scheme: "http", Host: "localhost", Port: 80, Private: true},
		"http://127.0.0.1:80":                 {Scheme: "http", Host: "127.0.0.1", Port: 80, Private: true},
		"http://[::1]:9/":                     {Scheme: "http", Host: "::1", Port: 9, Private: true},
		"http://[::ffff:10.0.0.1]/":           {Scheme: "http", Host: "10.0.0.1", Port: 80, Private: true},
		"http://192.168.1.5":                  {Scheme: "http", Host: "192.168.1.5", Port: 80, Private: true},
		"https://bücher.example/":             {Scheme: "https", Host: "xn--bcher-kva.example", Port: 443},
		"https://my_host:1/":                  {Scheme: "https", Host: "my_host", Port: 1},
		"https://h/openai/deployments/a.b-c~": {Scheme: "https", Host: "h", Port: 443, PathPrefix: "/openai/deployments/a.b-c~"},
	} {
		got, err := ParseBase(raw, false)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", raw, err, diff)
		}
	}
	if got, err := ParseBase("https://inside.example/v1", true); err != nil || !got.Private {
		t.Errorf("allowPrivate: %+v, %v", got, err)
	}
}

func TestA09ParseBaseRefuses(t *testing.T) {
	for _, raw := range []string{
		"", " ", "api.example.com", "//api.example.com", "ftp://h", "file:///etc/passwd", "https:h", "https://", "https:///v1",
		"https://user@h", "https://user:pw@h", "https://@h", "https://h?x=1", "https://h?", "https://h#f", "https://h#",
		"https://h:0", "https://h:65536", "https://h:-1", "https://h:", "https://h:http",
		"https://h/a/../b", "https://h/./b", "https://h/%2e%2e/b", "https://h/a%2fb", "https://h/a\\b", "https://h//b", "https://h/a b", "https://h/a;b", "https://h/é",
		"https://h.", "https://localhost.", "https://h..x", "https://.h", "https://-h", "https://h-.x", "https://a b", "https://h\x00", "https://h\n",
		"http://127.1", "http://2130706433", "http://0x7f000001", "http://0x7f.1", "http://0177.0.0.1", "http://127.0.0.01", "http://1.2.3.4.5", "http://0x", "http://a.1",
		"http://0.0.0.0", "http://[::]", "http://169.254.169.254/latest", "http://[fe80::1]", "http://[fe80::1%25eth0]", "http://[fd00:ec2::254]",
		"http://100.100.100.200", "http://[64:ff9b::7f00:1]", "http://[::ffff:169.254.169.254]", "http://255.255.255.255",
		"http://[h]", "http://[::1", "http://１２７.0.0.1", "http://127。0。0。1", "http://xn--\xff", "http://" + strings.Repeat("a", 64) + ".x", "http://" + strings.Repeat("a.", 127) + "x",
	} {
		for _, allowPrivate := range []bool{false, true} {
			if got, err := ParseBase(raw, allowPrivate); err == nil {
				t.Errorf("%q was taken for %+v", raw, got)
			}
		}
	}
	_, err := ParseBase("https://user:hunter2@h", false)
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error %v repeats the password", err)
	}
	_, err = ParseBase("https://user:hun%ter2@h", false)
	if err == nil || strings.Contains(err.Error(), "ter2") {
		t.Errorf("the error %v repeats the password", err)
	}
}

// FuzzParseBase: what is taken is in its one spelling, and a request to it
// passes the rules for it.
func FuzzParseBase(f *testing.F) {
	for _, s := range []string{
		"https://api.example.com/v1", "http://[::1]:9/", "http://127.0.0.1", "https://bücher.example", "https://h/%2e%2e/b", "http://2130706433",
		"https://u:p@h?x#y", "http://[::ffff:10.0.0.1]", "http://localhost.:80//", "http://１２７.0.0.1",
	} {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, raw string, allowPrivate bool) {
		dest, err := ParseBase(raw, allowPrivate)
		if err != nil {
			return
		}
		spelled := target(dest) + dest.PathPrefix
		again, err := ParseBase(spelled, allowPrivate)
		if diff := cmp.Diff(dest, again); diff != "" || err != nil {
			t.Fatalf("%q reads as %q, which reads otherwise (%v):\n%s", raw, spelled, err, diff)
		}
		req, err := http.NewRequest(http.MethodPost, spelled+"/chat", nil)
		if err != nil {
			t.Fatalf("%q: %v", spelled, err)
		}
		dest.Methods = []string{http.MethodPost}
		if rule := match(dest, req); rule != "" {
			t.Errorf("%q: a request to it breaks its rule: %s", raw, rule)
		}
	})
}
