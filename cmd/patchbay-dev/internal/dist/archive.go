package dist

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"
)

// file is an entry of an archive.
type file struct {
	name string
	mode fs.FileMode
	data []byte
}

// extension is that of a platform's archive: what opens there with a click.
func extension(p Platform) string {
	if p.OS == "windows" {
		return ".zip"
	}
	return ".tar.gz"
}

// writeArchive writes files, in their order, under the directory top.
func writeArchive(name, top string, files []file, at time.Time) (err error) {
	f, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("write the archive: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	write := writeTarGz
	if strings.HasSuffix(name, ".zip") {
		write = writeZip
	}
	if err := write(f, top, files, at); err != nil {
		return fmt.Errorf("write the archive %s: %w", name, err)
	}
	return nil
}

func writeTarGz(w io.Writer, top string, files []file, at time.Time) error {
	z := gzip.NewWriter(w)
	t := tar.NewWriter(z)
	for _, f := range files {
		h := &tar.Header{
			Typeflag: tar.TypeReg, Name: path.Join(top, f.name), Mode: int64(f.mode), Size: int64(len(f.data)),
			ModTime: at, Uname: "root", Gname: "root", Format: tar.FormatUSTAR,
		}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		if _, err := t.Write(f.data); err != nil {
			return err
		}
	}
	return errors.Join(t.Close(), z.Close())
}

func writeZip(w io.Writer, top string, files []file, at time.Time) error {
	z := zip.NewWriter(w)
	for _, f := range files {
		h := &zip.FileHeader{Name: path.Join(top, f.name), Method: zip.Deflate, Modified: at.UTC()}
		h.SetMode(f.mode)
		entry, err := z.CreateHeader(h)
		if err != nil {
			return err
		}
		if _, err := entry.Write(f.data); err != nil {
			return err
		}
	}
	return z.Close()
}
