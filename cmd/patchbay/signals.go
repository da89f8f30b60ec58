package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// stops are the two ways in which a person or a supervisor ends a command.
type stops struct {
	// soft ends with the first SIGINT or SIGTERM: finish what runs.
	soft context.Context
	// hard ends with the second: leave at once.
	hard context.Context
}

// watchSignals returns contexts that follow the signals. The third signal ends
// the process as if nobody were listening. release lets go of the signals.
func watchSignals() (s stops, release func()) {
	soft, endSoft := context.WithCancel(context.Background())
	hard, endHard := context.WithCancel(context.Background())
	c := make(chan os.Signal, 2)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for _, end := range []func(){endSoft, endHard} {
			select {
			case <-c:
				end()
			case <-over:
				return
			}
		}
		signal.Stop(c)
	}()
	return stops{soft: soft, hard: hard}, func() {
		signal.Stop(c)
		close(over)
		<-done
		endSoft()
		endHard()
	}
}
