//go:build unix

package main

import (
	"bufio"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

var curlLine = regexp.MustCompile(`curl -N (\S+) -H "(Authorization: Bearer [^"]+)" -H "(Content-Type: [^"]+)" -d '([^']+)'`)

// TestMakeRun: the first command of the README ends in a line that works as it
// stands.
func TestMakeRun(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command("make", "-C", filepath.Join("..", ".."), "run",
		"BIN="+filepath.Join(dir, "bin"), "DATA="+filepath.Join(dir, "data"), "LISTEN="+freeAddress(t))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	errs := new(safeBuffer)
	cmd.Stderr = errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		// The group: make, and the server that it became.
		if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		cmd.Wait()
	}()
	timer := time.AfterFunc(5*time.Minute, func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
	defer timer.Stop()
	var line []string
	lines := bufio.NewScanner(out)
	for line == nil && lines.Scan() {
		line = curlLine.FindStringSubmatch(lines.Text())
	}
	if line == nil {
		t.Fatalf("make run printed no curl line\n%s", errs)
	}
	req, err := http.NewRequest(http.MethodPost, line[1], strings.NewReader(line[4]))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range line[2:4] {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(body), "Patchbay") || !strings.HasSuffix(string(body), "data: [DONE]\n\n") {
		t.Errorf("status %d, %v\n%s", resp.StatusCode, err, body)
	}
}
