package main

import "fmt"

var appendFunc = map[kind]string{kString: "AppendString", kBytes: "AppendBytes", kBool: "AppendBool", kUint32: "AppendUint32", kUint64: "AppendUint64", kInt64: "AppendInt64", kEnum: "AppendUint32"}

var readFunc = map[kind]string{kString: "String", kBytes: "Bytes", kBool: "Bool", kUint32: "Uint32", kUint64: "Uint64", kInt64: "Int64", kEnum: "Uint32"}

// emitBinary writes the protobuf codec.
func emitBinary(b *buffer, s *schema) {
	b.p("import \"github.com/VictoriaMetrics/easyproto\"\n")
	for _, m := range s.messages {
		emitBinaryMarshal(b, m)
		emitBinaryUnmarshal(b, m)
	}
}

func emitBinaryMarshal(b *buffer, m *message) {
	b.p("func (m *%s) marshal(mm *easyproto.MessageMarshaler) {", m.name)
	for _, f := range m.fields {
		v := "m." + f.name
		put := func(v string) string {
			switch f.kind {
			case kMessage:
				return fmt.Sprintf("%s.marshal(mm.AppendMessage(%d))", v, f.number)
			case kEnum:
				return fmt.Sprintf("mm.AppendUint32(%d, uint32(%s))", f.number, v)
			default:
				return fmt.Sprintf("mm.%s(%d, %s)", appendFunc[f.kind], f.number, v)
			}
		}
		switch {
		case f.inOneof && f.kind == kMessage:
			b.p("if m.Which == %s {\nsub := mm.AppendMessage(%d)\nif %s != nil {\n%s.marshal(sub)\n}\n}", whichConst(m, f), f.number, v, v)
		case f.inOneof:
			b.p("if m.Which == %s {\n%s\n}", whichConst(m, f), put(v))
		case f.repeated && f.kind == kMessage:
			b.p("for i := range %s {\n%s\n}", v, put(v+"[i]"))
		case f.repeated:
			b.p("for _, v := range %s {\n%s\n}", v, put("v"))
		case f.kind == kMessage, f.optional && f.kind == kBytes:
			b.p("if %s != nil {\n%s\n}", v, put(v))
		case f.optional:
			b.p("if %s != nil {\n%s\n}", v, put("*"+v))
		case f.kind == kString, f.kind == kBytes:
			b.p("if len(%s) > 0 {\n%s\n}", v, put(v))
		case f.kind == kBool:
			b.p("if %s {\n%s\n}", v, put(v))
		default:
			b.p("if %s != 0 {\n%s\n}", v, put(v))
		}
	}
	b.p("}\n")
}

func emitBinaryUnmarshal(b *buffer, m *message) {
	b.p("func (m *%s) unmarshal(src []byte, d *decoder) (err error) {", m.name)
	b.p("*m = %s{}", m.name)
	b.p("if err := d.enter(%q); err != nil {\nreturn err\n}\ndefer d.leave()", m.name)
	if hasSingular(m) {
		b.p("var seen uint64")
	}
	b.p("var fc easyproto.FieldContext\nfor len(src) > 0 {")
	b.p("if src, err = fc.NextField(src); err != nil {\nreturn d.malformed(%q, err)\n}", m.name)
	b.p("switch fc.FieldNum {")
	for i, f := range m.fields {
		b.p("case %d:", f.number)
		q := fmt.Sprintf("%q", m.name+"."+f.proto)
		if !f.repeated {
			b.p("if err := d.once(&seen, %d, %s); err != nil {\nreturn err\n}", i, q)
		}
		if f.inOneof {
			b.p("if m.Which != 0 && d.strict {\nreturn d.twoMembers(%s)\n}\nm.Which = %s", q, whichConst(m, f))
		}
		if f.kind == kMessage {
			b.p("data, ok := fc.MessageData()\nif !ok {\nreturn d.wireType(%s)\n}", q)
			switch {
			case f.repeated:
				b.p("m.%s = append(m.%s, %s{})", f.name, f.name, f.typ)
				b.p("if err := m.%s[len(m.%s)-1].unmarshal(data, d); err != nil {\nreturn err\n}", f.name, f.name)
			default:
				b.p("m.%s = new(%s)", f.name, f.typ)
				b.p("if err := m.%s.unmarshal(data, d); err != nil {\nreturn err\n}", f.name)
			}
			continue
		}
		b.p("v, ok := fc.%s()\nif !ok {\nreturn d.wireType(%s)\n}", readFunc[f.kind], q)
		if f.kind == kString {
			b.p("if err := d.utf8(v, %s); err != nil {\nreturn err\n}", q)
		}
		if f.kind == kEnum {
			b.p("if err := d.enum(v, names%s[:], %s); err != nil {\nreturn err\n}", f.typ, q)
		}
		switch {
		case f.repeated:
			b.p("m.%s = append(m.%s, v)", f.name, f.name)
		case f.kind == kEnum:
			b.p("m.%s = %s(v)", f.name, f.typ)
		case f.optional && f.kind == kBytes:
			b.p("m.%s = present(v)", f.name)
		case f.optional:
			b.p("m.%s = &v", f.name)
		default:
			b.p("m.%s = v", f.name)
		}
	}
	b.p("default:\nif err := d.unknown(%q, fc.FieldNum); err != nil {\nreturn err\n}\n}\n}", m.name)
	if m.oneof != "" {
		b.p("if m.Which == 0 && d.strict {\nreturn d.noMember(%q)\n}", m.name+"."+m.oneof)
	}
	b.p("return nil\n}\n")
}

// hasSingular reports whether a field of m can occur once too often.
func hasSingular(m *message) bool {
	for _, f := range m.fields {
		if !f.repeated {
			return true
		}
	}
	return false
}
