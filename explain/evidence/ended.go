package evidence

import (
	"os"
	"strings"
)

// This file is about a process that may have ended before anybody could look.

// own reports whether a path is one of the process's in /proc.
func (s Subject) own(path string) bool { return strings.HasPrefix(path, s.proc("")+"/") }

// ended reports whether the process has ended, or is about to. The first thing that it
// gives up is its memory, and with that it has no program any more; its open files go
// later. As a zombie it still has its name and its numbers, and nothing else.
func (s Subject) ended() bool {
	_, err := os.Readlink(s.proc("exe"))
	return err != nil
}

// stat are the fields of /proc/PID/stat from the third on: what stands before is the
// number and the name, which may hold anything.
func (s Subject) stat() []string {
	text := readAll(s.proc("stat"))
	return strings.Fields(text[strings.LastIndex(text, ")")+1:])
}

// life is the state of the process. That there is none any more is a fact here, not a
// gap. Whoever gets the PID later was born at another time (field 22 of /proc/PID/stat).
func life() probe {
	born := ""
	return probe{fact: "State", ends: true, read: func(s Subject) (string, []string) {
		f := s.stat()
		if len(f) < 20 || born != "" && born != f[19] {
			return s.proc("status"), nil
		}
		born = f[19]
		return s.proc("status"), field(lines(s.proc("status")), "State")
	}}
}
