package guest

import "github.com/patchbay-dev/patchbay/abi"

// Debug writes a line to the operator's log. Lines are cut and counted by the
// host.
func Debug(message string) { log(abi.LogLevelDebug, message) }

// Info writes a line to the operator's log.
func Info(message string) { log(abi.LogLevelInfo, message) }

// Warn writes a line to the operator's log.
func Warn(message string) { log(abi.LogLevelWarn, message) }

// Error writes a line to the operator's log.
func Error(message string) { log(abi.LogLevelError, message) }
