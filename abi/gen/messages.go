package main

import "strings"

// emitMessages writes the types: enums with their names, structs, and for
// each oneof the Which that says which member is set.
func emitMessages(b *buffer, s *schema) {
	for _, e := range s.enums {
		b.comment(orName(e.doc, e.name, "is an enumeration of the contract."))
		b.p("type %s uint32", e.name)
		b.p("const (")
		for _, v := range e.values {
			if v.doc != "" {
				b.comment(v.name + ": " + v.doc)
			}
			b.p("%s %s = %d", v.name, e.name, v.number)
		}
		b.p(")")
		b.p("var names%s = [...]string{", e.name)
		for _, v := range e.values {
			b.p("%d: %q,", v.number, v.proto)
		}
		b.p("}")
		b.p("// String returns the name of the value as patchbay.proto has it.")
		b.p("func (e %s) String() string { return enumName(uint32(e), names%s[:]) }", e.name, e.name)
	}
	for _, m := range s.messages {
		if m.oneof != "" {
			w := whichType(m)
			b.p("// %s says which member of the oneof %s.%s is set; zero means none.", w, m.name, m.oneof)
			b.p("type %s uint8", w)
			b.p("const (")
			for _, f := range m.fields {
				if f.inOneof {
					b.p("%s %s = %d", whichConst(m, f), w, f.number)
				}
			}
			b.p(")")
			b.p("// String returns the member's name as patchbay.proto has it.")
			b.p("func (w %s) String() string {\nswitch w {", w)
			for _, f := range m.fields {
				if f.inOneof {
					b.p("case %s:\nreturn %q", whichConst(m, f), f.proto)
				}
			}
			b.p("}\nreturn \"none\"\n}")
		}
		b.comment(orName(m.doc, m.name, "is a message of the contract."))
		b.p("type %s struct {", m.name)
		if m.oneof != "" {
			b.p("// Which says which member of the oneof is meant; the others are ignored.")
			b.p("Which %s", whichType(m))
		}
		for _, f := range m.fields {
			if f.doc != "" {
				b.comment(f.doc)
			}
			b.p("%s %s", f.name, f.goType())
		}
		b.p("}")
	}
}

func whichType(m *message) string            { return m.name + "Which" }
func whichConst(m *message, f *field) string { return m.name + "Is" + f.name }

func orName(doc, name, rest string) string {
	if doc == "" {
		return name + " " + rest
	}
	if !strings.HasPrefix(doc, name+" ") {
		return name + ": " + doc
	}
	return doc
}
