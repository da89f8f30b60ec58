package dist

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Release names what is released.
type Release struct {
	// Version is what git describe says: a tag, or a commit.
	Version string
	// Time is the commit's; every file of the release bears it.
	Time time.Time
	// VCS: the commit stands in the binary too.
	VCS bool
}

// Dirty reports whether the working tree has changes that are in no commit. A
// release of it can't be made again.
func (r Release) Dirty() bool { return strings.HasSuffix(r.Version, "-dirty") }

// Describe asks git what the repository at root holds.
func Describe(ctx context.Context, root string) (Release, error) {
	version, err := git(ctx, root, "describe", "--tags", "--always", "--dirty")
	if err != nil {
		return Release{}, err
	}
	seconds, err := git(ctx, root, "log", "-1", "--format=%ct")
	if err != nil {
		return Release{}, err
	}
	at, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return Release{}, fmt.Errorf("read the time of the commit: %w", err)
	}
	// A branch may be part of a tag's name; a file can't be.
	return Release{Version: strings.ReplaceAll(version, "/", "-"), Time: time.Unix(at, 0).UTC(), VCS: true}, nil
}

func git(ctx context.Context, root string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "git", append([]string{"-C", root}, args...)...).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
		}
		return "", fmt.Errorf("git %s: %w; a release is made of a git repository", args[0], err)
	}
	return strings.TrimSpace(string(out)), nil
}
