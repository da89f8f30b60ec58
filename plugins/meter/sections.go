package meter

import (
	"bytes"
	"fmt"

	"github.com/patchbay-dev/patchbay/abi"
)

// Section ids, WebAssembly 2.0, 5.5.2.
const (
	secCustom = iota
	secType
	secImport
	secFunction
	secTable
	secMemory
	secGlobal
	secExport
	secStart
	secElement
	secCode
	secData
	secDataCount
	sections
)

var sectionNames = [sections]string{"custom", "type", "import", "function", "table", "memory",
	"global", "export", "start", "element", "code", "data", "data count"}

// sectionRank orders the sections: the data count stands before the code.
var sectionRank = [sections]int{secType: 1, secImport: 2, secFunction: 3, secTable: 4, secMemory: 5,
	secGlobal: 6, secExport: 7, secStart: 8, secElement: 9, secDataCount: 10, secCode: 11, secData: 12}

const secTag = 13

var (
	header    = []byte{0, 'a', 's', 'm', 1, 0, 0, 0}
	component = []byte{0, 'a', 's', 'm', 0x0d, 0, 1, 0}
)

// span is the payload of a section, as file offsets. start is zero for a
// section that isn't there.
type span struct{ start, end int }

// custom is one custom section. data isn't copied.
type custom struct {
	name       string
	data       []byte
	start, end int // of the whole section, with id and size
}

// split finds the sections of a module and holds their order.
func split(wasm []byte) (known [sections]span, customs []custom, err error) {
	if err := checkHeader(wasm); err != nil {
		return known, nil, err
	}
	r := reader{b: wasm, pos: len(header), end: len(wasm)}
	rank := 0
	for r.more() {
		at := r.pos
		id := r.byte()
		size := r.u32()
		if r.err == nil && int64(size) > int64(r.left()) {
			r.invalid(at, "section %d declares %d bytes, %d are left in the file", id, size, r.left())
		}
		if r.err != nil {
			break
		}
		body := span{r.pos, r.pos + int(size)}
		r.pos = body.end
		switch {
		case id == secCustom:
			c := reader{b: wasm, pos: body.start, end: body.end, section: sectionNames[secCustom]}
			name := c.name()
			if c.err != nil {
				return known, nil, c.err
			}
			if len(customs) == MaxCustoms {
				r.fail(at, ErrLimit, "more than %d custom sections", MaxCustoms)
				break
			}
			customs = append(customs, custom{name, wasm[c.pos:body.end:body.end], at, body.end})
		case id == secTag:
			r.invalid(at, "a tag section: exceptions are not supported; build without them")
		case int(id) >= sections:
			r.invalid(at, "unknown section %d", id)
		case sectionRank[id] == rank:
			r.invalid(at, "a second %s section", sectionNames[id])
		case sectionRank[id] < rank:
			r.invalid(at, "the %s section is out of order or there twice", sectionNames[id])
		default:
			rank = sectionRank[id]
			known[id] = body
		}
	}
	if r.err != nil {
		return known, nil, r.err
	}
	return known, customs, nil
}

func checkHeader(wasm []byte) error {
	switch {
	case bytes.HasPrefix(wasm, header):
		if len(wasm) > abi.MaxModule {
			return &Error{Kind: ErrLimit, Reason: fmt.Sprintf("the file has %d bytes; at most %d are allowed", len(wasm), abi.MaxModule)}
		}
		return nil
	case bytes.HasPrefix(wasm, component):
		return &Error{Kind: ErrComponent, Offset: 4,
			Reason: "build a core module, e.g. with GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared"}
	case bytes.HasPrefix(wasm, header[:4]):
		return &Error{Kind: ErrNotWasm, Offset: 4, Reason: "unknown version of the binary format; version 1 is needed"}
	}
	return &Error{Kind: ErrNotWasm, Reason: "it doesn't begin with \\0asm"}
}
