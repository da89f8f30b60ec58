//go:build !linux

package bench

import (
	"os/exec"
	"time"
)

const supported = false

func ownGroup(*exec.Cmd) {}

func killGroup(int) {}

func cpuTime(int) (time.Duration, error) { return 0, ErrPlatform }

func residentBytes(int) (int64, error) { return 0, ErrPlatform }

func machine() (model, load string) { return "", "" }
