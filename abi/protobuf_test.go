package abi_test

import (
	"bytes"
	"context"
	"errors"
	"math"
	"testing"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"pgregory.net/rapid"

	"github.com/patchbay-dev/patchbay/abi"
)

// messages gives an empty value of every message that stands alone in the
// contract: the input of each op, and the output of all.
var messages = map[string]func() abi.JSONMessage{
	"InitInput":           func() abi.JSONMessage { return new(abi.InitInput) },
	"ExecuteInput":        func() abi.JSONMessage { return new(abi.ExecuteInput) },
	"EventsInput":         func() abi.JSONMessage { return new(abi.EventsInput) },
	"ResumeInput":         func() abi.JSONMessage { return new(abi.ResumeInput) },
	"ClassifyInput":       func() abi.JSONMessage { return new(abi.ClassifyInput) },
	"ModelsInput":         func() abi.JSONMessage { return new(abi.ModelsInput) },
	"RefreshInput":        func() abi.JSONMessage { return new(abi.RefreshInput) },
	"LoginInput":          func() abi.JSONMessage { return new(abi.LoginInput) },
	"PrepareRequestInput": func() abi.JSONMessage { return new(abi.PrepareRequestInput) },
	"InterceptInput":      func() abi.JSONMessage { return new(abi.InterceptInput) },
	"PostAuthInput":       func() abi.JSONMessage { return new(abi.PostAuthInput) },
	"ObserveInput":        func() abi.JSONMessage { return new(abi.ObserveInput) },
	"CancelInput":         func() abi.JSONMessage { return new(abi.CancelInput) },
	"CloseSessionInput":   func() abi.JSONMessage { return new(abi.CloseSessionInput) },
	"ActionList":          func() abi.JSONMessage { return new(abi.ActionList) },
}

func protoFile(t testing.TB) protoreflect.FileDescriptor {
	t.Helper()
	comp := protocompile.Compiler{Resolver: &protocompile.SourceResolver{}}
	files, err := comp.Compile(context.Background(), "patchbay.proto")
	if err != nil {
		t.Fatal(err)
	}
	return files[0]
}

// fill sets fields of m at random, so that the result is legal for a guest to
// send: no enum zero, exactly one member in each oneof.
func fill(t *rapid.T, m protoreflect.Message, depth int) {
	fields := m.Descriptor().Fields()
	oneofs := m.Descriptor().Oneofs()
	chosen := map[protoreflect.FullName]protoreflect.Name{}
	for i := 0; i < oneofs.Len(); i++ {
		if o := oneofs.Get(i); !o.IsSynthetic() {
			choices := o.Fields()
			if depth <= 0 { // only members that end here
				for j := 0; j < choices.Len(); j++ {
					if f := choices.Get(j); f.Message() == nil || f.Message().Fields().Len() == 0 {
						chosen[o.FullName()] = f.Name()
					}
				}
			}
			if chosen[o.FullName()] == "" {
				chosen[o.FullName()] = choices.Get(rapid.IntRange(0, choices.Len()-1).Draw(t, "member")).Name()
			}
		}
	}
	for i := 0; i < fields.Len(); i++ {
		fd := fields.Get(i)
		if o := fd.ContainingOneof(); o != nil && !o.IsSynthetic() {
			if chosen[o.FullName()] != fd.Name() {
				continue
			}
		} else if !rapid.Bool().Draw(t, "set") || fd.Message() != nil && depth <= 0 {
			continue
		}
		if fd.IsList() {
			list := m.Mutable(fd).List()
			for range rapid.IntRange(1, 3).Draw(t, "len") {
				if fd.Message() != nil {
					fill(t, list.AppendMutable().Message(), depth-1)
				} else {
					list.Append(scalar(t, fd))
				}
			}
			continue
		}
		if fd.Message() != nil {
			fill(t, m.Mutable(fd).Message(), depth-1)
			continue
		}
		m.Set(fd, scalar(t, fd))
	}
}

func scalar(t *rapid.T, fd protoreflect.FieldDescriptor) protoreflect.Value {
	switch fd.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(rapid.String().Draw(t, "s"))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes(rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "b"))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(rapid.Bool().Draw(t, "bool"))
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(rapid.Uint32().Draw(t, "u32"))
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(rapid.OneOf(rapid.Uint64(), rapid.Just(uint64(math.MaxUint64))).Draw(t, "u64"))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(rapid.Int64().Draw(t, "i64"))
	case protoreflect.EnumKind:
		return protoreflect.ValueOfEnum(protoreflect.EnumNumber(rapid.IntRange(1, fd.Enum().Values().Len()-1).Draw(t, "enum")))
	}
	panic("kind " + fd.Kind().String())
}

