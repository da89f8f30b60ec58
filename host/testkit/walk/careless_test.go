package walk_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/patchbay-dev/patchbay/host/testkit/canary"
)

// carried are the names under which secrets arrive in forms and JSON bodies.
var carried = []string{"refresh_token", "code", "code_verifier", "state", "device_code", "client_secret", "assertion"}

// careless are the providers and OAuth servers of a careless world: whatever
// they answer, they repeat every secret that came with the request, in every
// spelling, in the body, in headers and in Location.
type careless struct {
	t   *testing.T
	set *canary.Set

	mu     sync.Mutex // guards the rest
	status int        // of the answers; 200 means that all is well
	packed bool       // answers are in gzip
	torn   bool       // answers come in pieces, which tear secrets apart
	serial int
}

// be says how answers are from now on.
func (c *careless) be(status int, packed, torn bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.status, c.packed, c.torn = status, packed, torn
}

// mint makes a secret.
func (c *careless) mint(name string) string {
	c.mu.Lock()
	c.serial++
	v := fmt.Sprintf("%s-canary-%05d/+&\"<%%x", strings.ReplaceAll(name, "_", "-"), c.serial)
	c.mu.Unlock()
	c.set.Add(name, v)
	return v
}

// took returns the secrets that came with a request, which are canaries from
// now on: signatures and assertions, too.
func (c *careless) took(r *http.Request, body []byte) (all []string) {
	add := func(name, v string) {
		if len(v) >= 12 {
			c.set.Add(name, v)
			all = append(all, v)
		}
	}
	for name, prefix := range map[string]string{"Authorization": "Bearer ", "X-Body-Signature": "sha256=", "X-Signature": "v1="} {
		add(name, strings.TrimPrefix(r.Header.Get(name), prefix))
	}
	form, err := url.ParseQuery(string(body))
	var pairs map[string]any
	for _, name := range carried {
		if err == nil {
			add(name, form.Get(name))
		}
		if json.Unmarshal(body, &pairs) == nil {
			v, _ := pairs[name].(string)
			add(name, v)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// spelled are the ways in which a program writes a secret down.
func spelled(s string) []string {
	digits := hex.EncodeToString([]byte(s))
	plain, err := json.Marshal(s)
	if err != nil {
		panic(err) // it is text
	}
	all := []string{s, "Bearer " + s, url.QueryEscape(s), url.PathEscape(s), digits, strings.ToUpper(digits), string(plain), `{"key":` + string(plain) + `}`}
	for _, enc := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding} {
		for _, text := range []string{s, "u:" + s, "user:" + s + ":tail", "xy:" + s + "!"} {
			all = append(all, enc.EncodeToString([]byte(text)))
		}
	}
	return all
}

// ServeHTTP answers as its path has it.
func (c *careless) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	secrets := c.took(r, body)
	var said []string
	for _, s := range secrets {
		said = append(said, spelled(s)...)
		w.Header().Add("X-Echo", s)
		w.Header().Add("X-Echo", base64.URLEncoding.EncodeToString([]byte(s)))
		w.Header().Set("Location", "https://evil.example/?k="+url.QueryEscape(s))
		w.Header().Set("X-Request-Id", s)
	}
	echo := strings.Join(said, " ")
	c.mu.Lock()
	status, packed, torn := c.status, c.packed, c.torn
	c.mu.Unlock()
	var out []byte
	token := r.Host == "login.example.com" || r.Host == "oauth2.googleapis.com" || r.Host == "oauth.example.com"
	stream := bytes.Contains(body, []byte(`"stream":true`))
	w.Header().Set("Content-Type", "application/json")
	switch {
	case status != http.StatusOK && token:
		out = c.json(map[string]any{"error": append(secrets, "none")[0], "error_description": echo, "access_token": c.mint("access_token")})
	case status != http.StatusOK:
		out = c.json(map[string]any{"error": map[string]any{"message": echo, "type": append(secrets, "none")[0], "code": said, "param": secrets}})
	case token:
		out = c.token(r.URL.Path, echo)
	case stream:
		w.Header().Set("Content-Type", "text/event-stream")
		out = c.events(r.URL.Path, echo)
	default:
		status, out = c.answer(r, echo)
	}
	if packed && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write(out); err != nil || z.Close() != nil {
			return
		}
		out = b.Bytes()
		w.Header().Set("Content-Encoding", "gzip")
	}
	w.WriteHeader(status)
	for len(out) > 0 {
		n := len(out)
		if torn {
			n = min(n, 509)
		}
		if _, err := w.Write(out[:n]); err != nil {
			return // who asked has left
		}
		if torn {
			w.(http.Flusher).Flush()
		}
		out = out[n:]
	}
}

func (c *careless) json(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // it is made of text
	}
	return raw
}

// token is the answer of an OAuth server.
func (c *careless) token(path, echo string) []byte {
	out := map[string]any{"echo": echo, "error_description": echo}
	if strings.HasSuffix(path, "/device") {
		out["device_code"], out["user_code"], out["verification_uri"], out["interval"] = c.mint("device_code"), "WDJB-MJHT", "https://login.example.com/device", 1
		return c.json(out)
	}
	claims := base64.RawURLEncoding.EncodeToString([]byte(`{"email":"ada@example.com"}`))
	out["access_token"], out["refresh_token"], out["expires_in"] = c.mint("access_token"), c.mint("refresh_token"), 3600
	out["id_token"], out["account"] = "e30."+claims+".sig", map[string]any{"email_address": "ada@example.com"}
	return c.json(out)
}

// events is a stream in the wire format of its path.
func (c *careless) events(path, echo string) []byte {
	text := string(c.json(echo))
	lines := []string{
		`{"id":"1","choices":[{"index":0,"delta":{"content":` + text + `}}],"response":{"text":` + text + `}}`, "[DONE]",
	}
	if strings.HasSuffix(path, "/messages") {
		lines = []string{
			`{"type":"message_start","message":{"usage":{"input_tokens":1}}}`,
			`{"type":"content_block_delta","delta":{"type":"text_delta","text":` + text + `}}`,
			`{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}`, `{"type":"message_stop"}`,
		}
	}
	return []byte("event: created\ndata: {\"by\":" + text + "}\n\ndata: " + strings.Join(lines, "\n\ndata: ") + "\n\n")
}

// answer is a whole answer in the wire format of its path.
func (c *careless) answer(r *http.Request, echo string) (int, []byte) {
	out := map[string]any{"echo": echo}
	status := http.StatusOK
	switch path := r.URL.Path; {
	case strings.HasSuffix(path, "/models"):
		out["data"] = []any{map[string]any{"id": "m"}, map[string]any{"id": echo[:min(len(echo), 100)]}}
	case strings.HasSuffix(path, "/jobs"):
		status, out["id"] = http.StatusAccepted, "job-"+strconv.Itoa(len(echo))
	case strings.Contains(path, "/jobs/"):
		out["status"], out["text"], out["usage"] = "done", echo, map[string]any{"input": 1, "output": 1}
	case strings.HasSuffix(path, "/messages"):
		out["content"] = []any{map[string]any{"type": "text", "text": echo}}
	default:
		out["choices"], out["response"] = []any{map[string]any{"message": map[string]any{"content": echo}}}, map[string]any{"text": echo}
	}
	return status, c.json(out)
}
