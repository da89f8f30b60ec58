package admin

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSocketIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	ln, err := Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	path, err := SocketPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	for p, want := range map[string]fs.FileMode{dir: 0o700, path: 0o600} {
		info, err := os.Lstat(p)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %o", p, info.Mode().Perm())
		}
	}
}

func TestNoServer(t *testing.T) {
	dir := t.TempDir()
	for name, d := range map[string]string{"empty": dir, "missing": filepath.Join(dir, "missing"), "below a file": filepath.Join(write(t, filepath.Join(dir, "f")), "x")} {
		if _, err := Dial(d); !errors.Is(err, ErrNoServer) {
			t.Errorf("%s: %v", name, err)
		}
	}
	leave(t, dir)
	if _, err := Dial(dir); !errors.Is(err, ErrNoServer) {
		t.Errorf("a stale socket: %v", err)
	}
}

// leave leaves a socket behind as a killed process does.
func leave(t *testing.T, dir string) {
	t.Helper()
	ln, err := Listen(dir)
	if err != nil {
		t.Fatal(err)
	}
	ln.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestStaleSocketIsReplaced(t *testing.T) {
	dir := t.TempDir()
	leave(t, dir)
	serve(t, dir, &fake{})
	if _, err := dial(t, dir).ListAuths(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestLiveSocketIsKept(t *testing.T) {
	dir := t.TempDir()
	serve(t, dir, &fake{})
	if _, err := Listen(dir); !errors.Is(err, ErrInUse) {
		t.Errorf("got %v", err)
	}
	if _, err := dial(t, dir).ListAuths(t.Context()); err != nil {
		t.Errorf("the live server was disturbed: %v", err)
	}
}

func TestOtherFilesAreKept(t *testing.T) {
	dir := t.TempDir()
	path, err := SocketPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path)
	if _, err := Listen(dir); err == nil || !strings.Contains(err.Error(), "not a socket") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the file was removed: %v", err)
	}
}

// TestLongDataDirectory: the path of a unix socket has about 100 bytes; a data
// directory may be longer.
func TestLongDataDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long/", 20)+"data")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path, err := SocketPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(path) > maxSocketPath || strings.HasPrefix(path, dir) {
		t.Fatalf("%s has %d bytes", path, len(path))
	}
	other, err := SocketPath(dir + "2")
	if err != nil || other == path {
		t.Errorf("two directories share %s (%v)", other, err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if through, err := SocketPath(link); err != nil || through != path {
		t.Errorf("through a link: %s (%v)", through, err)
	}
	serve(t, dir, &fake{})
	if _, err := dial(t, link).ListAuths(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestForeignShortRootIsRefused(t *testing.T) {
	if err := checkShortRoot(filepath.Join(t.TempDir(), "x.sock")); err != nil {
		t.Errorf("a socket in a data directory: %v", err)
	}
	trap := filepath.Join(shortRoot, "patchbay-999999")
	if err := os.Mkdir(trap, 0o700); err != nil {
		t.Fatal(err)
	}
	defer os.Remove(trap)
	if err := checkShortRoot(filepath.Join(trap, "x.sock")); err == nil {
		t.Error("a directory that another user took was trusted")
	}
}

// A data directory directly under /tmp is not the short form of a long one:
// every command once took it for a trap, while the server had started.
func TestDataDirectoryUnderTheShortRoot(t *testing.T) {
	dir, err := os.MkdirTemp(shortRoot, "x")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path, err := SocketPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := checkShortRoot(path); err != nil {
		t.Error(err)
	}
}
