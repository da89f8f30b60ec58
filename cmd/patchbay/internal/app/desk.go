package app

import (
	"context"
	"sync"

	"github.com/patchbay-dev/patchbay/host/admin"
	"github.com/patchbay-dev/patchbay/host/telemetry"
)

// desk is what an operator's commands need beside the rooms of an App.
type desk struct {
	// keying serialises changes of the client keys, importing imports: each
	// looks at what is stored before it writes.
	keying, importing sync.Mutex
	failures          *failures
	// tail is the log's; nil when this process keeps none.
	tail *telemetry.Tail
	// redact takes live secrets out of a text.
	redact func(string) string
}

func newDesk(o Options) desk {
	redact := o.Redact
	if redact == nil {
		redact = func(s string) string { return s }
	}
	return desk{failures: new(failures), tail: o.Tail, redact: redact}
}

// Logs gives the newest lines of the server's log, and with follow those that
// come.
func (a *App) Logs(ctx context.Context, follow bool, emit func(admin.LogLine) error) error {
	if a.tail == nil {
		return &admin.Error{Code: admin.CodeUnavailable, Message: "no server is running on this data directory, and only a server has a log: start one with patchbay serve"}
	}
	if !follow {
		for _, l := range a.tail.Recent() {
			if err := emit(admin.LogLine{Line: l}); err != nil {
				return err
			}
		}
		return nil
	}
	f := a.tail.Follow()
	defer f.Close()
	for {
		l, dropped, err := f.Next(ctx)
		if err != nil {
			return err
		}
		if err := emit(admin.LogLine{Line: l, Dropped: dropped}); err != nil {
			return err
		}
	}
}
