package host

import (
	"context"
	"time"
)

// Clock is the manager's time: what it compares deadlines with, and what it
// waits by. Implementations must be safe for concurrent use.
type Clock interface {
	Now() time.Time
	// Sleep returns after d, or with the error of ctx as soon as that ends.
	Sleep(ctx context.Context, d time.Duration) error
}

// wallClock is the time of the machine.
type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }

func (wallClock) Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
