package meter_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/patchbay-dev/patchbay/plugins/meter"
)

func TestCustomSections(t *testing.T) {
	plain := one(void, nil, 0x0b).bytes()
	if data, ok, err := meter.Custom(plain, "a"); data != nil || ok || err != nil {
		t.Errorf("from a module without: %q %t %v", data, ok, err)
	}
	with, err := meter.WithCustom(plain, "a", []byte("1"))
	if err != nil {
		t.Fatal(err)
	}
	with, err = meter.WithCustom(with, "b", bytes.Repeat([]byte("x"), 300))
	if err != nil {
		t.Fatal(err)
	}
	replaced, err := meter.WithCustom(with, "a", []byte("two"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a": "two", "b": string(bytes.Repeat([]byte("x"), 300))} {
		if data, ok, err := meter.Custom(replaced, name); string(data) != want || !ok || err != nil {
			t.Errorf("%s: %q %t %v", name, data, ok, err)
		}
		if got := rewrite(t, replaced).Custom[name]; string(got) != want {
			t.Errorf("Rewrite gave %q for %s", got, name)
		}
	}
	if data, _, _ := meter.Custom(with, "a"); string(data) != "1" {
		t.Errorf("the input was changed: %q", data)
	}
	if again, err := meter.WithCustom(replaced, "a", []byte("two")); err != nil || !bytes.Equal(again, replaced) {
		t.Errorf("setting the same again changes the module: %v", err)
	}

	// Two of one name: reading is an error, setting puts it right.
	twice := append(bytes.Clone(with), section(0, cat("a", 2))...)
	if _, _, err := meter.Custom(twice, "a"); !errors.Is(err, meter.ErrInvalid) {
		t.Errorf("two sections: %v", err)
	}
	if one, err := meter.WithCustom(twice, "a", nil); err != nil {
		t.Error(err)
	} else if data, ok, err := meter.Custom(one, "a"); len(data) != 0 || !ok || err != nil {
		t.Errorf("after setting: %q %t %v", data, ok, err)
	}

	if _, _, err := meter.Custom([]byte("\x00asm\x0d\x00\x01\x00"), "a"); !errors.Is(err, meter.ErrComponent) {
		t.Errorf("component: %v", err)
	}
	if _, err := meter.WithCustom([]byte("text"), "a", nil); !errors.Is(err, meter.ErrNotWasm) {
		t.Errorf("text: %v", err)
	}
}
