// Package boltstore keeps credentials, and the sealed records of other rooms,
// in one bbolt file. It is the auth.Store that ships.
//
// # What lies on disk
//
// Three files stand side by side: the store (patchbay.db), the key file
// (patchbay.key) and the identity file (patchbay.id).
//
// The store has the buckets auths, client_keys, cooldowns, plugins and meta.
// The bbolt key of a record is its id, which stays readable: never make an id
// of a secret. The value is sealed before it is given to bbolt, so no page, not
// even a free one, ever holds plaintext:
//
//	offset  size  what
//	0       1     format, 1
//	1       4     id of the key that sealed it, big endian
//	5       8     generation, big endian
//	13      …     AEAD ciphertext (the key set says which; a new one is XChaCha20-Poly1305)
//
// The associated data are the 13 bytes of that header, then the bucket and the
// id, each after its length as four bytes big endian. So a value cannot be
// moved to another id or bucket, nor its generation changed.
//
// The bucket meta holds, in the clear, schema (a decimal number) and store (the
// id of this store, 32 hex digits, the same as in the identity file); head, a
// sealed record with the last generation that was given out; and the bucket
// generations: bucket, a zero byte, id → the generation of the record that
// stands there, eight bytes big endian.
//
// # Generations
//
// Every write of the store takes the next generation, so the generation of a
// record rises on each of its writes, also across a delete and a new record
// under the old id. A record that is older than meta/generations says, that is
// missing, or that came back after it was deleted, is reported as corrupt. If
// the newest of bbolt's two meta pages is lost, bbolt opens the file one
// transaction back, with records and generations alike: within one file that
// cannot be seen.
//
// # The key file and the identity file
//
// The key file is a Tink key set in JSON, made on the first start, mode 0600.
// Whoever has it and the store has every secret. A store with records is never
// given a new key. The identity file says that a store exists: if the store is
// missing or empty beside it, Open refuses, instead of starting an empty one.
package boltstore
