package main

import "fmt"

// emitBinary writes the protobuf codec: size, appendTo and unmarshal for each
// message. Sizes are computed before the bytes, each once, and handed on in a
// list, so that a message is written in one pass without moving what is already
// there.
func emitBinary(b *buffer, s *schema) {
	b.p("import (\n\"math\"\n\"unicode/utf8\"\n)\n")
	for _, m := range s.messages {
		emitBinarySize(b, m)
		emitBinaryAppend(b, m)
		emitBinaryUnmarshal(b, m)
	}
}

func (f *field) tag() int {
	wire := 0
	if f.kind == kString || f.kind == kBytes || f.kind == kMessage {
		wire = 2
	}
	return f.number<<3 | wire
}

func (f *field) tagSize() int {
	if f.tag() < 0x80 {
		return 1
	}
	return 2
}

// each writes the loop or the condition under which the field is on the wire,
// around what put returns for one value.
func (f *field) each(b *buffer, m *message, put func(v string) string) {
	v := "m." + f.name
	switch {
	case f.inOneof && f.kind == kMessage:
		b.p("if m.Which == %s {\n%s\n}", whichConst(m, f), put(v))
	case f.inOneof:
		b.p("if m.Which == %s {\n%s\n}", whichConst(m, f), put(v))
	case f.repeated && f.kind == kMessage:
		b.p("for i := range %s {\n%s\n}", v, put("(&"+v+"[i])"))
	case f.repeated:
		b.p("for _, v := range %s {\n%s\n}", v, put("v"))
	case f.kind == kMessage, f.optional && f.kind == kBytes:
		b.p("if %s != nil {\n%s\n}", v, put(v))
	case f.optional && f.kind == kString:
		b.p("if %s != nil {\n%s\n}", v, put("*"+v))
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

// number gives a varint field's value as uint64.
func (f *field) varint(v string) string {
	switch f.kind {
	case kBool:
		return fmt.Sprintf("boolVarint(%s)", v)
	case kUint64:
		return v
	default:
		return fmt.Sprintf("uint64(%s)", v)
	}
}

func emitBinarySize(b *buffer, m *message) {
	b.p("func (m *%s) size(s *sizes) (n int) {", m.name)
	b.p("if m == nil {\nreturn 0\n}")
	for _, f := range m.fields {
		f.each(b, m, func(v string) string {
			switch f.kind {
			case kString, kBytes:
				return fmt.Sprintf("n += %d + sizeBytes(len(%s))", f.tagSize(), v)
			case kMessage:
				return fmt.Sprintf("at := s.reserve()\nl := %s.size(s)\ns.set(at, l)\nn += %d + sizeBytes(l)", v, f.tagSize())
			case kBool:
				return fmt.Sprintf("n += %d", f.tagSize()+1)
			default:
				return fmt.Sprintf("n += %d + sizeVarint(%s)", f.tagSize(), f.varint(v))
			}
		})
	}
	b.p("return n\n}\n")
}

func emitBinaryAppend(b *buffer, m *message) {
	b.p("func (m *%s) appendTo(b []byte, s *sizes) []byte {", m.name)
	b.p("if m == nil {\nreturn b\n}")
	for _, f := range m.fields {
		f.each(b, m, func(v string) string {
			switch f.kind {
			case kString:
				return fmt.Sprintf("b = appendString(b, %d, %s)", f.tag(), v)
			case kBytes:
				return fmt.Sprintf("b = appendBytes(b, %d, %s)", f.tag(), v)
			case kMessage:
				return fmt.Sprintf("b = %s.appendTo(appendUint(b, %d, s.take()), s)", v, f.tag())
			default:
				return fmt.Sprintf("b = appendUint(b, %d, %s)", f.tag(), f.varint(v))
			}
		})
	}
	b.p("return b\n}\n")
}

func emitBinaryUnmarshal(b *buffer, m *message) {
	b.p("func (m *%s) unmarshal(src []byte, d *decoder) error {", m.name)
	b.p("*m = %s{}", m.name)
	b.p("if d.depth++; d.depth > maxDepth {\nreturn d.tooDeep(%q)\n}", m.name)
	b.p("if d.elements++; d.strict && d.elements > MaxElements {\nreturn d.tooMany()\n}")
	if hasSingular(m) {
		b.p("var seen uint64")
	}
	b.p("var f field\nfor len(src) > 0 {")
	b.p("var ok bool\nif src, ok = f.read(src); !ok {\nreturn d.malformed(%q)\n}", m.name)
	b.p("switch f.num {")
	for i, f := range m.fields {
		emitBinaryField(b, m, f, i)
	}
	b.p("default:\nif d.strict {\nreturn d.unknown(%q, f.num)\n}\n}\n}", m.name)
	if m.oneof != "" {
		b.p("if m.Which == 0 && d.strict {\nreturn d.noMember(%q)\n}", m.name+"."+m.oneof)
	}
	b.p("d.depth--\nreturn nil\n}\n")
}

func emitBinaryField(b *buffer, m *message, f *field, i int) {
	b.p("case %d:", f.number)
	q := fmt.Sprintf("%q", m.name+"."+f.proto)
	wire := "wireVarint"
	if f.tag()&7 == 2 {
		wire = "wireBytes"
	}
	over := map[kind]string{kUint32: " || f.value > math.MaxUint32", kEnum: " || f.value > math.MaxUint32", kBool: " || f.value > 1"}[f.kind]
	b.p("if f.wire != %s%s {\nreturn d.wireType(%s)\n}", wire, over, q)
	if !f.repeated {
		b.p("if seen&(1<<%d) != 0 && d.strict {\nreturn d.twice(%s)\n}\nseen |= 1 << %d", i, q, i)
	}
	if f.inOneof {
		b.p("if m.Which != 0 && d.strict {\nreturn d.twoMembers(%s)\n}\nm.Which = %s", q, whichConst(m, f))
	}
	if f.kind == kMessage {
		if f.repeated {
			b.p("m.%s = append(m.%s, %s{})", f.name, f.name, f.typ)
			b.p("if err := m.%s[len(m.%s)-1].unmarshal(f.data, d); err != nil {\nreturn err\n}", f.name, f.name)
		} else {
			b.p("m.%s = new(%s)", f.name, f.typ)
			b.p("if err := m.%s.unmarshal(f.data, d); err != nil {\nreturn err\n}", f.name)
		}
		return
	}
	value := map[kind]string{kString: "f.str()", kBytes: "f.data", kBool: "f.value == 1", kUint32: "uint32(f.value)", kUint64: "f.value", kInt64: "int64(f.value)", kEnum: f.typ + "(f.value)"}[f.kind]
	switch f.kind {
	case kString:
		b.p("if d.strict && !utf8.Valid(f.data) {\nreturn d.notUTF8(%s)\n}", q)
	case kEnum:
		b.p("if d.strict && (f.value == 0 || f.value >= uint64(len(names%s))) {\nreturn d.unknownValue(%s, f.value)\n}", f.typ, q)
	}
	switch {
	case f.repeated:
		b.p("if d.elements++; d.strict && d.elements > MaxElements {\nreturn d.tooMany()\n}")
		b.p("m.%s = append(m.%s, %s)", f.name, f.name, value)
	case f.optional && f.kind == kBytes:
		b.p("m.%s = present(%s)", f.name, value)
	case f.optional:
		b.p("v := %s\nm.%s = &v", value, f.name)
	default:
		b.p("m.%s = %s", f.name, value)
	}
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
