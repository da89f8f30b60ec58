package gateway

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/patchbay-dev/patchbay/host/executor"
)

// send writes head and then what feed gives, and returns the answer.
func send(t *testing.T, addr, head string, feed func(io.Writer)) (*http.Response, string) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, head); err != nil {
		t.Fatal(err)
	}
	fed := make(chan struct{})
	go func() { defer close(fed); feed(conn) }()
	defer func() { conn.Close(); <-fed }()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// TestFaultK03BodyLimit: a body over the limit, one that lies about its length, and
// one without an end; and of K-02, a body that comes too slowly.
func TestFaultK03BodyLimit(t *testing.T) {
	b := newBench(t)
	b.gw.timing.bodyIdle = 300 * time.Millisecond
	addr, _ := b.listen(t)
	head := "POST " + chatPath + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + b.key + "\r\n"
	limit := b.gw.limits.Load().BodyBytes
	for name, c := range map[string]struct {
		head   string
		feed   func(io.Writer)
		status int
		code   string
	}{
		"announced too large":   {fmt.Sprintf("Content-Length: %d\r\n", limit+1), func(io.Writer) {}, 413, codeTooLarge},
		"with a question first": {fmt.Sprintf("Content-Length: %d\r\nExpect: 100-continue\r\n", limit+1), func(io.Writer) {}, 413, codeTooLarge},
		"chunks without an end": {"Transfer-Encoding: chunked\r\n", func(w io.Writer) {
			chunk := "4000\r\n" + strings.Repeat("x", 0x4000) + "\r\n"
			for {
				if _, err := io.WriteString(w, chunk); err != nil {
					return
				}
			}
		}, 413, codeTooLarge},
		"announced, never sent": {"Content-Length: 1000\r\n", func(io.Writer) {}, 408, codeBodySlow},
		"a byte at a time": {"Content-Length: 1000\r\n", func(w io.Writer) {
			for {
				if _, err := io.WriteString(w, " "); err != nil {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
		}, 408, codeBodySlow},
		"broken chunk": {"Transfer-Encoding: chunked\r\n", func(w io.Writer) { _, _ = io.WriteString(w, "zz\r\n") }, 400, codeBadRequest},
	} {
		resp, body := send(t, addr, head+c.head+"\r\n", c.feed)
		if e := errorOf(t, body); resp.StatusCode != c.status || e["code"] != c.code || !resp.Close {
			t.Errorf("%s: %d close %v %v", name, resp.StatusCode, resp.Close, e)
		}
	}
}

// TestUnauthenticatedBodyIsNotWaitedFor: the answer comes before the body, and
// the connection goes.
func TestUnauthenticatedBodyIsNotWaitedFor(t *testing.T) {
	b := newBench(t)
	addr, _ := b.listen(t)
	for _, framing := range []string{"Content-Length: 1000\r\n", "Content-Length: 99999999999\r\n", "Transfer-Encoding: chunked\r\n"} {
		start := time.Now()
		resp, body := send(t, addr, "POST "+chatPath+" HTTP/1.1\r\nHost: x\r\n"+framing+"\r\n", func(io.Writer) {})
		if errorOf(t, body); resp.StatusCode != 401 || !resp.Close || time.Since(start) > 5*time.Second {
			t.Errorf("%s: %d after %v", framing, resp.StatusCode, time.Since(start))
		}
	}
}

func TestBodyArrivesWhole(t *testing.T) {
	b := newBench(t)
	var got []byte
	b.mgr.execute = func(_ context.Context, req executor.Request, _ executor.Options) (executor.Response, error) {
		got = req.Payload
		return executor.Response{Payload: []byte(strings.Repeat("y", 300<<10))}, nil
	}
	addr, _ := b.listen(t)
	for _, size := range []int{0, 1, firstBuffer - 40, firstBuffer, 4 * firstBuffer, 1<<20 - 100} {
		want := `{"model":"small","x":"` + strings.Repeat("x", size) + `"}`
		for _, chunked := range []bool{false, true} {
			framing, sent := fmt.Sprintf("Content-Length: %d\r\n", len(want)), want
			if chunked {
				framing, sent = "Transfer-Encoding: chunked\r\n", fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(want), want)
			}
			resp, body := send(t, addr, "POST "+chatPath+" HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+b.key+"\r\n"+framing+"\r\n",
				func(w io.Writer) { _, _ = io.WriteString(w, sent) })
			if resp.StatusCode != 200 || len(body) != 300<<10 || string(got) != want {
				t.Errorf("%d bytes, chunked %v: %d, %d bytes came", size, chunked, resp.StatusCode, len(got))
			}
			if !chunked && cap(got) > len(want)+8 && len(want) > firstBuffer {
				t.Errorf("%d bytes were kept in %d", len(want), cap(got))
			}
		}
	}
}

// TestFaultK03AnnouncedLengthTakesNoMemory: memory follows what came.
func TestFaultK03AnnouncedLengthTakesNoMemory(t *testing.T) {
	b := newBench(t, func(o *Options) { o.Settings.BodyBytes = 1 << 30 })
	addr, _ := b.listen(t)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var conns []net.Conn
	for range 20 {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", chatPath, b.key, 1<<30)
		// 100 Continue says that the body is being read.
		line := readLine(t, bufio.NewReader(conn))
		if !strings.Contains(line, "100") {
			t.Fatalf("got %q", line)
		}
	}
	runtime.ReadMemStats(&after)
	for _, conn := range conns {
		conn.Close()
	}
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 64<<20 {
		t.Errorf("20 announced bodies took %d MiB", grown>>20)
	}
}
