package dist

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// compile builds the static binary of a platform.
func compile(ctx context.Context, o Options, p Platform, out string) error {
	vcs := "-buildvcs=false"
	if o.Release.VCS {
		vcs = "-buildvcs=true"
	}
	_, err := goTool(ctx, o.Root, []string{"GOOS=" + p.OS, "GOARCH=" + p.Arch, "CGO_ENABLED=0"},
		"build", "-trimpath", vcs, "-ldflags=-s -w -X main.version="+o.Release.Version, "-o", out, "./cmd/patchbay")
	return err
}

// ambient are the variables with which a user's own settings would get into a
// release.
var ambient = []string{"GOFLAGS=", "GOWORK=off", "GOEXPERIMENT=", "GOAMD64=v1", "GOARM64=v8.0", "GOFIPS140=off"}

// goTool runs the go command in dir and returns what it printed.
func goTool(ctx context.Context, dir string, env []string, args ...string) ([]byte, error) {
	var out, messages bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(append(os.Environ(), ambient...), env...)
	cmd.Stdout, cmd.Stderr = &out, &messages
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("go %s: %w\n%s", args[0], err, strings.TrimSpace(messages.String()))
	}
	return out.Bytes(), nil
}

// binary is a built program and what it says of itself.
type binary struct {
	data []byte
	info *buildinfo.BuildInfo
}

func readBinary(path string) (binary, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return binary{}, fmt.Errorf("read what go build made: %w", err)
	}
	info, err := buildinfo.Read(bytes.NewReader(data))
	if err != nil {
		return binary{}, fmt.Errorf("read the build information: %w", err)
	}
	return binary{data: data, info: info}, nil
}

// setting returns one of the build's settings, such as GOOS or vcs.revision.
func (b binary) setting(key string) string {
	for _, s := range b.info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}
