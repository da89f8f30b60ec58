package login

import (
	"strings"
	"testing"
)

// checkAnswer holds what every accepted answer has.
func checkAnswer(t *testing.T, a answer) {
	t.Helper()
	if (a.code == "") == (a.denied == "") {
		t.Errorf("neither or both of code and refusal: %+v", a)
	}
	if len(a.code) > maxCode || !plain(a.code) || !plain(a.state) || !plain(a.denied) || !plain(a.reason) || len(a.reason) > 256 || len(a.denied) > 64 {
		t.Errorf("out of bounds: %+v", a)
	}
	for name, v := range a.extra {
		if hidden(name) || len(name) > 64 || len(v) > maxExtra || !plain(name) || !plain(v) {
			t.Errorf("a guest would see %q", name)
		}
	}
}

// FuzzQuery: whatever a browser brings, it is an answer within bounds or an
// error that repeats nothing of it.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{
		"code=abc&state=xyz", "error=access_denied&error_description=no&state=xyz", "", "code=", "code=a&code=b", "code=a;state=b",
		"code=%zz", "code=%00&state=a", "code=a&access_token=secret", "state=a&iss=https%3A%2F%2Flogin.example", "code=%ff",
		"error=a&code=b", "=x&code=a", "code=a&" + strings.Repeat("x", 2000) + "=y", strings.Repeat("a=b&", 5000),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		a, err := parseQuery(raw)
		if err != nil {
			if a.code != "" || codeOf(err) != CodeInvalid || len(err.Error()) > 200 {
				t.Errorf("%v", err)
			}
			return
		}
		checkAnswer(t, a)
	})
}

// FuzzPaste is FuzzQuery for what a person pastes.
func FuzzPaste(f *testing.F) {
	for _, seed := range []string{
		"abc", "abc#xyz", " abc#xyz\r\n", "http://127.0.0.1:1/callback?code=abc&state=xyz", "HTTPS://login.example/?code=a", "", "#", "#a",
		"http://[::1", "a b", "a\x00b", "http://", "javascript://x?code=a", "code=abc&state=xyz",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := parsePaste(text)
		if err != nil {
			if a.code != "" || codeOf(err) != CodeInvalid || len(err.Error()) > 200 {
				t.Errorf("%v", err)
			}
			return
		}
		checkAnswer(t, a)
	})
}
