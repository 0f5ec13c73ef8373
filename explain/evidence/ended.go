package evidence

import "strings"

// This file is about a process that may have ended before anybody could look.

// own reports whether a path is one of the process's in /proc.
func (s Subject) own(path string) bool { return strings.HasPrefix(path, s.proc("")+"/") }

// ended reports whether the process has ended. As a zombie it still has its name and
// its numbers, and nothing else.
func (s Subject) ended() bool {
	state := strings.Join(field(lines(s.proc("status")), "State"), "")
	return state == "" || strings.HasPrefix(state, "Z") || strings.HasPrefix(state, "X")
}
