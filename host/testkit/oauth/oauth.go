// Package oauth is an authorisation server as strict as one may be: a refresh
// token is good for one use, and a second use of any revokes the whole family
// that came from one login. RFC 9700 section 4.14.2.
package oauth

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
)

// Server is the authorisation server and a resource behind it. The zero value
// works. It is safe for concurrent use.
type Server struct {
	// FailEvery: of so many token requests one is answered with 503 and changes
	// nothing; 0 means none.
	FailEvery int

	mu       sync.Mutex // guards what follows
	serial   int
	asked    int
	rotated  int
	reused   int
	families map[int]*family
	of       map[string]int // family by token, access and refresh
}

// family is what came from one login.
type family struct {
	refresh, access string // the only good ones
	revoked         bool
}

// Tokens are what a login or a refresh gives.
type Tokens struct{ Access, Refresh string }

// Login begins a new family.
func (s *Server) Login() Tokens {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.families == nil {
		s.families, s.of = map[int]*family{}, map[string]int{}
	}
	s.serial++
	id := s.serial
	s.families[id] = new(family)
	return s.unsyncedIssue(id)
}

func (s *Server) unsyncedIssue(id int) Tokens {
	s.serial++
	t := Tokens{Access: fmt.Sprintf("access-%d-%d", id, s.serial), Refresh: fmt.Sprintf("refresh-%d-%d", id, s.serial)}
	f := s.families[id]
	f.access, f.refresh = t.Access, t.Refresh
	s.of[t.Access], s.of[t.Refresh] = id, id
	return t
}

// Accepts reports whether the server would take a refresh token now, without
// using it up.
func (s *Server) Accepts(refresh string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.families[s.of[refresh]]
	return f != nil && !f.revoked && f.refresh == refresh
}

// Revoked reports whether the family of a token is revoked; one that the server
// never gave out counts as such.
func (s *Server) Revoked(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.families[s.of[token]]
	return f == nil || f.revoked
}

// Stats are how often tokens were rotated, and how often one was used again.
func (s *Server) Stats() (rotated, reused int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rotated, s.reused
}

// ServeHTTP answers POST /token and POST /v1/oauth/token (grant_type
// refresh_token, as a form or as JSON), and GET /resource with a bearer token.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "POST /token", "POST /v1/oauth/token":
		s.token(w, r)
	case "GET /resource":
		access, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !s.good(access) {
			w.WriteHeader(http.StatusUnauthorized)
		}
	default:
		http.NotFound(w, r)
	}
}

func (s *Server) good(access string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.families[s.of[access]]
	return f != nil && !f.revoked && f.access == access
}

func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Grant   string `json:"grant_type"`
		Refresh string `json:"refresh_token"`
	}
	if r.Header.Get("Content-Type") == "application/json" {
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			http.Error(w, "not JSON", http.StatusBadRequest)
			return
		}
	} else {
		asked.Grant, asked.Refresh = r.PostFormValue("grant_type"), r.PostFormValue("refresh_token")
	}
	status, answer := s.exchange(asked.Grant, asked.Refresh)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // whoever does not read it has lost it
}

func (s *Server) exchange(grant, token string) (int, map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	f := s.families[s.of[token]]
	switch {
	case s.FailEvery > 0 && s.asked%s.FailEvery == 0:
		return http.StatusServiceUnavailable, map[string]any{"error": "temporarily_unavailable"}
	case grant != "refresh_token":
		return http.StatusBadRequest, map[string]any{"error": "unsupported_grant_type"}
	case f == nil || f.revoked:
		return http.StatusBadRequest, map[string]any{"error": "invalid_grant"}
	case f.refresh != token:
		f.revoked = true
		s.reused++
		return http.StatusBadRequest, map[string]any{"error": "invalid_grant"}
	}
	s.rotated++
	t := s.unsyncedIssue(s.of[token])
	return http.StatusOK, map[string]any{"access_token": t.Access, "refresh_token": t.Refresh, "expires_in": 3600, "token_type": "Bearer"}
}
