package egress

import (
	"net/http"
	"net/url"
	"testing"
)

func TestMatch(t *testing.T) {
	dest := Destination{Scheme: "https", Host: "api.example.com", Port: 443, PathPrefix: "/v1", Methods: []string{"GET", "POST"}}
	for _, c := range []struct {
		url string
		ok  bool
	}{
		{"https://api.example.com/v1", true},
		{"https://api.example.com/v1/", true},
		{"https://api.example.com/v1/chat?x=..%2f..", true},
		{"https://api.example.com:443/v1/chat", true},
		{"https://api.example.com/v1/models/org%2Fname", true},
		{"https://api.example.com/v1/a..b/...", true},
		{"https://api.example.com/v1//x", true},
		{"http://api.example.com/v1", false},
		{"https://api.example.com:8443/v1", false},
		{"https://api.example.com.evil/v1", false},
		{"https://evil.example/v1", false},
		{"https://API.example.com/v1", false},
		{"https://api.example.com./v1", false},
		{"https://user@api.example.com/v1", false},
		{"https://user:pw@api.example.com/v1", false},
		{"https://api.example.com@evil.example/v1", false},
		{"https://api.example.com", false},
		{"https://api.example.com/", false},
		{"https://api.example.com/v10", false},
		{"https://api.example.com/v", false},
		{"https://api.example.com/V1/x", false},
		{"https://api.example.com//v1/x", false},
		{"https://api.example.com/%76%31/x", false},
		{"https://api.example.com/v1%2fx", false},
		{"https://api.example.com/v1/../admin", false},
		{"https://api.example.com/v1/.", false},
		{"https://api.example.com/v1/%2e%2e/admin", false},
		{"https://api.example.com/v1/.%2E/admin", false},
		{"https://api.example.com/v1/%252e%252e/admin", false},
		{"https://api.example.com/v1/%25252e%25252e/admin", false},
		{"https://api.example.com/v1/..%2fadmin", false},
		{"https://api.example.com/v1/x%2f..%2f..%2fadmin", false},
		{"https://api.example.com/v1/x%5c..%5cadmin", false},
		{"https://api.example.com/v1/..;a=b/admin", false},
		{"https://api.example.com/v1/..%3ba/admin", false},
		{"https://api.example.com/v1/..%00/admin", false},
	} {
		req, err := http.NewRequest(http.MethodPost, c.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		if rule := match(dest, req); (rule == "") != c.ok {
			t.Errorf("%s: %q", c.url, rule)
		}
	}
}

func TestMatchLooksAtWhatIsSent(t *testing.T) {
	dest := Destination{Scheme: "https", Host: "h", Port: 443, PathPrefix: "/v1", Methods: []string{"GET"}}
	fine := func() *http.Request {
		return &http.Request{Method: "GET", URL: &url.URL{Scheme: "https", Host: "h", Path: "/v1/x"}, Header: http.Header{}}
	}
	if rule := match(dest, fine()); rule != "" {
		t.Fatal(rule)
	}
	for name, spoil := range map[string]func(*http.Request){
		"opaque":          func(r *http.Request) { r.URL.Opaque = "//evil/v1/x" },
		"no URL":          func(r *http.Request) { r.URL = nil },
		"relative path":   func(r *http.Request) { r.URL.Path = "v1/x" },
		"Host header":     func(r *http.Request) { r.Host = "evil" },
		"other method":    func(r *http.Request) { r.Method = "DELETE" },
		"lower method":    func(r *http.Request) { r.Method = "get" },
		"query with CRLF": func(r *http.Request) { r.URL.RawQuery = "a\r\nX: y" },
		"query, space":    func(r *http.Request) { r.URL.RawQuery = "a b" },
		"header name":     func(r *http.Request) { r.Header["X Y"] = []string{"z"} },
		"header value":    func(r *http.Request) { r.Header["X"] = []string{"z\r\nY: z"} },
		"RawPath":         func(r *http.Request) { r.URL.Path, r.URL.RawPath = "/v1/a/../x", "/v1/a%2f..%2fx" },
	} {
		req := fine()
		spoil(req)
		if match(dest, req) == "" {
			t.Errorf("%s: allowed", name)
		}
	}
	connect := fine()
	connect.Method = "CONNECT"
	open := dest
	open.Methods = []string{"CONNECT"}
	if match(open, connect) == "" {
		t.Error("CONNECT is allowed")
	}
	if match(Destination{}, fine()) == "" {
		t.Error("the zero destination allows something")
	}
	literal := Destination{Scheme: "http", Host: "169.254.169.254", Port: 80, Methods: []string{"GET"}, Private: true}
	if match(literal, &http.Request{Method: "GET", URL: &url.URL{Scheme: "http", Host: "169.254.169.254", Path: "/"}}) == "" {
		t.Error("the metadata address is allowed")
	}
}
