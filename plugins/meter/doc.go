// Package meter rewrites a WebAssembly module so that it pays for what it
// runs. Go can't preempt compiled WebAssembly, so a module has to come back to
// the host by itself: the rewrite adds a counter to it, charges the counter
// where the module loops, calls or moves memory, and calls the host when the
// counter is used up.
//
// # What is charged
//
// A function's entry costs the weight of its instructions outside loops, and
// the head of a loop, at each turn, the weight of the loop's instructions
// outside the loops within it. So every path that can repeat, by a branch back
// or by recursion, passes a charge, and what lies between two charges is
// straight-line code that was paid for in advance. See cost.go for weights. An
// instruction that moves a run of bytes is also charged by its length, before
// it runs: one unit for each 4 bytes of memory, or 64 of a table. What moves
// memory is done in pieces, each with its own charge: see moves.go.
//
// # What is added
//
// Behind everything that the module has of its own, so that no index but those
// of its own functions changes:
//
//   - a function import, [YieldModule].[YieldName], of type () -> i64, behind
//     the imported functions. Indices of the module's own functions grow by one
//   - a mutable i64 global, the counter, which isn't exported and starts at
//     zero: a new instance yields at its first charge
//   - an immutable global for each function that ref.func names, which then reads
//     it: engines make a new reference at each ref.func and keep them all
//   - small functions: one that calls the import and stores what it returns in
//     the counter; three that charge by length: of bytes, of pages, of table
//     elements; and those which do memory.copy, memory.fill, and memory.init of
//     a long segment, in pieces
//   - the types of these, where the module lacks them
//
// A charge is: counter -= weight; if counter < 0 then counter = yield(). A debt
// is forgiven by the yield, since the host decides by the clock. Between two
// yields runs at most what one slice pays for and the one piece of memory, or
// table instruction, whose charge caused the first of them. Start functions are
// metered like all others, so the host must be able to serve yield while it
// instantiates.
//
// # Why a guest can't reach the counter
//
// Every instruction and every section is decoded against the index spaces of
// the original module: an index equal to that of something added is out of
// range and the module is refused. The decoder doesn't check operand types.
// The engine does, when it compiles the rewritten module, and the rewrite
// neither hides nor heals a type error: what is inserted leaves the operand
// stack as it was, a charge by length takes and gives back the i32 which the
// bulk instruction behind it needs in that place anyway, and a function that
// stands for an instruction has its type. So a module that the engine refuses
// is refused here or by the engine after the rewrite. The loader must compile
// what Rewrite returns, never the original.
//
// Where WebAssembly allows several encodings of one thing and engines differ in
// what they make of them (opcodes behind a prefix, block types, reserved
// bytes), only the shortest one is accepted, so that the decoder here and the
// engine's can't see different programs in the same bytes.
package meter
