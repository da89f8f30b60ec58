// Package wat assembles the text format of WebAssembly, for tests whose modules
// are kept as text beside their bytes.
//
// It knows what WebAssembly 2.0 calls the text format, but for a few things that
// no test here needs: most vector instructions, and component or script syntax
// other than (module binary ...). A custom section is written as the annotation
// (@custom "name" "data").
//
// It does not validate. An index given as a number is encoded as it stands, so
// that a module can name what it does not have.
package wat
