package wat

import "strings"

// operand says what stands behind an instruction's name.
type operand uint8

const (
	noOperand operand = iota
	aLabel
	labels
	aFunc
	indirect
	aLocal
	aGlobal
	aTable
	tableCopy
	tableInit
	anElem
	aData
	memoryInit
	oneZero
	twoZeros
	memArg
	constI32
	constI64
	constF32
	constF64
	constV128
	selects
	heapType
)

// opcode is how an instruction is encoded.
type opcode struct {
	code    []byte
	operand operand
	// align is the exponent of the natural alignment of a load or store.
	align uint64
}

// plain lists instructions in the order of their opcodes, from the first one.
var plain = []struct {
	first   byte
	operand operand
	names   string
}{
	{0x00, noOperand, "unreachable nop"},
	{0x0c, aLabel, "br br_if"},
	{0x0e, labels, "br_table"},
	{0x0f, noOperand, "return"},
	{0x10, aFunc, "call"},
	{0x11, indirect, "call_indirect"},
	{0x1a, noOperand, "drop"},
	{0x1b, selects, "select"},
	{0x20, aLocal, "local.get local.set local.tee"},
	{0x23, aGlobal, "global.get global.set"},
	{0x25, aTable, "table.get table.set"},
	{0x28, memArg, `i32.load:2 i64.load:3 f32.load:2 f64.load:3
		i32.load8_s:0 i32.load8_u:0 i32.load16_s:1 i32.load16_u:1
		i64.load8_s:0 i64.load8_u:0 i64.load16_s:1 i64.load16_u:1 i64.load32_s:2 i64.load32_u:2
		i32.store:2 i64.store:3 f32.store:2 f64.store:3 i32.store8:0 i32.store16:1
		i64.store8:0 i64.store16:1 i64.store32:2`},
	{0x3f, oneZero, "memory.size memory.grow"},
	{0x41, constI32, "i32.const"},
	{0x42, constI64, "i64.const"},
	{0x43, constF32, "f32.const"},
	{0x44, constF64, "f64.const"},
	{0x45, noOperand, `i32.eqz i32.eq i32.ne i32.lt_s i32.lt_u i32.gt_s i32.gt_u i32.le_s i32.le_u i32.ge_s i32.ge_u
		i64.eqz i64.eq i64.ne i64.lt_s i64.lt_u i64.gt_s i64.gt_u i64.le_s i64.le_u i64.ge_s i64.ge_u
		f32.eq f32.ne f32.lt f32.gt f32.le f32.ge f64.eq f64.ne f64.lt f64.gt f64.le f64.ge
		i32.clz i32.ctz i32.popcnt i32.add i32.sub i32.mul i32.div_s i32.div_u i32.rem_s i32.rem_u
		i32.and i32.or i32.xor i32.shl i32.shr_s i32.shr_u i32.rotl i32.rotr
		i64.clz i64.ctz i64.popcnt i64.add i64.sub i64.mul i64.div_s i64.div_u i64.rem_s i64.rem_u
		i64.and i64.or i64.xor i64.shl i64.shr_s i64.shr_u i64.rotl i64.rotr
		f32.abs f32.neg f32.ceil f32.floor f32.trunc f32.nearest f32.sqrt
		f32.add f32.sub f32.mul f32.div f32.min f32.max f32.copysign
		f64.abs f64.neg f64.ceil f64.floor f64.trunc f64.nearest f64.sqrt
		f64.add f64.sub f64.mul f64.div f64.min f64.max f64.copysign
		i32.wrap_i64 i32.trunc_f32_s i32.trunc_f32_u i32.trunc_f64_s i32.trunc_f64_u
		i64.extend_i32_s i64.extend_i32_u i64.trunc_f32_s i64.trunc_f32_u i64.trunc_f64_s i64.trunc_f64_u
		f32.convert_i32_s f32.convert_i32_u f32.convert_i64_s f32.convert_i64_u f32.demote_f64
		f64.convert_i32_s f64.convert_i32_u f64.convert_i64_s f64.convert_i64_u f64.promote_f32
		i32.reinterpret_f32 i64.reinterpret_f64 f32.reinterpret_i32 f64.reinterpret_i64
		i32.extend8_s i32.extend16_s i64.extend8_s i64.extend16_s i64.extend32_s`},
	{0xd0, heapType, "ref.null"},
	{0xd1, noOperand, "ref.is_null"},
	{0xd2, aFunc, "ref.func"},
}

// prefixed lists instructions behind a prefix, with their numbers there.
var prefixed = []struct {
	prefix  byte
	number  uint64
	operand operand
	name    string
}{
	{0xfc, 8, memoryInit, "memory.init"}, {0xfc, 9, aData, "data.drop"},
	{0xfc, 10, twoZeros, "memory.copy"}, {0xfc, 11, oneZero, "memory.fill"},
	{0xfc, 12, tableInit, "table.init"}, {0xfc, 13, anElem, "elem.drop"},
	{0xfc, 14, tableCopy, "table.copy"}, {0xfc, 15, aTable, "table.grow"},
	{0xfc, 16, aTable, "table.size"}, {0xfc, 17, aTable, "table.fill"},
	{0xfd, 0, memArg, "v128.load:4"}, {0xfd, 11, memArg, "v128.store:4"},
	{0xfd, 12, constV128, "v128.const"}, {0xfd, 0x11, noOperand, "i32x4.splat"},
	{0xfd, 0x12, noOperand, "i64x2.splat"}, {0xfd, 0x51, noOperand, "v128.xor"},
	{0xfd, 0xae, noOperand, "i32x4.add"}, {0xfd, 0xce, noOperand, "i64x2.add"},
	{0xfd, 0xd5, noOperand, "i64x2.mul"}, {0xfd, 0xef, noOperand, "f64x2.sqrt"},
	{0xfd, 0xf3, noOperand, "f64x2.div"},
}

// opcodes are the instructions that open no block, by name.
var opcodes = func() map[string]opcode {
	all := map[string]opcode{}
	add := func(name string, code []byte, operand operand) {
		name, exponent, _ := strings.Cut(name, ":")
		op := opcode{code: code, operand: operand}
		if exponent != "" {
			op.align = uint64(exponent[0] - '0')
		}
		all[name] = op
	}
	for _, group := range plain {
		for i, name := range strings.Fields(group.names) {
			add(name, []byte{group.first + byte(i)}, group.operand)
		}
	}
	for _, p := range prefixed {
		add(p.name, unsigned([]byte{p.prefix}, p.number), p.operand)
	}
	for i, name := range []string{
		"i32.trunc_sat_f32_s", "i32.trunc_sat_f32_u", "i32.trunc_sat_f64_s", "i32.trunc_sat_f64_u",
		"i64.trunc_sat_f32_s", "i64.trunc_sat_f32_u", "i64.trunc_sat_f64_s", "i64.trunc_sat_f64_u",
	} {
		add(name, []byte{0xfc, byte(i)}, noOperand)
	}
	return all
}()

// blocks are the instructions that open a block.
var blocks = map[string]byte{"block": 0x02, "loop": 0x03, "if": 0x04}

const (
	opElse     = 0x05
	opEnd      = 0x0b
	emptyBlock = 0x40
)
