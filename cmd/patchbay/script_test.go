package main

import (
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/patchbay-dev/patchbay/host/testkit/upstream"
)

// TestScripts runs the command line as an operator types it: each file of
// testdata/script is one story.
//
// Beside testscript's own commands: `exits N command…` wants that exit code,
// `await URL` waits for a server, `ask URL MODEL` sends a chat completion with
// the key in the file key.txt and shows the answer, `get URL` shows what is there.
func TestScripts(t *testing.T) {
	openaiCompatible, echo := examples(t)
	up := upstream.New(t, "small")
	up.On("sk-script", upstream.Completion("from the upstream"))
	logins := newOAuthServer(t)
	logins.always = true
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			shareCache(t, filepath.Join(e.WorkDir, "data"))
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("ADDR", freeAddress(t))
			e.Setenv("PROBES", freeAddress(t))
			e.Setenv("BASE_URL", up.BaseURL())
			e.Setenv("API", logins.URL())
			e.Setenv("LOGIN", logins.URL())
			for _, name := range []string{"GOMODCACHE", "GOCACHE", "GOPATH", "GOPROXY", "GOFLAGS"} {
				if out, err := exec.Command("go", "env", name).Output(); err == nil {
					e.Setenv(name, strings.TrimSpace(string(out)))
				}
			}
			hook, err := os.ReadFile(filepath.Join(root, "plugins", "extism", "testdata", "hook.wasm"))
			return errors.Join(
				err,
				os.CopyFS(filepath.Join(e.WorkDir, "examples"), os.DirFS(filepath.Join(root, "examples"))),
				os.WriteFile(filepath.Join(e.WorkDir, "examples", "assemblyscript-hook", "hook.wasm"), hook, 0o600),
				os.WriteFile(filepath.Join(e.WorkDir, "provider.wasm"), openaiCompatible, 0o600),
				os.WriteFile(filepath.Join(e.WorkDir, "echo.wasm"), echo, 0o600),
			)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits, "await": await, "ask": ask, "get": get,
		},
	})
}

func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func await(ts *testscript.TestScript, _ bool, args []string) {
	for range 600 {
		resp, err := http.Get(args[0])
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("%s does not answer", args[0])
}

func get(ts *testscript.TestScript, _ bool, args []string) {
	resp, err := http.Get(args[0])
	ts.Check(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	_, err = ts.Stdout().Write(body)
	ts.Check(err)
}

func ask(ts *testscript.TestScript, neg bool, args []string) {
	key := strings.TrimSpace(ts.ReadFile("key.txt"))
	req, err := http.NewRequest(http.MethodPost, args[0]+"/v1/chat/completions",
		strings.NewReader(`{"model":`+strconv.Quote(args[1])+`,"messages":[{"role":"user","content":"hi there"}]}`))
	ts.Check(err)
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	ts.Check(err)
	defer resp.Body.Close()
	buf := new(strings.Builder)
	ts.Check(resp.Write(buf))
	_, err = ts.Stdout().Write([]byte(buf.String()))
	ts.Check(err)
	if (resp.StatusCode == http.StatusOK) == neg {
		ts.Fatalf("status %d\n%s", resp.StatusCode, buf)
	}
}

// TestDocumentedCommandsAreRun: every patchbay command in the documentation is
// run by a script, word for word.
func TestDocumentedCommandsAreRun(t *testing.T) {
	scripts := ""
	files, err := filepath.Glob(filepath.Join("testdata", "script", "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		scripts += read(t, f) + "\n"
	}
	docs := []string{filepath.Join("..", "..", "README.md")}
	for _, pattern := range []string{"docs/*.md", "examples/*/README.md"} {
		more, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(pattern)))
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, more...)
	}
	// A server of a story runs in the background.
	scripts = regexp.MustCompile(`(?m)\s+&\w*&?$`).ReplaceAllString(scripts, "")
	shown := 0
	for _, doc := range docs {
		for _, command := range commands(read(t, doc)) {
			shown++
			if !slices.ContainsFunc(strings.Split(scripts, "\n"), func(line string) bool {
				return strings.HasSuffix(strings.TrimSpace(line), command)
			}) {
				t.Errorf("%s shows %q, which no script runs", doc, command)
			}
		}
	}
	if shown < 5 {
		t.Errorf("found only %d commands in %v", shown, docs)
	}
}

var comment = regexp.MustCompile(`\s+#.*$`)

// commands returns the indented or fenced lines of a page that begin with
// patchbay, continued lines joined, comments cut.
func commands(page string) []string {
	var found []string
	page = regexp.MustCompile(`\\\n\s*`).ReplaceAllString(page, "")
	for line := range strings.Lines(page) {
		line = strings.TrimSpace(comment.ReplaceAllString(strings.TrimRight(line, "\n"), ""))
		if strings.HasPrefix(line, "patchbay ") && !strings.Contains(line, "…") {
			found = append(found, line)
		}
	}
	return found
}

func read(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
