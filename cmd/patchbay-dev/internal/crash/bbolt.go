package crash

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const bboltModule = "go.etcd.io/bbolt"

// bboltEnv tells a bbolt with our points where to fail, how, and at which time.
const bboltEnv = "PATCHBAY_DEV_BBOLT_FAIL"

// The rounds that end or fail inside a commit of bbolt.
const (
	killDataSync kind = "bbolt: kill before the data's fsync"
	killMeta     kind = "bbolt: kill before the meta page"
	killMetaSync kind = "bbolt: kill before the meta page's fsync"
	failDataSync kind = "bbolt: EIO at the data's fsync, kill"
	failMeta     kind = "bbolt: EIO at the meta page, kill"
	failMetaSync kind = "bbolt: EIO at the meta page's fsync, kill"
)

var bboltKinds = []kind{killDataSync, failDataSync, killMeta, failMeta, killMetaSync, failMetaSync}

// bboltOrders are what bboltEnv says for each: how and where.
var bboltOrders = map[kind]string{
	killDataSync: "kill data-sync", killMeta: "kill meta", killMetaSync: "kill meta-sync",
	failDataSync: "fail data-sync", failMeta: "fail meta", failMetaSync: "fail meta-sync",
}

// bboltPatches are what is put in the place of bbolt's own marks for failpoints.
var bboltPatches = map[string]string{
	"// gofail: var beforeSyncDataPages struct{}":    "if err := failAt(\"data-sync\"); err != nil {\n\t\t\treturn err\n\t\t}",
	"// gofail: var beforeWriteMetaError string":     "if err := failAt(\"meta\"); err != nil {\n\t\treturn err\n\t}",
	"// gofail: var beforeSyncMetaPage struct{}":     "if err := failAt(\"meta-sync\"); err != nil {\n\t\t\treturn err\n\t\t}",
	"\t// return errors.New(beforeWriteMetaError)\n": "",
}

// bboltPoint is the file that is added to bbolt.
const bboltPoint = `package bbolt

import (
	"fmt"
	"os"
	"syscall"
)

var failHow, failPoint string
var failNth, failHits int

func init() { fmt.Sscan(os.Getenv("` + bboltEnv + `"), &failHow, &failPoint, &failNth) }

// failAt is called by one writer at a time.
func failAt(point string) error {
	if point != failPoint {
		return nil
	}
	failHits++
	switch {
	case failHits < failNth:
		return nil
	case failHow == "kill":
		if p, err := os.FindProcess(os.Getpid()); err == nil {
			p.Kill()
		}
		select {}
	case failHits == failNth:
		fmt.Println("` + saidFault + `")
	}
	return &os.PathError{Op: point, Path: "store", Err: syscall.EIO}
}
`

// BuildWithBbolt builds ./cmd/patchbay-dev of the repository at root into dir, on
// a copy of bbolt that has our points in its commit, and returns the binary.
func BuildWithBbolt(ctx context.Context, root, dir string) (string, error) {
	run := func(args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Dir = root
		out, err := cmd.Output()
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("go %s: %w\n%s", args[0], err, exit.Stderr)
		}
		return strings.TrimSpace(string(out)), err
	}
	from, err := run("list", "-m", "-f", "{{.Dir}}", bboltModule)
	if err != nil {
		return "", err
	}
	to := filepath.Join(dir, "bbolt")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return "", err
	}
	if err := patchBbolt(to); err != nil {
		return "", err
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return "", err
	}
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		return "", err
	}
	mod = fmt.Appendf(mod, "\nreplace %s => %s\n", bboltModule, to)
	modFile, binary := filepath.Join(dir, "crash.mod"), filepath.Join(dir, "patchbay-dev")
	if err := errors.Join(os.WriteFile(modFile, mod, 0o600), os.WriteFile(filepath.Join(dir, "crash.sum"), sum, 0o600)); err != nil {
		return "", err
	}
	_, err = run("build", "-buildvcs=false", "-modfile", modFile, "-o", binary, "./cmd/patchbay-dev")
	return binary, err
}

// patchBbolt puts our points into a copy of bbolt. Marks that are not where they
// were are an error: another version has to be looked at.
func patchBbolt(dir string) error {
	path := filepath.Join(dir, "tx.go")
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text := string(raw)
	for mark, code := range bboltPatches {
		if strings.Count(text, mark) != 1 {
			return fmt.Errorf("bbolt's tx.go has %d times %q, want one", strings.Count(text, mark), strings.TrimSpace(mark))
		}
		text = strings.Replace(text, mark, code, 1)
	}
	// What was copied may not be written to.
	if err := os.Remove(path); err != nil {
		return err
	}
	return errors.Join(os.WriteFile(path, []byte(text), 0o600), os.WriteFile(filepath.Join(dir, "failat.go"), []byte(bboltPoint), 0o600))
}
