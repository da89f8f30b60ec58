// Package boltstore keeps credentials, and the sealed records of other rooms,
// in one bbolt file. It is the auth.RefreshStore that ships.
//
// # What lies on disk
//
// Four files stand side by side: the store (patchbay.db), its journal
// (patchbay.journal), the key file (patchbay.key) and the identity file
// (patchbay.id).
//
// The store has the buckets auths, client_keys, cooldowns, plugins, refreshes and
// meta.
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
// missing, or that came back after it was deleted, is reported as corrupt.
//
// # The journal
//
// If the newest of bbolt's two meta pages is lost, bbolt opens the file one
// transaction back, with records and generations alike: within one file that
// cannot be seen. So each write is appended to the journal first, sealed for this
// store and its generation, and fsynced; then comes bbolt's commit. At Open, the
// one of the higher generation is right: a store that went back, by one write or
// to an old copy, is brought forward, and a journal that is behind, torn or gone
// is made anew. The journal begins with the whole content, and is written anew
// when it has grown, so it alone is enough to make the store again.
//
//	offset  size  what
//	0       8     "PBJRNL1\n"
//	8       16    id of the store
//	24      …     entries: length (4, big endian), CRC-32C (4), sealed entry
//
// A sealed entry is a record as above, in the bucket "journal", under the id of
// the store, with the generation of its last change; see entry.
//
// # When the disk fails
//
// A write that finds no room changes nothing, and may be tried again; but a
// refreshed token that is in the journal stays there, and is in the file with the
// next write or the next start. After a failed fsync nobody knows what is on the
// disk, and a second fsync may lie: the store takes no more writes (ErrReadOnly),
// goes on reading, and a restart finds out.
//
// # The key file and the identity file
//
// The key file is a Tink key set in JSON, made on the first start, mode 0600. It
// may be somewhere else: see KeyFrom.
// Whoever has it and the store has every secret. A store with records is never
// given a new key. The identity file says that a store exists: if the store is
// missing or empty beside it, Open refuses, instead of starting an empty one.
package boltstore
