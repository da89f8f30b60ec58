package dist

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// licenceFile is how the files are called whose text has to go with a binary.
var licenceFile = regexp.MustCompile(`(?i)^(licen[cs]e|copying|notice|patents)([-._][^.]*)?(\.(txt|md))?$`)

// thirdParty collects the licence texts of every module in a binary, and of
// Go's own library.
func thirdParty(ctx context.Context, root string, info *buildinfo.BuildInfo) ([]byte, error) {
	var out bytes.Buffer
	out.WriteString("Patchbay contains the following software, under the licences that stand here.\n")
	goroot, err := goTool(ctx, root, nil, "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	if err := appendLicences(&out, "Go "+info.GoVersion, strings.TrimSpace(string(goroot))); err != nil {
		return nil, err
	}
	args := []string{"mod", "download", "-json"}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		args = append(args, m.Path+"@"+m.Version)
	}
	if len(info.Deps) == 0 {
		return out.Bytes(), nil
	}
	listed, err := goTool(ctx, root, nil, args...)
	if err != nil {
		return nil, err
	}
	for dec := json.NewDecoder(bytes.NewReader(listed)); ; {
		var m struct{ Path, Version, Dir string }
		if err := dec.Decode(&m); errors.Is(err, io.EOF) {
			return out.Bytes(), nil
		} else if err != nil {
			return nil, fmt.Errorf("read the list of modules: %w", err)
		}
		if err := appendLicences(&out, m.Path+" "+m.Version, m.Dir); err != nil {
			return nil, err
		}
	}
}

// appendLicences writes the licence files at the top of dir. What has none may
// not be given away, so that is an error.
func appendLicences(out *bytes.Buffer, what, dir string) error {
	entries, err := os.ReadDir(dir) // sorted by name
	if err != nil {
		return fmt.Errorf("look for the licence of %s: %w", what, err)
	}
	found := false
	for _, e := range entries {
		if e.IsDir() || !licenceFile.MatchString(e.Name()) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return fmt.Errorf("read the licence of %s: %w", what, err)
		}
		found = true
		fmt.Fprintf(out, "\n%s\n%s: %s\n%s\n\n%s\n", rule, what, e.Name(), rule, bytes.TrimSpace(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))))
	}
	if !found {
		return fmt.Errorf("%s has no licence file in %s: it cannot be given away", what, dir)
	}
	return nil
}

var rule = strings.Repeat("=", 78)
