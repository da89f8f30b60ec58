package crash

import (
	"bytes"
	"fmt"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// childEnv makes the test binary a child.
const childEnv = "PATCHBAY_DEV_TEST_CRASH_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		if err := Child(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func options(rounds int) Options {
	return Options{Child: []string{os.Args[0], "-test.run=^$"}, Env: []string{childEnv + "=1"}, Rounds: rounds, Seed: 1}
}

// TestS01NothingIsLost kills at each point once, and does all else that a run
// does; make crash does it hundreds of times.
func TestS01NothingIsLost(t *testing.T) {
	r, err := Run(t.Context(), options(len(points)+otherEach))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Lost) > 0 {
		t.Errorf("lost: %q", r.Lost)
	}
	for _, p := range points {
		if r.ByName[p] != 1 {
			t.Errorf("%s: %d kills", p, r.ByName[p])
		}
	}
	if r.Rotated == 0 || r.Kills < len(points) {
		t.Errorf("%+v", r)
	}
}

// TestStops: however a server is stopped in the middle of refreshes, nothing is
// lost; told to, it ends what it began.
func TestStops(t *testing.T) {
	for name, kinds := range map[string][]kind{
		"D-02 SIGTERM":                      {terminate, terminate, terminate},
		"D-03 a second SIGTERM":             {insist, insist, insist},
		"D-04 SIGKILL":                      {killRandom, killRandom, killRandom},
		"S-03 no room":                      {noRoomJournal, noRoomFile, shortWrite, fullDisk, fullDisk},
		"S-04 a failed fsync":               {fsyncJournal, fsyncFile},
		"S-05 S-07 damage before the start": {metaLost, killRandom, metaLost, bitFlip, truncated},
	} {
		t.Run(name, func(t *testing.T) {
			var rounds []round
			for _, k := range kinds {
				rounds = append(rounds, round{kind: k})
			}
			r, err := runAll(t.Context(), options(0), rand.New(rand.NewPCG(2, 1)), rounds)
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Lost) > 0 || r.Rounds != len(kinds) {
				t.Errorf("%+v", r)
			}
		})
	}
}

// TestS01WithoutR2ATokenIsLost: it is the intent that makes the difference.
func TestS01WithoutR2ATokenIsLost(t *testing.T) {
	o := options(3)
	o.WithoutR2 = true
	r, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Lost) == 0 {
		t.Error("nothing was lost")
	}
	var out bytes.Buffer
	if err := Print(&out, r); err != nil || !strings.Contains(out.String(), "LOST round") || !strings.Contains(out.String(), "3 rounds, 3 kills, ") {
		t.Errorf("%v\n%s", err, &out)
	}
}

// TestBboltHasOurPoints: its marks are where they are looked for.
func TestBboltHasOurPoints(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", bboltModule).Output()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	tx, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "tx.go"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "tx.go")
	if err := os.WriteFile(path, tx, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := patchBbolt(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, filepath.Join(dir, "failat.go")} {
		if _, err := parser.ParseFile(token.NewFileSet(), name, nil, 0); err != nil {
			t.Error(err)
		}
	}
	if err := patchBbolt(dir); err == nil {
		t.Error("marks that are gone were found")
	}
	for _, k := range bboltKinds {
		if bboltOrders[k] == "" {
			t.Errorf("%s has no order", k)
		}
	}
}

// TestPlan: 500 rounds kill at least 20 times at each point, and do each other
// thing at least ten times.
func TestPlan(t *testing.T) {
	count := map[string]int{}
	for _, r := range plan(500, points, others, rand.New(rand.NewPCG(1, 1))) {
		count[r.name()]++
	}
	for _, p := range points {
		if count[p] < 20 {
			t.Errorf("%s: %d", p, count[p])
		}
	}
	for _, k := range others {
		if count[string(k)] < 10 {
			t.Errorf("%s: %d", k, count[string(k)])
		}
	}
	if got := len(plan(25, points, others, rand.New(rand.NewPCG(1, 1)))); got != 25 {
		t.Errorf("%d rounds", got)
	}
}
