// Package bench measures Patchbay against httputil.ReverseProxy on one machine:
// load generator, upstream and targets each in a process of their own, over TCP
// on loopback, the targets in turns so that a disturbance meets all of them.
// What is judged is the median of ratios within a round, never a time.
//
// It reads /proc, so it runs on linux; elsewhere Run returns ErrPlatform.
package bench
