package crash

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/patchbay-dev/patchbay/boltstore"
	"github.com/patchbay-dev/patchbay/host/auth"
	"github.com/patchbay-dev/patchbay/host/testkit/oauth"
)

const (
	storeName   = "patchbay.db"
	journalName = "patchbay.journal"
	// patience is how long a child may take for what it was told.
	patience = 30 * time.Second
	// failEvery is how often the server refuses, so that refreshes are aborted too.
	failEvery = 9
)

// Options say what to run.
type Options struct {
	// Child is the command that runs Child.
	Child []string
	// Env is added to the child's environment.
	Env []string
	// Rounds is how many processes are started.
	Rounds int
	// Seed makes the plan; the moments of random kills differ all the same.
	Seed uint64
	// WithoutR2 takes the intent out of the protocol, to show what it is good for.
	WithoutR2 bool
	// Bbolt says that Child is one of BuildWithBbolt, which can fail inside bbolt.
	Bbolt bool
	// Progress is told of each tenth of the rounds; nil means nobody is.
	Progress io.Writer
}

// Report is what came of it.
type Report struct {
	Rounds, Kills int
	// ByName counts the rounds of each kind and the kills at each point, in order.
	Names  []string
	ByName map[string]int
	// Unsure is how often a credential's store said that it cannot know, Logins how
	// often one had to be logged in again, Rotated how many refreshes there were.
	Unsure, Logins, Rotated int
	// SlowestStart is the longest that a process took from its start to serving.
	SlowestStart time.Duration
	// Lost says what was lost, and when.
	Lost []string
}

// run is a run of many rounds on one store.
type run struct {
	opts   Options
	dir    string
	server *oauth.Server
	base   string
	random *rand.Rand
	ids    []string
	// open are the refreshes that the last round left open.
	open   []string
	report *Report
}

// Run runs the rounds. An error is a round that could not be run as planned; what
// was lost stands in the report.
func Run(ctx context.Context, o Options) (*Report, error) {
	at := points
	if o.WithoutR2 {
		at = []string{answerUnread, answerRead, in(boltstore.OpCommit, boltstore.BeforeJournal)}
	}
	random := rand.New(rand.NewPCG(o.Seed, 1))
	kinds := others
	if o.Bbolt {
		kinds = slices.Concat(others, bboltKinds)
	}
	return runAll(ctx, o, random, plan(o.Rounds, at, kinds, random))
}

