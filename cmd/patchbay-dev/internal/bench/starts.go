package bench

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"
)

// startTimes is how long a server took until it was ready, with so many
// plugins in the compile cache.
type startTimes struct {
	plugins int
	seconds []float64
}

// measureStarts installs modules that differ in their data, so that each is
// compiled and cached by itself, and starts a server with all of them.
func (b *bench) measureStarts() (startTimes, error) {
	out := startTimes{plugins: b.opts.Plan.Plugins}
	b.logf("start with %d plugins", out.plugins)
	modules, err := b.variants(out.plugins)
	if err != nil {
		return out, err
	}
	dir, err := b.prepare("many", modules...)
	if err != nil {
		return out, err
	}
	// The first start fills what only the server's own version of the cache has.
	for i := -1; i < b.opts.Plan.Starts; i++ {
		began := time.Now()
		c, err := b.serve(dir)
		took := time.Since(began).Seconds()
		if err != nil {
			return out, err
		}
		c.stop()
		if i >= 0 {
			out.seconds = append(out.seconds, took)
		}
	}
	return out, nil
}

// variants writes n copies of the plugin, each under a name of its own.
func (b *bench) variants(n int) ([]string, error) {
	const name = "openai-compatible"
	wasm, err := os.ReadFile(b.plugin)
	if err != nil {
		return nil, err
	}
	if n > 10 || !bytes.Contains(wasm, []byte(name)) {
		return nil, errors.New("the plugin is not the openai-compatible one")
	}
	var files []string
	for i := range n {
		other := fmt.Sprintf("%s%d", name[:len(name)-1], i)
		file := b.file(other + ".wasm")
		if err := os.WriteFile(file, bytes.ReplaceAll(wasm, []byte(name), []byte(other)), 0o600); err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

func (s startTimes) name() string {
	return fmt.Sprintf("start with %d plugins in the compile cache", s.plugins)
}

func (s startTimes) micro() Micro {
	return Micro{Name: s.name(), Package: "cmd/patchbay", Runs: len(s.seconds), Values: map[string]float64{"s": median(s.seconds)}}
}

func (s startTimes) budget() Budget {
	b := Budget{Name: s.name(), Measured: median(s.seconds), Limit: limitStart, Unit: "s"}
	b.Low, b.High = bounds(s.seconds)
	b.Pass = len(s.seconds) > 0 && b.Measured <= b.Limit
	return b
}
