package admin

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

const (
	// socketName is the socket's name in the data directory.
	socketName = "patchbay.sock"
	// maxSocketPath is the longest path of a unix socket that every system
	// takes: sun_path is 104 bytes on macOS and the BSDs, 108 on Linux, with a
	// final NUL.
	maxSocketPath = 103
	// shortRoot is where the socket of a data directory with a long path goes.
	// It is fixed, not os.TempDir: server and command may run with different
	// environments and must find the same place.
	shortRoot = "/tmp"
	// probeTimeout bounds the question whether somebody listens.
	probeTimeout = time.Second
)

// ErrNoServer is returned by Dial when no server holds the data directory.
var ErrNoServer = errors.New("no server is running on this data directory")

// ErrInUse is returned by Listen when a server listens already.
var ErrInUse = errors.New("another server is running on this data directory")

// SocketPath returns where the socket of a data directory is: patchbay.sock in
// it, or, when that path is longer than a unix socket's may be,
// /tmp/patchbay-UID/HASH.sock, with the owner and a hash of the directory.
func SocketPath(dataDir string) (string, error) {
	abs, err := filepath.Abs(dataDir)
	if err != nil {
		return "", fmt.Errorf("find the data directory %s: %w", dataDir, err)
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		abs = real
	}
	path := filepath.Join(abs, socketName)
	if len(path) <= maxSocketPath {
		return path, nil
	}
	uid := os.Getuid()
	if info, err := os.Stat(abs); err == nil {
		uid = ownerOf(info, uid)
	}
	sum := sha256.Sum256([]byte(abs))
	return filepath.Join(shortRoot, "patchbay-"+strconv.Itoa(uid), hex.EncodeToString(sum[:12])+".sock"), nil
}

// checkShortRoot makes sure that a socket outside of the data directory is in a
// directory that only its owner can write to: a secret that is sent there must
// not reach whoever was first to take the name.
func checkShortRoot(path string) error {
	dir := filepath.Dir(path)
	if filepath.Dir(dir) != shortRoot || filepath.Base(path) == socketName {
		return nil
	}
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at the directory of the admin socket: %w", err)
	}
	named := "patchbay-" + strconv.Itoa(ownerOf(info, os.Getuid()))
	if !info.IsDir() || info.Mode().Perm()&0o077 != 0 || filepath.Base(dir) != named {
		return fmt.Errorf("%s is not private to the server's user: it may be a trap; remove it", dir)
	}
	return nil
}

// Listen makes the socket of a data directory, mode 0600 in a directory of
// mode 0700, both owned by this user: a data directory that is more open is
// closed. A socket that a dead process left behind
// is replaced; one that somebody listens on gives ErrInUse. Closing the
// listener removes the socket.
func Listen(dataDir string) (net.Listener, error) {
	if err := os.MkdirAll(dataDir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	path, err := SocketPath(dataDir)
	if err != nil {
		return nil, err
	}
	if err := ownDirectory(filepath.Dir(path)); err != nil {
		return nil, err
	}
	if err := removeStale(path); err != nil {
		return nil, err
	}
	ln, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen on the admin socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("protect the admin socket: %w", err), ln.Close())
	}
	return ln, nil
}

// ownDirectory makes dir if it is missing, and makes it private. Between bind
// and chmod a socket has the mode that the umask leaves; in a private
// directory nobody else can reach it then. It also refuses a directory that
// somebody else prepared under a name that can be guessed.
func ownDirectory(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make the directory of the admin socket: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("look at the directory of the admin socket: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory: remove it, the admin socket goes there", dir)
	}
	if uid := os.Getuid(); ownerOf(info, uid) != uid {
		return fmt.Errorf("%s belongs to another user: run as its owner, or chown it", dir)
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := os.Chmod(dir, 0o700); err != nil {
			return fmt.Errorf("make %s private: %w", dir, err)
		}
	}
	return nil
}

// removeStale removes a socket that nobody listens on. Two servers that start
// at once are kept apart by the lock of the store, which is taken first.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at the admin socket: %w", err)
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s is not a socket: move it away, the admin socket goes there", path)
	}
	conn, err := net.DialTimeout("unix", path, probeTimeout)
	if err == nil {
		_ = conn.Close() // it was opened to see that it can be
		return ErrInUse
	}
	// Only a refusal shows that the listener is gone; a full queue or a
	// timeout shows a server that is busy.
	if !refused(err) {
		return fmt.Errorf("%w: its admin socket %s does not answer: %w", ErrInUse, path, err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the stale admin socket: %w", err)
	}
	return nil
}
