package boltstore

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"go.etcd.io/bbolt"
)

// schemaVersion is the version of the layout. A store with a higher one is
// refused; a lower one is migrated forward in one transaction, see migrate.
// Since version 2 there are the bucket refreshes and the journal.
const schemaVersion = 2

// The buckets of the file.
const (
	bucketAuths = "auths"
	bucketMeta  = "meta"
	// bucketRefreshes holds what the store knows of a credential's refreshes.
	bucketRefreshes = "refreshes"

	// ClientKeys, Cooldowns and Plugins are the buckets for Store.Records.
	ClientKeys = "client_keys"
	Cooldowns  = "cooldowns"
	Plugins    = "plugins"
)

// recordBuckets are the buckets of sealed records; those before the last are as
// old as the first schema.
var recordBuckets = []string{bucketAuths, ClientKeys, Cooldowns, Plugins, bucketRefreshes}

// bucketsOf lists the buckets of records that a schema has.
func bucketsOf(schema uint64) []string {
	if schema < 2 {
		return recordBuckets[:len(recordBuckets)-1]
	}
	return recordBuckets
}

// Keys in the bucket meta.
const (
	metaSchema      = "schema"
	metaStore       = "store"
	metaHead        = "head"
	metaGenerations = "generations"
)

// head is the sealed record that every write renews. It proves at Open that the
// key file belongs to the store.
type head struct {
	// Store is the id of the store.
	Store string `json:"store"`
	// Generation is the last one given out.
	Generation uint64 `json:"generation"`
}

// layout is what can be read of a store without its key.
type layout struct {
	// empty: bbolt's file has no bucket at all; a first start got no further.
	empty   bool
	schema  uint64
	store   string
	head    *header
	records bool
}

// readLayout reads and checks what is not sealed.
func readLayout(tx *bbolt.Tx, path string) (layout, error) {
	var l layout
	meta := tx.Bucket([]byte(bucketMeta))
	if meta == nil {
		if name, _ := tx.Cursor().First(); name != nil {
			return l, fail(ErrDamaged, path, "it has no bucket %q; %s", bucketMeta, hintRestore)
		}
		return layout{empty: true}, nil
	}
	schema, err := strconv.ParseUint(string(meta.Get([]byte(metaSchema))), 10, 32)
	if err != nil || schema == 0 {
		return l, fail(ErrDamaged, path, "its schema version cannot be read; %s", hintRestore)
	}
	if schema > schemaVersion {
		return l, fail(ErrNewerSchema, path, "it has schema %d, this version knows up to %d; install the newer version again", schema, schemaVersion)
	}
	l.schema = schema
	l.store = string(meta.Get([]byte(metaStore)))
	if !validStoreID(l.store) {
		return l, fail(ErrDamaged, path, "its id cannot be read; %s", hintRestore)
	}
	h, err := parseHeader(meta.Get([]byte(metaHead)))
	if err != nil || meta.Bucket([]byte(metaGenerations)) == nil {
		return l, fail(ErrDamaged, path, "its head record cannot be read; %s", hintRestore)
	}
	l.head = &h
	for _, name := range bucketsOf(schema) {
		b := tx.Bucket([]byte(name))
		if b == nil {
			return l, fail(ErrDamaged, path, "it has no bucket %q; %s", name, hintRestore)
		}
		if k, _ := b.Cursor().First(); k != nil {
			l.records = true
		}
	}
	if k, _ := meta.Bucket([]byte(metaGenerations)).Cursor().First(); k != nil {
		l.records = true
	}
	return l, nil
}

// establish writes what a store without records needs, with its head sealed
// anew: on the first start, or when the first start ended before the key file
// was on disk. It returns the id of the store.
func establish(tx *bbolt.Tx, seal *sealer, before layout) (string, error) {
	store := before.store
	var generation uint64
	if before.head != nil {
		generation = before.head.generation
	}
	if store == "" {
		store = newStoreID()
	}
	for _, name := range recordBuckets {
		if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
			return "", err
		}
	}
	meta, err := tx.CreateBucketIfNotExists([]byte(bucketMeta))
	if err != nil {
		return "", err
	}
	if _, err := meta.CreateBucketIfNotExists([]byte(metaGenerations)); err != nil {
		return "", err
	}
	if err := meta.Put([]byte(metaSchema), []byte(strconv.Itoa(schemaVersion))); err != nil {
		return "", err
	}
	if err := meta.Put([]byte(metaStore), []byte(store)); err != nil {
		return "", err
	}
	return store, writeHead(tx, seal, head{Store: store, Generation: generation})
}

// migrate brings a store of an older schema to this one.
func migrate(tx *bbolt.Tx) error {
	for _, name := range recordBuckets {
		if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
			return err
		}
	}
	return tx.Bucket([]byte(bucketMeta)).Put([]byte(metaSchema), []byte(strconv.Itoa(schemaVersion)))
}

func writeHead(tx *bbolt.Tx, seal *sealer, h head) error {
	plain, err := json.Marshal(h)
	if err != nil {
		return err
	}
	sealed, err := seal.seal(bucketMeta, metaHead, h.Generation, plain)
	if err != nil {
		return err
	}
	return tx.Bucket([]byte(bucketMeta)).Put([]byte(metaHead), sealed)
}

func readHead(tx *bbolt.Tx, seal *sealer) (head, error) {
	var h head
	plain, sealed, err := seal.open(bucketMeta, metaHead, tx.Bucket([]byte(bucketMeta)).Get([]byte(metaHead)))
	if err != nil {
		return h, err
	}
	if json.Unmarshal(plain, &h) != nil || h.Generation != sealed.generation {
		return h, errShape
	}
	return h, nil
}

// witness is the key of a record's generation in meta/generations.
func witness(bucket, id string) []byte {
	return fmt.Appendf(nil, "%s\x00%s", bucket, id)
}

func generationBytes(g uint64) []byte { return binary.BigEndian.AppendUint64(nil, g) }

func newStoreID() string {
	b := make([]byte, 16)
	rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

func validStoreID(id string) bool {
	raw, err := hex.DecodeString(id)
	return err == nil && len(raw) == 16 && id == strings.ToLower(id)
}
