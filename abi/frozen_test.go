package abi_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
)

var addFrozen = flag.Bool("add-frozen", false, "add what is new in patchbay.proto to testdata/frozen.txt")

// TestNumbersAreFrozen: what version 1 of the contract says stays for ever.
// Every field and enum value is in testdata/frozen.txt with its number and type;
// one that is new is added there with -add-frozen, none is changed or taken out.
func TestNumbersAreFrozen(t *testing.T) {
	const file = "testdata/frozen.txt"
	now := numbers(protoFile(t))
	raw, err := os.ReadFile(file)
	if err != nil && !*addFrozen {
		t.Fatal(err)
	}
	frozen := strings.Split(strings.TrimSpace(string(raw)), "\n")
	for _, was := range frozen {
		if was != "" && !slices.Contains(now, was) {
			t.Errorf("%s was changed or taken out", was)
		}
	}
	if t.Failed() {
		return
	}
	if *addFrozen {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(strings.Join(now, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, line := range now {
		if !slices.Contains(frozen, line) {
			t.Errorf("%s is new: run go test ./abi -run Frozen -add-frozen", line)
		}
	}
}

// numbers spells every field and enum value of the contract, one a line.
func numbers(f protoreflect.FileDescriptor) []string {
	var lines []string
	for i := range f.Enums().Len() {
		values := f.Enums().Get(i).Values()
		for j := range values.Len() {
			lines = append(lines, fmt.Sprintf("%s = %d", values.Get(j).Name(), values.Get(j).Number()))
		}
	}
	for i := range f.Messages().Len() {
		m := f.Messages().Get(i)
		for j := range m.Fields().Len() {
			field := m.Fields().Get(j)
			kind := field.Kind().String()
			switch {
			case field.Message() != nil:
				kind = string(field.Message().Name())
			case field.Enum() != nil:
				kind = string(field.Enum().Name())
			}
			if field.IsList() {
				kind = "repeated " + kind
			}
			if field.HasOptionalKeyword() {
				kind = "optional " + kind
			}
			if o := field.ContainingOneof(); o != nil && !o.IsSynthetic() {
				kind += " of " + string(o.Name())
			}
			lines = append(lines, fmt.Sprintf("%s.%s = %d %s", m.Name(), field.Name(), field.Number(), kind))
		}
	}
	slices.Sort(lines)
	return lines
}
