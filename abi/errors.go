package abi

import (
	"context"
	"strconv"
)

// Fault is why a call into a guest did not give an answer.
type Fault uint8

// The faults. Zero is not a fault; the numbers are not part of the contract.
const (
	// FaultTrap: the module trapped, exited or panicked.
	FaultTrap Fault = iota + 1
	// FaultDeadline: the call used up its time.
	FaultDeadline
	// FaultCanceled: the caller's context ended first.
	FaultCanceled
	// FaultProtocol: the output is not a legal answer to the op.
	FaultProtocol
	// FaultLimit: a cap on output, state, log or memory was passed.
	FaultLimit
	// FaultBusy: no instance became free in time.
	FaultBusy
	// FaultClosed: the plugin is closed or quarantined.
	FaultClosed
)

var faultNames = [...]string{"none", "trap", "deadline", "canceled", "protocol", "limit", "busy", "closed"}

// String returns the fault's name as logs and metrics show it.
func (f Fault) String() string {
	if int(f) < len(faultNames) {
		return faultNames[f]
	}
	return "fault(" + strconv.Itoa(int(f)) + ")"
}

// CallError says that a call into a guest gave no answer.
type CallError struct {
	// Plugin is the manifest's id.
	Plugin string
	Op     Op
	Fault  Fault
	// Detail is for the operator: a trap's text, or what rule was broken. It
	// never holds a secret, since a guest has none.
	Detail string
	Err    error
}

// Error names the plugin, the op and the fault.
func (e *CallError) Error() string {
	s := "plugin " + e.Plugin + ": " + e.Op.String() + ": " + e.Fault.String()
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *CallError) Unwrap() error { return e.Err }

// Is makes a deadline and a cancellation match their context errors.
func (e *CallError) Is(target error) bool {
	switch e.Fault {
	case FaultDeadline:
		return target == context.DeadlineExceeded
	case FaultCanceled:
		return target == context.Canceled
	}
	return false
}
