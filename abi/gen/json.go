package main

import "fmt"

// emitJSON writes the proto3 JSON codec.
func emitJSON(b *buffer, s *schema) {
	for _, m := range s.messages {
		emitJSONMarshal(b, m)
		emitJSONUnmarshal(b, m)
	}
}

func emitJSONMarshal(b *buffer, m *message) {
	b.p("func (m *%s) appendJSON(b []byte) []byte {\nb = append(b, '{')", m.name)
	for _, f := range m.fields {
		v := "m." + f.name
		put := func(v string) string {
			switch f.kind {
			case kString:
				return fmt.Sprintf("b = appendJSONString(b, %s)", v)
			case kBytes:
				return fmt.Sprintf("b = appendJSONBytes(b, %s)", v)
			case kBool:
				return fmt.Sprintf("b = appendJSONBool(b, %s)", v)
			case kUint32:
				return fmt.Sprintf("b = appendJSONUint32(b, %s)", v)
			case kUint64:
				return fmt.Sprintf("b = appendJSONUint64(b, %s)", v)
			case kInt64:
				return fmt.Sprintf("b = appendJSONInt64(b, %s)", v)
			case kEnum:
				return fmt.Sprintf("b = appendJSONString(b, %s.String())", v)
			default:
				return fmt.Sprintf("b = %s.appendJSON(b)", v)
			}
		}
		key := fmt.Sprintf("b = appendJSONKey(b, %q)", f.json)
		switch {
		case f.inOneof && f.kind == kMessage:
			b.p("if m.Which == %s {\n%s\nif %s != nil {\n%s\n} else {\nb = append(b, \"{}\"...)\n}\n}", whichConst(m, f), key, v, put(v))
		case f.inOneof:
			b.p("if m.Which == %s {\n%s\n%s\n}", whichConst(m, f), key, put(v))
		case f.repeated:
			b.p("if len(%s) > 0 {\n%s\nb = append(b, '[')\nfor i := range %s {\nif i > 0 {\nb = append(b, ',')\n}\n%s\n}\nb = append(b, ']')\n}", v, key, v, put(v+"[i]"))
		case f.kind == kMessage, f.optional && f.kind == kBytes:
			b.p("if %s != nil {\n%s\n%s\n}", v, key, put(v))
		case f.optional:
			b.p("if %s != nil {\n%s\n%s\n}", v, key, put("*"+v))
		case f.kind == kString, f.kind == kBytes:
			b.p("if len(%s) > 0 {\n%s\n%s\n}", v, key, put(v))
		case f.kind == kBool:
			b.p("if %s {\n%s\n%s\n}", v, key, put(v))
		default:
			b.p("if %s != 0 {\n%s\n%s\n}", v, key, put(v))
		}
	}
	b.p("return append(b, '}')\n}\n")
}

func emitJSONUnmarshal(b *buffer, m *message) {
	b.p("func (m *%s) parseJSON(r *jsonReader) error {", m.name)
	b.p("*m = %s{}", m.name)
	if len(m.fields) > 0 {
		b.p("var seen uint64")
	}
	b.p("err := r.object(%q, func(key string) error {\nswitch key {", m.name)
	for i, f := range m.fields {
		if f.json == f.proto {
			b.p("case %q:", f.json)
		} else {
			b.p("case %q, %q:", f.json, f.proto)
		}
		b.p("if err := r.once(&seen, %d, key); err != nil {\nreturn err\n}", i)
		b.p("if r.null() {\nreturn nil\n}")
		if f.inOneof {
			b.p("if m.Which != 0 {\nreturn r.twoMembers(%q)\n}\nm.Which = %s", m.name+"."+m.oneof, whichConst(m, f))
		}
		if f.kind == kMessage {
			if f.repeated {
				b.p("return r.array(func() error {\nm.%s = append(m.%s, %s{})\nreturn m.%s[len(m.%s)-1].parseJSON(r)\n})", f.name, f.name, f.typ, f.name, f.name)
			} else {
				b.p("m.%s = new(%s)\nreturn m.%s.parseJSON(r)", f.name, f.typ, f.name)
			}
			continue
		}
		read := map[kind]string{kString: "r.str()", kBytes: "r.bytes()", kBool: "r.boolean()", kUint32: "r.uint32()", kUint64: "r.uint64()", kInt64: "r.int64()"}[f.kind]
		if f.kind == kEnum {
			read = fmt.Sprintf("r.enum(names%s[:])", f.typ)
		}
		switch {
		case f.repeated:
			b.p("return r.array(func() error {\nif err := r.element(); err != nil {\nreturn err\n}\nv, err := %s\nm.%s = append(m.%s, v)\nreturn err\n})", read, f.name, f.name)
		case f.kind == kEnum:
			b.p("v, err := %s\nm.%s = %s(v)\nreturn err", read, f.name, f.typ)
		case f.optional && f.kind == kBytes:
			b.p("v, err := %s\nm.%s = present(v)\nreturn err", read, f.name)
		case f.optional:
			b.p("v, err := %s\nm.%s = &v\nreturn err", read, f.name)
		default:
			b.p("v, err := %s\nm.%s = v\nreturn err", read, f.name)
		}
	}
	b.p("}\nreturn r.unknown(%q, key)\n})", m.name)
	if m.oneof != "" {
		b.p("if err == nil && m.Which == 0 {\nreturn r.noMember(%q)\n}", m.name+"."+m.oneof)
	}
	b.p("return err\n}\n")
}
