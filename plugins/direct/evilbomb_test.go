package direct_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/patchbay-dev/patchbay/host/testkit/wat"
	"github.com/patchbay-dev/patchbay/plugins/meter"
)

// bombs are modules that are small to write down and dear to compile. Their
// text is made by rule.
var bombs = []struct {
	name string
	text func() string
	want string // in the refusal
}{
	{"100,000 functions", fields(100_000, "(func)"), "100000 functions"},
	{"65,537 functions that return", fields(65_537, "(func (result i32) i32.const 0)"), "65537 functions"},
	{"100,000 globals", fields(100_000, "(global (mut i32) (i32.const 0))"), "100000 globals"},
	{"20,000 types", fields(20_000, "(type (func (param i32)))"), "20000 types"},
	{"a type of 1,000 parameters", inModule("(type (func (param", times(1000, "i32"), ")))"), "1000 value types"},
	{"a type of 1,000 results", inModule("(type (func (result", times(1000, "i64"), ")))"), "1000 value types"},
	{"20,000 imports", fields(20_000, `(import "a" "b" (func))`), "20000 imports"},
	{"20,000 exports", inModule("(func $f)", numbered(20_000, `(export "%d" (func $f))`)), "20000 exports"},
	{"200 tables", fields(200, "(table 1 funcref)"), "tables"},
	{"200,000 elements", inModule("(func $f) (table 1 funcref) (elem (i32.const 0) func", times(200_000, "0"), ")"), "200000 elements"},
	{"200,000 data segments", inModule("(memory 1)", times(200_000, `(data "")`)), "200000 segments"},
	{"60,000 locals", inModule("(func (local", times(60_000, "i64"), "))"), "locals"},
	{"a megabyte of nested blocks", inModule("(func", times(300_000, "block"), times(300_000, "end"), ")"), "at most 262144 are allowed"},
	{"20,000 nested blocks", inModule("(func", times(20_000, "block"), times(20_000, "end"), ")"), "nested deeper"},
	{"20,000 nested loops", inModule("(func", times(20_000, "loop"), times(20_000, "end"), ")"), "nested deeper"},
	{"a body of 300 KiB", inModule("(func", times(300<<10, "nop"), ")"), "at most 262144 are allowed"},
	{"a br_table of 200,000 ways", inModule("(func block i32.const 0 br_table", times(200_001, "0"), " end)"), "too many locals and branches"},
	{"10,000 loops by 10,000 locals", inModule("(func (local", times(10_000, "i64"), ")", times(10_000, "loop end"), ")"), "too many locals and branches"},
	{"many functions of many branches", fields(60, branchy(90, 8_000)), "functions together"},
	{"70 MiB of data", inModule(`(memory 1) (data "`, func() string { return strings.Repeat("x", 70<<20) }, `")`), "at most 67108864 are allowed"},
}

// branchy is a function of that many locals that are changed in loops, and
// blocks that may be left, just within the cap for one function.
func branchy(locals, blocks int) string {
	return "(func (param i32) (local" + strings.Repeat(" i32", locals) + ")" +
		strings.Repeat(" (block (br_if 0 (local.get 0)))", blocks/2) + ")"
}

// times repeats a word.
func times(n int, word string) func() string {
	return func() string { return strings.Repeat(" "+word, n) }
}

func numbered(n int, format string) func() string {
	return func() string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
}

// fields is a module of the same field again and again.
func fields(n int, field string) func() string { return inModule(times(n, field)) }

// inModule joins texts, and functions that make texts, to a module.
func inModule(parts ...any) func() string {
	return func() string {
		var b strings.Builder
		b.WriteString("(module ")
		for _, p := range parts {
			if make, ok := p.(func() string); ok {
				b.WriteString(make())
			} else {
				fmt.Fprint(&b, p)
			}
		}
		b.WriteString(")")
		return b.String()
	}
}

// P-17: what would take long to compile is refused before, by its size or its
// shape, in time proportional to the file.
func TestP17CompileBombs(t *testing.T) {
	for _, e := range bombs {
		t.Run("P-17 "+e.name, func(t *testing.T) {
			wasm, err := wat.Assemble(e.text())
			if err != nil {
				t.Fatal(err)
			}
			_, err = meter.Rewrite(wasm, meter.Config{})
			if !errors.Is(err, meter.ErrLimit) || !strings.Contains(err.Error(), e.want) {
				t.Errorf("%d bytes: got %v, want %q", len(wasm), err, e.want)
			}
		})
	}
}
