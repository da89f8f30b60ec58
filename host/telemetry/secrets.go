package telemetry

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"hash/maphash"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// Redacted stands in a log where a secret would have been.
const Redacted = "[redacted]"

// window is how many bytes of a secret are looked for at each position of a
// text. A shorter secret is found only where it is the whole value: replacing
// every "abc" would destroy the log and hide nothing.
const window = 8

// filterBits sizes the filter that answers for nearly every position without
// a look into the map: 2^16 counters are 64 KiB, right for thousands of secrets.
const filterBits = 16

// Secrets is the set of secret values that are live in this process. It holds
// hashes, not the values. A secret is recognised as it is, escaped as JSON or
// as a query, in hex, and in base64, also as a part of what was encoded. The zero value is an empty set, ready to use; it
// is safe for concurrent use.
type Secrets struct {
	// mu guards everything below.
	mu     sync.RWMutex
	seed   maphash.Seed
	made   bool
	filter []uint8
	// by finds the secrets that begin with a window, by the window's hash.
	by map[uint64][]secret
	// short holds those below the window, by the hash of the whole.
	short map[[sha256.Size]byte]int
}

type secret struct {
	length int
	sum    [sha256.Size]byte
	refs   int
}

// Add registers values. Each is counted: a value that was added twice stays
// until it was removed twice. Empty values are ignored.
func (s *Secrets) Add(values ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range values {
		for _, form := range forms(v) {
			s.addLocked(form)
		}
	}
}

// Remove takes back one Add of each value; unknown values are ignored.
func (s *Secrets) Remove(values ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range values {
		for _, form := range forms(v) {
			s.removeLocked(form)
		}
	}
}

// Redact returns text with every live secret replaced by Redacted. A text
// without one comes back as it is, without an allocation.
func (s *Secrets) Redact(text string) string {
	if s == nil || text == "" {
		return text
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(text) < window {
		if len(s.short) > 0 && s.short[sha256.Sum256([]byte(text))] > 0 {
			return Redacted
		}
		return text
	}
	if len(s.by) == 0 {
		return text
	}
	var out strings.Builder
	done := 0
	for i := 0; i+window <= len(text); {
		n := s.matchLocked(text[i:])
		if n == 0 {
			i++
			continue
		}
		out.WriteString(text[done:i])
		out.WriteString(Redacted)
		i += n
		done = i
	}
	if done == 0 {
		return text
	}
	out.WriteString(text[done:])
	return out.String()
}

// matchLocked returns the length of the longest live secret that text begins
// with, 0 for none.
func (s *Secrets) matchLocked(text string) int {
	h := maphash.String(s.seed, text[:window])
	if s.filter[h>>(64-filterBits)] == 0 {
		return 0
	}
	longest := 0
	for _, c := range s.by[h] {
		if c.length > longest && c.length <= len(text) && sha256.Sum256([]byte(text[:c.length])) == c.sum {
			longest = c.length
		}
	}
	return longest
}

func (s *Secrets) addLocked(value string) {
	if !s.made {
		s.seed = maphash.MakeSeed()
		s.filter = make([]uint8, 1<<filterBits)
		s.by = map[uint64][]secret{}
		s.short = map[[sha256.Size]byte]int{}
		s.made = true
	}
	sum := sha256.Sum256([]byte(value))
	if len(value) < window {
		s.short[sum]++
		return
	}
	h := maphash.String(s.seed, value[:window])
	list := s.by[h]
	if i := indexOf(list, sum); i >= 0 {
		list[i].refs++
		return
	}
	s.by[h] = append(list, secret{length: len(value), sum: sum, refs: 1})
	// A counter that is full stays full: the filter may say yes in vain, but
	// never no.
	if c := &s.filter[h>>(64-filterBits)]; *c < 255 {
		*c++
	}
}

func (s *Secrets) removeLocked(value string) {
	if !s.made {
		return
	}
	sum := sha256.Sum256([]byte(value))
	if len(value) < window {
		if s.short[sum]--; s.short[sum] <= 0 {
			delete(s.short, sum)
		}
		return
	}
	h := maphash.String(s.seed, value[:window])
	list := s.by[h]
	i := indexOf(list, sum)
	if i < 0 {
		return
	}
	if list[i].refs--; list[i].refs > 0 {
		return
	}
	if list = slices.Delete(list, i, i+1); len(list) == 0 {
		delete(s.by, h)
	} else {
		s.by[h] = list
	}
	if c := &s.filter[h>>(64-filterBits)]; *c < 255 {
		*c--
	}
}

func indexOf(list []secret, sum [sha256.Size]byte) int {
	return slices.IndexFunc(list, func(c secret) bool { return c.sum == sum })
}

// forms returns the spellings under which a value may turn up in a text.
func forms(value string) []string {
	if value == "" {
		return nil
	}
	all := []string{value}
	add := func(form string) {
		if !slices.Contains(all, form) {
			all = append(all, form)
		}
	}
	for _, html := range []bool{true, false} {
		var quoted strings.Builder
		enc := json.NewEncoder(&quoted)
		enc.SetEscapeHTML(html)
		if enc.Encode(value) == nil { // a string always encodes
			text := strings.TrimSuffix(quoted.String(), "\n")
			add(text[1 : len(text)-1])
		}
	}
	if len(value) >= window {
		add(url.QueryEscape(value))
		add(url.PathEscape(value))
		add(hex.EncodeToString([]byte(value)))
		add(strings.ToUpper(hex.EncodeToString([]byte(value))))
		for _, enc := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			// Without the padding, so that both spellings of it are found.
			add(enc.EncodeToString([]byte(value)))
			for before := range 3 {
				add(within(enc, value, before))
			}
		}
	}
	return all
}

// within returns the characters that value alone decides in the base64 of a
// longer text, such as user:password, in which it stands at an offset that
// leaves a remainder of before by 3.
func within(enc *base64.Encoding, value string, before int) string {
	text := enc.EncodeToString(append(make([]byte, before), value...))
	if (before+len(value))%3 != 0 {
		text = text[:len(text)-1] // shares bits with what follows
	}
	return text[[]int{0, 2, 3}[before]:]
}
