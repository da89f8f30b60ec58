// Package crash kills a server in the middle of refreshes, again and again, and
// looks after each time whether a credential was lost.
//
// A round starts a process of its own, with the real manager on the real store
// and an executor that refreshes at a strict server: a refresh token is good for
// one use, and a second use revokes all that came from the login. The process is
// killed with SIGKILL at a named point of R2 to R4 of the protocol, at a random
// moment, after its disk has failed, or told to stop; or its files are damaged
// before it starts. Then the store is opened and asked: for each credential it
// must hold a refresh token that the server accepts, or say that it cannot know.
package crash
