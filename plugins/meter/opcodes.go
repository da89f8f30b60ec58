package meter

// Opcodes that the package names, 5.4.
const (
	opUnreachable  = 0x00
	opNop          = 0x01
	opBlock        = 0x02
	opLoop         = 0x03
	opIf           = 0x04
	opElse         = 0x05
	opEnd          = 0x0b
	opBr           = 0x0c
	opBrIf         = 0x0d
	opBrTable      = 0x0e
	opReturn       = 0x0f
	opCall         = 0x10
	opCallIndirect = 0x11
	opDrop         = 0x1a
	opSelect       = 0x1b
	opSelectTyped  = 0x1c
	opLocalGet     = 0x20
	opLocalSet     = 0x21
	opLocalTee     = 0x22
	opGlobalGet    = 0x23
	opGlobalSet    = 0x24
	opTableGet     = 0x25
	opTableSet     = 0x26
	opI32Load      = 0x28
	opI64Store32   = 0x3e
	opMemorySize   = 0x3f
	opMemoryGrow   = 0x40
	opI32Const     = 0x41
	opI64Const     = 0x42
	opF32Const     = 0x43
	opF64Const     = 0x44
	opI32Eqz       = 0x45
	opI32GtU       = 0x4b
	opI64LtS       = 0x53
	opI64GtU       = 0x56
	opI32Add       = 0x6a
	opI32Sub       = 0x6b
	opI64Add       = 0x7c
	opI64Sub       = 0x7d
	opI64Shl       = 0x86
	opI64ShrU      = 0x88
	opI64ExtendU   = 0xad
	opI64Extend32S = 0xc4
	opRefNull      = 0xd0
	opRefIsNull    = 0xd1
	opRefFunc      = 0xd2
	opMisc         = 0xfc
	opVector       = 0xfd
	blockEmpty     = 0x40 // a block type, not an opcode
)

// Opcodes behind opMisc.
const (
	miscMemoryInit = 8
	miscDataDrop   = 9
	miscMemoryCopy = 10
	miscMemoryFill = 11
	miscTableInit  = 12
	miscElemDrop   = 13
	miscTableCopy  = 14
	miscTableGrow  = 15
	miscTableSize  = 16
	miscTableFill  = 17
)

const vecConst = 0x0c // behind opVector

// operands says what follows an opcode in the code.
type operands uint8

const (
	unknown operands = iota
	none
	blockType
	label
	labels
	function
	typeAndTable
	types
	local
	global
	tableIndex
	memoryAccess
	memoryZero
	signed32
	signed64
	bytes4
	bytes8
	refType
	misc
	vector
	elseMark
	endMark
)

var operandsOf = func() (t [256]operands) {
	set := func(from, to int, o operands) {
		for op := from; op <= to; op++ {
			t[op] = o
		}
	}
	set(opUnreachable, opNop, none)
	set(opBlock, opIf, blockType)
	set(opElse, opElse, elseMark)
	set(opEnd, opEnd, endMark)
	set(opBr, opBrIf, label)
	set(opBrTable, opBrTable, labels)
	set(opReturn, opReturn, none)
	set(opCall, opCall, function)
	set(opCallIndirect, opCallIndirect, typeAndTable)
	set(opDrop, opSelect, none)
	set(opSelectTyped, opSelectTyped, types)
	set(opLocalGet, opLocalTee, local)
	set(opGlobalGet, opGlobalSet, global)
	set(opTableGet, opTableSet, tableIndex)
	set(opI32Load, opI64Store32, memoryAccess)
	set(opMemorySize, opMemoryGrow, memoryZero)
	set(opI32Const, opI32Const, signed32)
	set(opI64Const, opI64Const, signed64)
	set(opF32Const, opF32Const, bytes4)
	set(opF64Const, opF64Const, bytes8)
	set(opI32Eqz, opI64Extend32S, none)
	set(opRefNull, opRefNull, refType)
	set(opRefIsNull, opRefIsNull, none)
	set(opRefFunc, opRefFunc, function)
	set(opMisc, opMisc, misc)
	set(opVector, opVector, vector)
	return t
}()

// vecOperands says what follows an opcode behind opVector.
type vecOperands uint8

const (
	vecUnknown vecOperands = iota
	vecNone
	vecAccess
	vecAccessLane
	vecLane
	vecBytes16
)

var vecOperandsOf = func() (t [256]vecOperands) {
	for op := range t {
		t[op] = vecNone
	}
	set := func(from, to int, o vecOperands) {
		for op := from; op <= to; op++ {
			t[op] = o
		}
	}
	set(0x00, 0x0b, vecAccess)
	set(vecConst, 0x0d, vecBytes16) // v128.const, i8x16.shuffle
	set(0x15, 0x22, vecLane)
	set(0x54, 0x5b, vecAccessLane)
	set(0x5c, 0x5d, vecAccess)
	for _, op := range []int{0x9a, 0xa2, 0xa5, 0xa6, 0xaf, 0xb0, 0xb2, 0xb3, 0xb4, 0xbb, 0xc2, 0xc5, 0xc6,
		0xcf, 0xd0, 0xd2, 0xd3, 0xd4, 0xe2, 0xee} {
		t[op] = vecUnknown
	}
	return t
}()

// proposal names the feature that an unknown opcode belongs to, so that the
// author knows what to switch off.
func proposal(op byte) string {
	switch {
	case op >= 0x06 && op <= 0x0a, op == 0x18, op == 0x19, op == 0x1f:
		return "exceptions"
	case op == 0x12, op == 0x13:
		return "tail calls"
	case op == 0x14, op == 0x15, op >= 0xd3 && op <= 0xd6:
		return "typed function references and GC"
	case op == 0xfb:
		return "GC"
	case op == 0xfe:
		return "threads"
	}
	return ""
}
