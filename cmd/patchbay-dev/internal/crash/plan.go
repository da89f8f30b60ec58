package crash

import (
	"math/rand/v2"

	"github.com/patchbay-dev/patchbay/boltstore"
)

// Places in the executor, between R2 and R4. Those in the store are an
// operation and a boltstore.Point, with a slash between.
const (
	beforeRequest = "request/before"
	// answerUnread: the server has rotated the token, and its answer is not read.
	answerUnread = "request/answered"
	answerRead   = "request/read"
)

func in(op string, p boltstore.Point) string { return op + "/" + string(p) }

// points are where a round kills, in the order of the protocol.
var points = []string{
	in(boltstore.OpBegin, boltstore.BeforeJournal), in(boltstore.OpBegin, boltstore.JournalWritten),
	in(boltstore.OpBegin, boltstore.JournalSynced), in(boltstore.OpBegin, boltstore.Committed),
	beforeRequest, answerUnread, answerRead,
	in(boltstore.OpCommit, boltstore.BeforeJournal), in(boltstore.OpCommit, boltstore.JournalWritten),
	in(boltstore.OpCommit, boltstore.JournalSynced), in(boltstore.OpCommit, boltstore.Committed),
	in(boltstore.OpConfirm, boltstore.BeforeJournal), in(boltstore.OpConfirm, boltstore.JournalSynced),
	in(boltstore.OpConfirm, boltstore.Committed),
	in(boltstore.OpAbort, boltstore.JournalSynced),
}

// kind is what a round does.
type kind string

// The kinds besides a kill at a point.
const (
	killRandom kind = "kill at random"
	terminate  kind = "SIGTERM"
	insist     kind = "SIGTERM twice"

	// The disk fails, and then the process is killed.
	noRoomJournal kind = "no room for the journal, kill"
	shortWrite    kind = "short write of the journal, kill"
	noRoomFile    kind = "no room for the file, kill"
	// fullDisk is a real limit of the system on the size of files.
	fullDisk     kind = "files may not grow, kill"
	fsyncJournal kind = "EIO at the journal's fsync, kill"
	fsyncFile    kind = "EIO at the file's fsync, kill"

	// The file is damaged before the start, and the process killed at random.
	metaLost  kind = "newest meta page zeroed, kill"
	bitFlip   kind = "bit of a value flipped, kill"
	truncated kind = "file truncated"
)

var others = []kind{
	killRandom, noRoomJournal, killRandom, terminate, noRoomFile, metaLost, fsyncJournal, killRandom,
	bitFlip, insist, shortWrite, fsyncFile, truncated, fullDisk,
}

// round is one round of the plan.
type round struct {
	kind kind
	// point is where to kill; then kind is empty. nth is at which time there.
	point string
	nth   int
}

func (r round) name() string {
	if r.point != "" {
		return r.point
	}
	return string(r.kind)
}

// otherEach is how many rounds follow on one at each point.
const otherEach = 8

// plan makes n rounds: one at each point, some others, and so on.
func plan(n int, points []string, others []kind, random *rand.Rand) []round {
	all := make([]round, 0, n)
	for next := 0; len(all) < n; {
		for _, p := range points {
			all = append(all, round{point: p, nth: 1 + random.IntN(4)})
		}
		for range otherEach {
			all = append(all, round{kind: others[next%len(others)]})
			next++
		}
	}
	return all[:n]
}
