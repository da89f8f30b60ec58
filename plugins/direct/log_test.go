package direct

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/patchbay-dev/patchbay/abi"
)

func TestEscape(t *testing.T) {
	tests := []struct{ in, want string }{
		{"plain text, ünïcode, 🙂", "plain text, ünïcode, 🙂"},
		{"a\r\nlevel=error msg=forged", `a\r\nlevel=error msg=forged`},
		{"\x1b[2Jcleared", `\u001b[2Jcleared`},
		{"\x9b31m", "�31m"},
		{"\u009b31m", `\u009b31m`},
		{"tab\there\x00", `tab\there\u0000`},
		{"\u202egnp.exe", `\u202egnp.exe`},
		{"line\u2028separator", `line\u2028separator`},
		{"\xff\xfe", "��"},
		{strings.Repeat("a", maxLine), strings.Repeat("a", maxLine)},
		{strings.Repeat("a", maxLine+1), strings.Repeat("a", maxLine) + "… (cut)"},
	}
	for _, tt := range tests {
		if got := escape([]byte(tt.in)); got != tt.want {
			t.Errorf("escape(%.40q) = %.80q, want %.80q", tt.in, got, tt.want)
		}
	}
}

func FuzzEscape(f *testing.F) {
	for _, seed := range []string{"", "a\nb", "\x1b[0m", "\xf0\x9f\x99", "\u202e"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		got := escape(in)
		if !utf8.ValidString(got) {
			t.Errorf("%q is not UTF-8", got)
		}
		if strings.ContainsFunc(got, unicode.IsControl) {
			t.Errorf("%q holds a control character", got)
		}
		if len(got) > 6*maxLine+16 {
			t.Errorf("%d bytes of %d", len(got), len(in))
		}
	})
}

func TestLogRate(t *testing.T) {
	b := bucket{tokens: logBurst}
	passed := 0
	for range 10 * logBurst {
		if _, ok := b.take(0); ok {
			passed++
		}
	}
	if passed != logBurst {
		t.Errorf("%d lines passed at once, want %d", passed, logBurst)
	}
	dropped, ok := b.take(int64(time.Second))
	if !ok || dropped != 9*logBurst {
		t.Errorf("a second later: %d dropped, %v", dropped, ok)
	}
	for range logRate - 1 {
		if dropped, ok := b.take(int64(time.Second)); !ok || dropped != 0 {
			t.Fatalf("%d dropped, %v", dropped, ok)
		}
	}
	if _, ok := b.take(int64(time.Second)); ok {
		t.Error("more than the rate passed")
	}
}

// Lines end where the guest ends them, and at the end of the call.
func TestCapture(t *testing.T) {
	var got []string
	l := newLogger(func(level abi.LogLevel, line string) { got = append(got, level.String()[len("LOG_LEVEL_"):]+" "+line) }, now)
	c := &capture{to: l}
	r := &record{log: c}
	for _, p := range []string{"one\ntw", "", "o\n\n", "thr"} {
		c.write(r, 1, []byte(p))
	}
	c.write(r, 2, []byte("error\n"))
	c.flush(r)
	want := "INFO one|INFO two|WARN error|INFO thr"
	if s := strings.Join(got, "|"); s != want {
		t.Errorf("got %s, want %s", s, want)
	}
}

func TestLogFlood(t *testing.T) {
	lines, bytes, last := 0, 0, ""
	l := newLogger(func(_ abi.LogLevel, line string) { lines++; bytes += len(line); last = line }, now)
	c := &capture{to: l}
	r := &record{log: c}
	long := []byte(strings.Repeat("x", 1<<20))
	for range 50 {
		c.write(r, 2, long)
		c.write(r, 2, []byte("\n"))
	}
	for range 100_000 {
		c.line(r, abi.LogLevelInfo, []byte("again"))
	}
	c.flush(r)
	l.close()
	if bytes > 2*logPerCall || lines > logBurst+2*logRate {
		t.Errorf("%d lines, %d bytes were given on", lines, bytes)
	}
	if !strings.HasSuffix(last, "log lines dropped") {
		t.Errorf("the last line is %.60q", last)
	}
}
