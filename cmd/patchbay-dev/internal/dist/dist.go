package dist

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Platform is what a binary runs on, in the words of GOOS and GOARCH.
type Platform struct{ OS, Arch string }

// String is OS/ARCH.
func (p Platform) String() string { return p.OS + "/" + p.Arch }

// Platforms are those of a release.
var Platforms = []Platform{
	{"darwin", "amd64"}, {"darwin", "arm64"},
	{"linux", "amd64"}, {"linux", "arm64"},
	{"windows", "amd64"}, {"windows", "arm64"},
}

// Options say what to release.
type Options struct {
	// Root is the repository.
	Root string
	// Out is the directory to fill. It is made; if it is there, it must be empty.
	Out string
	// Release is what Describe found.
	Release Release
	// Platforms to build for; empty means all.
	Platforms []Platform
	// Progress is told of each file that is done; nil means nobody.
	Progress io.Writer
}

// Build makes the release. After an error Out is not a release: it has no file
// of checksums.
func Build(ctx context.Context, o Options) error {
	if len(o.Platforms) == 0 {
		o.Platforms = Platforms
	}
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	if err := makeEmpty(o.Out); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "patchbay-dist-")
	if err != nil {
		return fmt.Errorf("make a directory to build in: %w", err)
	}
	defer os.RemoveAll(work)
	for _, p := range o.Platforms {
		if err := buildOne(ctx, o, p, work); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
	}
	if err := writeSums(o.Out); err != nil {
		return err
	}
	fmt.Fprintln(o.Progress, filepath.Join(o.Out, sumsName))
	return nil
}

// buildOne makes the archive of a platform and its bill of materials.
func buildOne(ctx context.Context, o Options, p Platform, work string) error {
	name := fmt.Sprintf("patchbay_%s_%s_%s", o.Release.Version, p.OS, p.Arch)
	binary := filepath.Join(work, name)
	if err := compile(ctx, o, p, binary); err != nil {
		return err
	}
	made, err := readBinary(binary)
	if err != nil {
		return err
	}
	licences, err := thirdParty(ctx, o.Root, made.info)
	if err != nil {
		return err
	}
	files, err := contents(o.Root, p, made.data, licences)
	if err != nil {
		return err
	}
	archive, bom := name+extension(p), name+".cdx.json"
	if err := writeArchive(filepath.Join(o.Out, archive), name, files, o.Release.Time); err != nil {
		return err
	}
	if err := writeBOM(filepath.Join(o.Out, bom), made, o.Release); err != nil {
		return err
	}
	for _, f := range []string{archive, bom} {
		fmt.Fprintln(o.Progress, filepath.Join(o.Out, f))
	}
	return nil
}

// contents are the files of an archive, sorted by name.
func contents(root string, p Platform, binary, licences []byte) ([]file, error) {
	name := "patchbay"
	if p.OS == "windows" {
		name += ".exe"
	}
	files := []file{}
	for _, doc := range []string{"LICENSE", "README.md"} {
		data, err := os.ReadFile(filepath.Join(root, doc))
		if err != nil {
			return nil, fmt.Errorf("read what goes into the archive: %w", err)
		}
		files = append(files, file{name: doc, mode: 0o644, data: data})
	}
	return append(files,
		file{name: "THIRD_PARTY_LICENSES.txt", mode: 0o644, data: licences},
		file{name: name, mode: 0o755, data: binary},
	), nil
}

func makeEmpty(dir string) error {
	if dir == "" {
		return errors.New("say where to: --out DIR")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the directory of the release: %w", err)
	}
	there, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("look into the directory of the release: %w", err)
	}
	if len(there) > 0 {
		return fmt.Errorf("%s is not empty: remove it, so that the release holds nothing old", dir)
	}
	return nil
}
