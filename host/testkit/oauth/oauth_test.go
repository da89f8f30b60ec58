package oauth

import (
	"net/http"
	"testing"
)

func TestEachTokenIsGoodOnce(t *testing.T) {
	s := new(Server)
	first := s.Login()
	other := s.Login()
	status, answer := s.exchange("refresh_token", first.Refresh)
	second, _ := answer["refresh_token"].(string)
	if status != http.StatusOK || !s.Accepts(second) || s.Accepts(first.Refresh) || s.good(first.Access) {
		t.Fatalf("a refresh: %d %v", status, answer)
	}
	if status, answer = s.exchange("refresh_token", first.Refresh); status != http.StatusBadRequest || answer["error"] != "invalid_grant" {
		t.Errorf("a second use: %d %v", status, answer)
	}
	if !s.Revoked(second) || s.Accepts(second) {
		t.Error("the family is still good")
	}
	if s.Revoked(other.Refresh) || !s.Accepts(other.Refresh) || !s.good(other.Access) {
		t.Error("another family suffered")
	}
	if !s.Revoked("never given out") {
		t.Error("an unknown token is good")
	}
}

func TestAFailureUsesNothingUp(t *testing.T) {
	s := &Server{FailEvery: 2}
	token := s.Login().Refresh
	_, answer := s.exchange("refresh_token", token)
	token = answer["refresh_token"].(string)
	if status, _ := s.exchange("refresh_token", token); status != http.StatusServiceUnavailable || !s.Accepts(token) {
		t.Errorf("%d", status)
	}
}
