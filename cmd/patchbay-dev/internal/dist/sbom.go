package dist

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"
)

// The part of CycloneDX 1.6 that a Go binary has something to say in
// (https://cyclonedx.org/docs/1.6/json/).
type bom struct {
	Schema       string      `json:"$schema"`
	Format       string      `json:"bomFormat"`
	SpecVersion  string      `json:"specVersion"`
	SerialNumber string      `json:"serialNumber"`
	Version      int         `json:"version"`
	Metadata     metadata    `json:"metadata"`
	Components   []component `json:"components"`
}

type metadata struct {
	Timestamp string    `json:"timestamp"`
	Component component `json:"component"`
}

type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version"`
	Hashes     []hash     `json:"hashes,omitempty"`
	Licenses   []licensed `json:"licenses,omitempty"`
	PURL       string     `json:"purl"`
	Properties []property `json:"properties,omitempty"`
}

type hash struct {
	Alg     string `json:"alg"`
	Content string `json:"content"`
}

type licensed struct {
	License struct {
		ID string `json:"id"`
	} `json:"license"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// writeBOM writes what is in a binary, by what the binary says itself.
func writeBOM(path string, b binary, r Release) error {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(materials(b, r)); err != nil {
		return fmt.Errorf("write the bill of materials: %w", err)
	}
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		return fmt.Errorf("write the bill of materials: %w", err)
	}
	return nil
}

func materials(b binary, r Release) bom {
	sum := sha256.Sum256(b.data)
	main := component{
		Type: "application", Name: "patchbay", Version: r.Version, PURL: purl(b.info.Main.Path, r.Version),
		Hashes: []hash{{Alg: "SHA-256", Content: hex.EncodeToString(sum[:])}},
	}
	main.Ref = main.PURL
	main.Licenses = make([]licensed, 1)
	main.Licenses[0].License.ID = "Apache-2.0"
	for _, key := range []string{"GOOS", "GOARCH", "CGO_ENABLED", "vcs.revision", "vcs.time", "vcs.modified"} {
		if v := b.setting(key); v != "" {
			main.Properties = append(main.Properties, property{"go:" + key, v})
		}
	}
	out := bom{
		Schema: "http://cyclonedx.org/schema/bom-1.6.schema.json", Format: "CycloneDX", SpecVersion: "1.6",
		SerialNumber: serial(sum), Version: 1,
		Metadata:   metadata{Timestamp: r.Time.Format(time.RFC3339), Component: main},
		Components: []component{library("std", strings.TrimPrefix(b.info.GoVersion, "go"), "")},
	}
	for _, m := range b.info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		out.Components = append(out.Components, ofModule(m))
	}
	return out
}

func ofModule(m *debug.Module) component { return library(m.Path, m.Version, m.Sum) }

// library is a module. Its sum is go.sum's, a hash over a list of hashes, so it
// is no hash in the sense of CycloneDX.
func library(path, version, sum string) component {
	c := component{Type: "library", Name: path, Version: version, PURL: purl(path, version)}
	c.Ref = c.PURL
	if sum != "" {
		c.Properties = []property{{"go:sum", sum}}
	}
	return c
}

// purl names a module as package-url does.
func purl(path, version string) string {
	return "pkg:golang/" + path + "@" + strings.ReplaceAll(version, "+", "%2B")
}

// serial makes the serial number of what it is about, so that the same binary
// has the same one: a UUID of version 8 (RFC 9562).
func serial(sum [sha256.Size]byte) string {
	u := sum[:16]
	u[6] = u[6]&0x0f | 0x80
	u[8] = u[8]&0x3f | 0x80
	h := hex.EncodeToString(u)
	return "urn:uuid:" + strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}
