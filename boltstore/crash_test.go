package boltstore

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// crashIDs is how many credentials the writer of the crash test keeps.
const crashIDs = 5

// writeForEver saves credentials one after the other and acknowledges each on
// its standard output, after Save has returned. It begins where the store is.
func writeForEver(path string) int {
	ctx := context.Background()
	s, err := Open(ctx, Options{Path: path, Timeout: 10 * time.Second})
	if err != nil {
		fmt.Println("error", err)
		return 1
	}
	next := int64(1)
	all, err := s.List(ctx)
	if err != nil {
		fmt.Println("error", err)
		return 1
	}
	for _, a := range all {
		next = max(next, a.Metadata["n"].(int64)+1)
	}
	for n := next; ; n++ {
		a := simple(fmt.Sprintf("id-%d", n%crashIDs), strings.Repeat("x", int(n%97)*50))
		a.Metadata["n"] = n
		if _, err := s.Save(ctx, a); err != nil {
			fmt.Println("error", err)
			return 1
		}
		if n%7 == 0 {
			if err := s.Delete(ctx, fmt.Sprintf("id-%d", (n+2)%crashIDs)); err != nil {
				fmt.Println("error", err)
				return 1
			}
			fmt.Println("deleted", (n+2)%crashIDs)
		}
		fmt.Println("saved", n)
	}
}

// TestKilledWriter kills a writing process again and again, the first time
// while it makes the store: what it acknowledged is there, and nothing is
// corrupt.
func TestKilledWriter(t *testing.T) {
	path := newPath(t)
	random := rand.New(rand.NewPCG(3, 4))
	acked := map[int64]int64{} // id → number of the last acknowledged save, 0 after a delete
	total := 0
	for round := range 25 {
		lines := killWriter(t, path, round, random)
		for _, line := range lines {
			what, number, _ := strings.Cut(line, " ")
			n, err := strconv.ParseInt(number, 10, 64)
			switch {
			case what == "saved" && err == nil:
				acked[n%crashIDs] = n
				total++
			case what == "deleted" && err == nil:
				acked[n] = 0
			default:
				t.Fatalf("round %d: the writer said %q", round, line)
			}
		}
		s := open(t, path)
		stored := map[int64]int64{}
		for _, a := range list(t, s) {
			n := a.Metadata["n"].(int64)
			stored[n%crashIDs] = n
			if a.ID != fmt.Sprintf("id-%d", n%crashIDs) || len(a.Metadata["access_token"].(string)) != int(n%97)*50 {
				t.Errorf("round %d: %s is mixed up", round, a.ID)
			}
		}
		closeStore(t, s)
		lastAcked := int64(0)
		for _, n := range acked {
			lastAcked = max(lastAcked, n)
		}
		for id, n := range acked {
			// One more operation may have been done and not acknowledged: the
			// save after the last, or the delete that follows a save.
			switch got := stored[id]; {
			case got == n, got == lastAcked+1:
			case got == 0 && (lastAcked+1)%7 == 0 && id == (lastAcked+3)%crashIDs:
			default:
				t.Errorf("round %d: id-%d holds %d, acknowledged was %d (last %d)", round, id, got, n, lastAcked)
			}
		}
		acked = stored
	}
	t.Logf("%d acknowledged saves", total)
	if total == 0 {
		t.Error("the writer never got to write")
	}
}

// killWriter runs the writer, kills it at a random moment and returns what it
// acknowledged. The even rounds wait for a number of lines first; the odd ones
// kill by time alone, which may be before the store is open.
func killWriter(t *testing.T, path string, round int, random *rand.Rand) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), childEnv+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
	}
	var lines []string
	scanner := bufio.NewScanner(out)
	if round%2 == 1 {
		time.AfterFunc(time.Duration(random.IntN(40_000))*time.Microsecond, kill)
	}
	wait := 1 + random.IntN(15)
	for scanner.Scan() {
		lines = append(lines, scanner.Text())
		if round%2 == 0 && len(lines) == wait {
			time.AfterFunc(time.Duration(random.IntN(3000))*time.Microsecond, kill)
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Errorf("round %d: the writer ended by itself", round)
	}
	return lines
}
