package wat_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/patchbay-dev/patchbay/host/testkit/wat"
)

// Encodings as the tools of WebAssembly's own make them (wabt 1.0), without the
// header.
func TestKnownEncodings(t *testing.T) {
	for text, want := range map[string]string{
		`(module)`:                           "",
		`(module $m (func))`:                 "01040160000003020100" + "0a040102000b",
		`(module (memory (export "m") 1 2))`: "05040101" + "0102" + "070501016d0200",
		`(module (table 3 funcref) (table 1 4 externref))`:                                        "0408027000036f010104",
		`(module (global $g (mut i32) (i32.const -1)) (export "g" (global $g)))`:                  "0606017f01417f0b" + "070501016703" + "00",
		`(module (import "a" "b" (func (param i32) (result i64))))`:                               "010601" + "60017f017e" + "02070101610162" + "0000",
		`(module (func $f (param $x i32) (result i32) (i32.add (local.get $x) (i32.const 300))))`: "010601" + "60017f017f" + "03020100" + "0a0a010800" + "2000" + "41ac02" + "6a0b",
		`(module (func (loop $l (br_if $l (i32.const 1)))))`:                                      "01040160000003020100" + "0a0b010900" + "034041010d000b0b",
		`(module (func block $a loop $b i32.const 0 br_table $a $b 1 end end))`:                   "01040160000003020100" + "0a11010f00" + "0240034041000e02010001" + "0b0b0b",
		`(module (func (if (i32.const 0) (then nop) (else unreachable))))`:                        "01040160000003020100" + "0a0c010a00" + "41000440" + "01" + "05" + "00" + "0b0b",
		`(module (func (local i32 i32 i64)))`:                                                     "01040160000003020100" + "0a08010602027f017e0b",
		`(module (memory 1) (data (i32.const 8) "a\00\n\u{e9}"))`:                                 "05030100010b0b010041080b05" + "61000ac3a9",
		`(module (memory 1) (func (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 1))) (data "x"))`: "01040160000003020100" + "0503010001" + "0c0101" +
			"0a0e010c00410041004101fc0800000b" + "0b04010101" + "78",
		`(module (table 1 funcref) (elem (i32.const 0) $f) (func $f))`:   "01040160000003020100" + "040401700001" + "0907010041000b0100" + "0a040102000b",
		`(module (elem declare func $f) (func $f (drop (ref.func $f))))`: "01040160000003020100" + "090501030001" + "00" + "0a0701050" + "0d2001a0b",
		`(module (func (result f64) f64.const 1.5))`:                     "01050160" + "00017c" + "03020100" + "0a0d010b00" + "44000000000000f83f0b",
		`(module (@custom "c" "xy"))`:                                    "00040163" + "7879",
		`(module (start $f) (func $f))`:                                  "01040160000003020100" + "080100" + "0a040102000b",
	} {
		wasm, err := wat.Assemble(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := hex.EncodeToString(wasm); got != "0061736d01000000"+want {
			t.Errorf("%s\n got %s\nwant %s", text, strings.TrimPrefix(got, "0061736d01000000"), want)
		}
	}
}

func TestBinaryModule(t *testing.T) {
	wasm, err := wat.Assemble(`(module binary "\00asm" "\01\ff")`)
	if err != nil || string(wasm) != "\x00asm\x01\xff" {
		t.Errorf("%x, %v", wasm, err)
	}
}

// An index given as a number is not looked at: evil modules need that.
func TestNumbersAreNotChecked(t *testing.T) {
	if _, err := wat.Assemble(`(module (func (call 99) (drop (global.get 7))))`); err != nil {
		t.Error(err)
	}
}

func TestErrorsNameTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"":                                            "line 1: want (module",
		"(module\n(func\nfoo))":                       "line 3: unknown instruction",
		"(module\n(func (call $f)))":                  "line 2: there is no func $f",
		"(module (func (br $l)))":                     "there is no label $l",
		"(module (func (local.get $x)))":              "there is no local $x",
		"(module (func block))":                       "a block without its end",
		"(module (func end))":                         "an end without a block",
		"(module (func i32.const))":                   "lacks an operand",
		"(module (func (i32.const 4294967296)))":      "not a number of 32 bits",
		"(module (func $f) (func $f))":                "func $f is there twice",
		"(module (func) (import \"a\" \"b\" (func)))": "behind what is defined",
		"(module (data \"\\zz\"))":                    "unknown escape",
		"(module (data \"x))":                         "a string without its end",
		"(module (; ":                                 "a comment without its end",
		"(module (func)":                              "a list without its end",
		"(module))":                                   "a parenthesis too many",
		"(module (frob))":                             "unknown field",
		"(module) (module)":                           "behind the module",
	} {
		_, err := wat.Assemble(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}