// TestCodecsAgreeWithProtobuf holds both of our codecs against the real
// protobuf library: what it writes, we read, and what we write, it reads as
// the same message; binary and JSON.
func TestCodecsAgreeWithProtobuf(t *testing.T) {
	file := protoFile(t)
	for name, empty := range messages {
		md := file.Messages().ByName(protoreflect.Name(name))
		if md == nil {
			t.Fatalf("patchbay.proto has no message %s", name)
		}
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			want := dynamicpb.NewMessage(md)
			fill(t, want, 7)
			wire, err := proto.Marshal(want)
			if err != nil {
				t.Fatal(err)
			}
			ours := empty()
			if err := abi.DecodeStrict(wire, ours); err != nil {
				t.Fatalf("binary: %v\n%v", err, want)
			}
			back := dynamicpb.NewMessage(md)
			if err := proto.Unmarshal(abi.AppendMessage(nil, ours), back); err != nil {
				t.Fatal(err)
			}
			if !proto.Equal(want, back) {
				t.Fatalf("binary: wrote\n%v\nfor\n%v", back, want)
			}

			text, err := protojson.Marshal(want)
			if err != nil {
				t.Fatal(err)
			}
			fromJSON := empty()
			if err := abi.DecodeJSON(text, fromJSON); err != nil {
				t.Fatalf("json: %v\n%s", err, text)
			}
			if a, b := abi.AppendMessage(nil, ours), abi.AppendMessage(nil, fromJSON); !bytes.Equal(a, b) {
				t.Fatalf("the two encodings read differently:\n%x\n%x", a, b)
			}
			back = dynamicpb.NewMessage(md)
			if err := protojson.Unmarshal(abi.AppendJSON(nil, ours), back); err != nil {
				t.Fatalf("json: %v\n%s", err, abi.AppendJSON(nil, ours))
			}
			if !proto.Equal(want, back) {
				t.Fatalf("json: wrote\n%v\nfor\n%v", back, want)
			}
		}))
	}
}

// TestGuestsAreHeldToTheLetter: what a host must refuse from a guest, and what
// a guest must let pass from a newer host.
func TestGuestsAreHeldToTheLetter(t *testing.T) {
	wait := abi.AppendMessage(nil, &abi.ActionList{Actions: []abi.Action{{Which: abi.ActionIsWait, Wait: &abi.Wait{}}}})
	for name, c := range map[string]struct {
		wire     []byte
		tolerant bool
	}{
		"unknown field":          {append(bytes.Clone(wait), 0x7a, 0x00), true},
		"oneof without a member": {[]byte{0x0a, 0x00}, true},
		"two members":            {[]byte{0x0a, 0x04, 0x12, 0x00, 0x1a, 0x00}, true},
		"singular twice":         {[]byte{0x12, 0x00, 0x12, 0x00}, true},
		"enum zero":              {[]byte{0x0a, 0x04, 0x2a, 0x02, 0x10, 0x00}, true},
		"enum unknown":           {[]byte{0x0a, 0x04, 0x2a, 0x02, 0x10, 0x63}, true},
		"string not UTF-8":       {[]byte{0x0a, 0x05, 0x6a, 0x03, 0x0a, 0x01, 0xff}, true},
		"cut short":              {wait[:len(wait)-1], false},
		"wrong wire type":        {[]byte{0x08, 0x01}, false},
		"group":                  {[]byte{0x0b}, false},
		"endless varint":         {bytes.Repeat([]byte{0xff}, 11), false},
		"field number zero":      {[]byte{0x02, 0x00}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if err := abi.DecodeStrict(c.wire, new(abi.ActionList)); !errors.Is(err, abi.ErrMalformed) {
				t.Errorf("DecodeStrict: %v, want ErrMalformed", err)
			}
			if err := abi.DecodeMessage(c.wire, new(abi.ActionList)); (err == nil) != c.tolerant {
				t.Errorf("DecodeMessage: %v, want tolerant %v", err, c.tolerant)
			}
		})
	}
	for name, text := range map[string]string{
		"unknown key":         `{"actionz":[]}`,
		"duplicate key":       `{"state":"","state":""}`,
		"both spellings":      `{"actions":[{"sleep":{}}],"actions":[]}`,
		"enum by number":      `{"actions":[{"send":{"deliver":1}}]}`,
		"enum zero":           `{"actions":[{"send":{"deliver":"DELIVER_UNSPECIFIED"}}]}`,
		"two members":         `{"actions":[{"wait":{},"end":{}}]}`,
		"no member":           `{"actions":[{}]}`,
		"text after":          `{} {}`,
		"lone surrogate":      `{"actions":[{"unsupported":{"what":"\ud800"}}]}`,
		"not UTF-8":           "{\"actions\":[{\"unsupported\":{\"what\":\"\xff\"}}]}",
		"not a number":        `{"actions":[{"sleep":{"ms":"1e3"}}]}`,
		"number out of range": `{"actions":[{"sleep":{"ms":18446744073709551616}}]}`,
		"NaN":                 `{"actions":[{"sleep":{"ms":NaN}}]}`,
		"array for object":    `[]`,
		"empty":               ``,
	} {
		t.Run("json "+name, func(t *testing.T) {
			if err := abi.DecodeJSON([]byte(text), new(abi.ActionList)); !errors.Is(err, abi.ErrMalformed) {
				t.Errorf("DecodeJSON(%s): %v, want ErrMalformed", text, err)
			}
		})
	}
}

// TestNestingIsBounded: a part that encodes a part that encodes … ends in an
// error, not in a stack that grows.
func TestNestingIsBounded(t *testing.T) {
	p := abi.Part{Which: abi.PartIsLiteral, Literal: "x"}
	for range 100_000 {
		p = abi.Part{Which: abi.PartIsEncode, Encode: &abi.Encode{Encoding: abi.EncodingHex, Parts: []abi.Part{p}}}
		if len(abi.AppendMessage(nil, &abi.Value{Parts: []abi.Part{p}})) > 400 {
			break
		}
	}
	v := abi.Value{Parts: []abi.Part{p}}
	if err := abi.DecodeStrict(abi.AppendMessage(nil, &v), new(abi.Value)); !errors.Is(err, abi.ErrMalformed) {
		t.Errorf("DecodeStrict: %v, want ErrMalformed", err)
	}
	if err := abi.DecodeJSON(abi.AppendJSON(nil, &v), new(abi.Value)); !errors.Is(err, abi.ErrMalformed) {
		t.Errorf("DecodeJSON: %v, want ErrMalformed", err)
	}
}
