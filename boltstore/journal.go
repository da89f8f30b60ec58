package boltstore

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strings"
)

const (
	journalMagic  = "PBJRNL1\n"
	journalHeader = int64(len(journalMagic)) + 16
	// frameHeader is the length of an entry and the CRC-32C of its bytes.
	frameHeader = 8
	// maxFrame bounds an entry, so that a damaged length is not believed.
	maxFrame = 256 << 20

	// bucketJournal is the place that entries are sealed for, with the store's id.
	bucketJournal = "journal"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// journalPath is where the journal of the store at path stands.
func journalPath(path string) string { return beside(path, ".journal") }

// journal is the file of the same content as the store, kept by other means: a
// sealed entry is appended and fsynced before each commit. Its owner holds the
// store's turn.
type journal struct {
	path  string
	store string
	f     JournalFile
	// head is the generation of the last entry.
	head uint64
	// size is where the next entry goes, base where the whole content ended that
	// the file began with.
	size, base int64
	// torn: something that is no entry may stand behind size.
	torn bool
}

func journalHead(store string) ([]byte, error) {
	id, err := hex.DecodeString(store)
	if err != nil {
		return nil, err
	}
	return append([]byte(journalMagic), id...), nil
}

// frame seals an entry and puts its length and checksum before it.
func frame(seal *sealer, store string, generation uint64, e entry) ([]byte, error) {
	sealed, err := seal.seal(bucketJournal, store, generation, e.encode())
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, frameHeader+len(sealed))
	b = binary.BigEndian.AppendUint32(b, uint32(len(sealed)))
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(sealed, castagnoli))
	return append(b, sealed...), nil
}

// append writes an entry behind the last; sync makes it durable. After an error
// the entry is not there, or torn is set.
func (j *journal) append(b []byte, generation uint64) (err error) {
	if j.torn {
		if err := j.f.Truncate(j.size); err != nil {
			return err
		}
		j.torn = false
	}
	n, err := j.f.WriteAt(b, j.size)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	if err != nil {
		j.torn = j.f.Truncate(j.size) != nil
		return err
	}
	j.size += int64(len(b))
	j.head = generation
	return nil
}

// undo takes the last entry, of n bytes, out again, durably.
func (j *journal) undo(n int, head uint64) error {
	j.size -= int64(n)
	j.head = head
	if err := j.f.Truncate(j.size); err != nil {
		j.torn = true
		return err
	}
	return j.f.Sync()
}

// scanned is what a journal's file holds.
type scanned struct {
	// end is where the last good entry ends; rest is how much stands behind it.
	end, base, rest int64
	head            uint64
	entries         int
}

// scanJournal reads a journal's file, and calls visit with each entry that is
// whole, sealed. What is no entry ends the journal: a write that was cut short.
func scanJournal(r io.Reader, size int64, path, store string, visit func(h header, sealed []byte) error) (scanned, error) {
	var s scanned
	want, err := journalHead(store)
	if err != nil {
		return s, err
	}
	in := bufio.NewReaderSize(r, 1<<20)
	got := make([]byte, journalHeader)
	if _, err := io.ReadFull(in, got); err != nil || string(got[:len(journalMagic)]) != journalMagic {
		return s, errNoJournal
	}
	if string(got) != string(want) {
		return s, fail(ErrDamaged, path, "it is the journal of another store; %s", hintRestore)
	}
	s.end, s.base = journalHeader, journalHeader
	var lead [frameHeader]byte
	var buf []byte
	for {
		s.rest = size - s.end
		if _, err := io.ReadFull(in, lead[:]); err != nil {
			return s, ignoreEnd(err)
		}
		n := int64(binary.BigEndian.Uint32(lead[:]))
		if n < headerSize || n > maxFrame || n > s.rest-frameHeader {
			return s, nil
		}
		if int64(cap(buf)) < n {
			buf = make([]byte, n)
		}
		buf = buf[:n]
		if _, err := io.ReadFull(in, buf); err != nil {
			return s, ignoreEnd(err)
		}
		h, err := parseHeader(buf)
		if err != nil || crc32.Checksum(buf, castagnoli) != binary.BigEndian.Uint32(lead[4:]) {
			return s, nil
		}
		if visit != nil {
			if err := visit(h, buf); err != nil {
				return s, err
			}
		}
		s.end += frameHeader + n
		s.head = max(s.head, h.generation)
		s.entries++
	}
}

// errNoJournal: the file does not begin as a journal does.
var errNoJournal = errors.New("it is not a journal")

func ignoreEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// wholeChunk is about how many bytes of records one entry of the whole content
// holds.
const wholeChunk = 1 << 20

// writeJournal makes a new journal at path of the whole content, which each
// gives op by op, and puts it in the place of the old one; see writeFile. It
// returns where the content ends.
func writeJournal(path, store string, seal *sealer, head uint64, each func(func(op) error) error) (size int64, err error) {
	lead, err := journalHead(store)
	if err != nil {
		return 0, err
	}
	var chunks [][]op
	var now []op
	bytes := 0
	err = each(func(o op) error {
		now = append(now, o)
		if bytes += len(o.sealed) + len(o.id); bytes >= wholeChunk {
			chunks, now, bytes = append(chunks, now), nil, 0
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	chunks = append(chunks, now)
	err = replaceFile(path, func(w io.Writer) error {
		out := bufio.NewWriterSize(w, 1<<20)
		if _, err := out.Write(lead); err != nil {
			return err
		}
		size = int64(len(lead))
		for i, ops := range chunks {
			e := entry{kind: entryMore, ops: ops}
			if i == 0 {
				e.kind, e.more = entryWhole, uint32(len(chunks)-1)
			}
			b, err := frame(seal, store, head, e)
			if err != nil {
				return err
			}
			if _, err := out.Write(b); err != nil {
				return err
			}
			size += int64(len(b))
		}
		return out.Flush()
	})
	return size, err
}

// openJournalFile opens the journal for appending.
func openJournalFile(path string, seams Seams) (JournalFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	if seams.Journal != nil {
		return seams.Journal(f), nil
	}
	return f, nil
}

// sweep removes what a replacement of the file left behind that was cut off.
func sweep(path string) error {
	dir := filepath.Dir(path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), filepath.Base(path)+newSuffix) {
			errs = append(errs, os.Remove(filepath.Join(dir, e.Name())))
		}
	}
	return errors.Join(errs...)
}

// aside moves a file away, to a name that says why and is not taken.
func aside(path, why string) (string, error) {
	for i := 1; ; i++ {
		to := fmt.Sprintf("%s.%s-%d", path, why, i)
		taken, err := exists(to)
		if err != nil {
			return "", err
		}
		if !taken {
			return to, os.Rename(path, to)
		}
	}
}