// runAll runs rounds on one store.
func runAll(ctx context.Context, o Options, random *rand.Rand, all []round) (_ *Report, err error) {
	dir, err := os.MkdirTemp("", "patchbay-crash-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	r := &run{
		opts: o, dir: dir, server: &oauth.Server{FailEvery: failEvery}, random: random,
		ids: []string{"cred-a", "cred-b", "cred-c", "cred-d"}, report: &Report{ByName: map[string]int{}},
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	srv := &http.Server{Handler: r.server, ReadHeaderTimeout: patience}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	defer func() {
		err = errors.Join(err, srv.Close())
		if e := <-served; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
	}()
	r.base = "http://" + ln.Addr().String()
	if err := r.login(ctx, r.ids); err != nil {
		return nil, err
	}
	defer func() { r.report.Rotated, _ = r.server.Stats() }()
	for i, round := range all {
		if err := ctx.Err(); err != nil {
			return r.report, err
		}
		if err := r.round(ctx, round); err != nil {
			return r.report, fmt.Errorf("round %d, %s: %w", i+1, round.name(), err)
		}
		if tenth := max(len(all)/10, 1); o.Progress != nil && (i+1)%tenth == 0 {
			fmt.Fprintf(o.Progress, "%d/%d rounds, %d lost\n", i+1, len(all), len(r.report.Lost))
		}
	}
	return r.report, nil
}

func (r *run) path() string { return filepath.Join(r.dir, storeName) }

// login gives credentials new tokens.
func (r *run) login(ctx context.Context, ids []string) (err error) {
	store, err := boltstore.Open(ctx, boltstore.Options{Path: r.path()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	for _, id := range ids {
		t := r.server.Login()
		a := &auth.Auth{ID: id, Provider: provider, Status: auth.StatusActive, Metadata: map[string]any{
			"access_token": t.Access, "refresh_token": t.Refresh,
		}}
		if _, err := store.Save(ctx, a); err != nil {
			return err
		}
	}
	return nil
}

// round runs one round and looks at what is left.
func (r *run) round(ctx context.Context, round round) error {
	r.report.Rounds++
	if !slices.Contains(r.report.Names, round.name()) {
		r.report.Names = append(r.report.Names, round.name())
	}
	if round.kind == truncated {
		r.report.ByName[round.name()]++
		return r.cut(ctx)
	}
	var flipped string
	switch round.kind {
	case metaLost:
		if err := zeroNewestMeta(r.path()); err != nil {
			return err
		}
		if err := r.look(ctx, round, "", false); err != nil { // before anybody writes
			return err
		}
	case bitFlip:
		flipped = r.ids[r.random.IntN(len(r.ids))]
		if err := flipBit(r.path(), flipped); err != nil {
			return err
		}
	}
	clean, err := r.process(ctx, round)
	if err != nil {
		return err
	}
	r.report.ByName[round.name()]++
	return r.look(ctx, round, flipped, clean)
}

// look opens the store, judges, and mends what a person would.
func (r *run) look(ctx context.Context, round round, flipped string, clean bool) error {
	v, err := r.judge(ctx)
	if err != nil {
		return err
	}
	for _, what := range v.lost {
		r.report.Lost = append(r.report.Lost, fmt.Sprintf("round %d, %s: %s", r.report.Rounds, round.name(), what))
	}
	want := []string{}
	if flipped != "" {
		want = append(want, flipped)
	}
	if !slices.Equal(v.damaged, want) {
		return fmt.Errorf("damaged are %q, want %q", v.damaged, want)
	}
	if clean { // D-02: what it began it has ended
		for _, id := range v.open {
			if !slices.Contains(r.open, id) {
				return fmt.Errorf("it stopped with the refresh of %s open", id)
			}
		}
	}
	r.open = v.open
	r.report.Unsure += len(v.unsure)
	again := append(v.damaged, v.revoked...)
	if len(v.unsure) > 1 {
		again = append(again, v.unsure[1:]...) // one is left for the next process to find out
	}
	for _, what := range v.lost {
		again = append(again, what[:len(r.ids[0])])
	}
	slices.Sort(again)
	if again = slices.Compact(again); len(again) > 0 {
		r.report.Logins += len(again)
		return r.login(ctx, again)
	}
	return nil
}

// cut cuts the store somewhere. It has to be refused and left alone, unless only
// pages are gone that held nothing.
func (r *run) cut(ctx context.Context) error {
	whole, err := os.ReadFile(r.path())
	if err != nil {
		return err
	}
	cut := whole[:1+r.random.IntN(len(whole)-1)]
	if err := os.WriteFile(r.path(), cut, 0o600); err != nil {
		return err
	}
	v, err := r.judge(ctx)
	switch {
	case err == nil && v.good+len(v.unsure) != len(r.ids):
		return fmt.Errorf("cut to %d of %d bytes, it held %d credentials", len(cut), len(whole), v.good)
	case err != nil && !errors.Is(err, boltstore.ErrDamaged):
		return err
	case err != nil:
		after, err := os.ReadFile(r.path())
		if err != nil {
			return err
		}
		if !bytes.Equal(cut, after) {
			return errors.New("half a store was changed")
		}
	}
	return os.WriteFile(r.path(), whole, 0o600)
}

// judge opens the store and judges.
func (r *run) judge(ctx context.Context) (v verdict, err error) {
	store, err := boltstore.Open(ctx, boltstore.Options{Path: r.path()})
	if err != nil {
		return v, fmt.Errorf("open the store: %w", err)
	}
	v, err = judge(ctx, store, r.server, r.ids)
	if closed := store.Close(); err == nil {
		err = closed
	}
	return v, err
}

// process starts a child and ends it as the round says. clean reports whether it
// stopped by itself when it was told to.
func (r *run) process(ctx context.Context, round round) (clean bool, err error) {
	o := order{Dir: r.dir, Server: r.base, Point: round.point, Nth: round.nth, WithoutR2: r.opts.WithoutR2}
	faulty := false
	switch round.kind {
	case noRoomJournal, shortWrite, noRoomFile, fullDisk, fsyncJournal, fsyncFile:
		o.Fault, o.Nth, faulty = round.kind, 1+r.random.IntN(4), true
	}
	raw, err := json.Marshal(o)
	if err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, r.opts.Child[0], r.opts.Child[1:]...)
	cmd.Env = append(os.Environ(), r.opts.Env...)
	within := bboltOrders[round.kind]
	if within != "" { // some commits belong to the start
		cmd.Env = append(cmd.Env, fmt.Sprintf("%s=%s %d", bboltEnv, within, 3+r.random.IntN(12)))
	}
	faulty = faulty || strings.HasPrefix(within, "fail")
	cmd.Stdin = bytes.NewReader(raw)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		return false, err
	}
	if err := cmd.Start(); err != nil {
		return false, err
	}
	lines, began := bufio.NewScanner(out), time.Now()
	for lines.Scan() {
		said := lines.Text()
		if said == saidReady {
			r.report.SlowestStart = max(r.report.SlowestStart, time.Since(began))
		}
		switch {
		case round.point != "", within != "" && !faulty: // it ends itself
		case said == saidFault, said == saidReady && !faulty:
			r.end(ctx, round.kind, cmd.Process)
		}
	}
	err = cmd.Wait()
	if ctx.Err() != nil {
		return false, fmt.Errorf("it was not over after %v", patience)
	}
	if round.kind == terminate {
		if err != nil {
			return false, fmt.Errorf("told to stop, it failed: %w\n%s", err, &errs)
		}
		return true, nil
	}
	if killed(err) {
		r.report.Kills++
	} else if round.kind != insist {
		return false, fmt.Errorf("it ended by itself: %w\n%s", err, &errs)
	}
	return false, nil
}

// end ends a process at a random moment from now.
func (r *run) end(ctx context.Context, k kind, p *os.Process) {
	select {
	case <-time.After(time.Duration(r.random.IntN(60_000)) * time.Microsecond):
	case <-ctx.Done():
	}
	// What is gone already needs no signal.
	switch k {
	case terminate:
		_ = p.Signal(syscall.SIGTERM)
	case insist:
		_ = p.Signal(syscall.SIGTERM)
		_ = p.Signal(syscall.SIGTERM)
	default:
		_ = p.Kill()
	}
}
