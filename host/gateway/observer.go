package gateway

import "time"

// Observer is told what the gateway does, on the goroutine of the request: it
// must not block. Questions about health are left out.
type Observer interface {
	// RequestBegan is called when a request came.
	RequestBegan()
	// StreamBegan is called when its answer becomes a stream.
	StreamBegan()
	// StreamEvent is called with the time between two pieces of a stream.
	StreamEvent(gap time.Duration)
	// RequestEnded is called once for each RequestBegan.
	RequestEnded(o Outcome)
}

// Outcome is what there is to say of a request that has ended.
type Outcome struct {
	// Route is the pattern that matched; empty for none.
	Route string
	// Model is the name that was asked for; empty when this server has no such
	// model, so that a client cannot make up values.
	Model string
	// Status of the answer; 499 when the client left before it.
	Status int
	// Stream: the answer was a stream.
	Stream bool
	// Attempts that were made at providers.
	Attempts int
	// FirstByte and Total are since the header came; FirstByte is 0 when
	// nothing was sent.
	FirstByte, Total time.Duration
}

// unobserved tells nobody.
type unobserved struct{}

func (unobserved) RequestBegan()             {}
func (unobserved) StreamBegan()              {}
func (unobserved) StreamEvent(time.Duration) {}
func (unobserved) RequestEnded(Outcome)      {}

// observe tells the observer how the exchange ended at now.
func (x *exchange) observe(now time.Time, status int) {
	o := Outcome{Route: x.route, Status: status, Stream: x.events != nil, Attempts: int(x.attempts.Load()), Total: now.Sub(x.start)}
	if x.known {
		o.Model = x.model
	}
	if !x.firstByte.IsZero() {
		o.FirstByte = x.firstByte.Sub(x.start)
	}
	x.gw.observer.RequestEnded(o)
}
