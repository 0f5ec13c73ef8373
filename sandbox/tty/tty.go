// Package tty makes the terminal of a container.
//
// The kernel offers pseudo-terminals: a pair of devices, the master in the
// hands of learnbox and the slave in those of the program, with line editing,
// echo and signals from keys in between (pty(7)). learnbox opens the pair in
// the container's own devpts, so that the program sees /dev/pts/0, and makes
// the slave the controlling terminal of a new session, which is what lets
// Ctrl-C reach it and job control work.
//
// Left out: keys to detach, which come with attach.
package tty

// A Size is a terminal's size in characters.
type Size struct {
	Rows uint16 `json:"rows"`
	Cols uint16 `json:"cols"`
}
