package caps

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// A State is the five sets of one thread (capabilities(7), "Thread capability sets").
type State struct {
	Inheritable, Permitted, Effective, Bounding, Ambient Set
}

// ParseStatus reads the five sets out of /proc/PID/status (proc_pid_status(5)): what
// the kernel says a process may do, to hold against what it was given. Ambient is
// empty where the kernel is older than 4.3 and has no such line.
func ParseStatus(r io.Reader) (State, error) {
	var s State
	fields := []struct {
		key   string
		set   *Set
		found bool
	}{
		{key: "CapInh", set: &s.Inheritable},
		{key: "CapPrm", set: &s.Permitted},
		{key: "CapEff", set: &s.Effective},
		{key: "CapBnd", set: &s.Bounding},
		{key: "CapAmb", set: &s.Ambient, found: true},
	}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), ":")
		for i := range fields {
			f := &fields[i]
			if f.key != key {
				continue
			}
			v, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
			if err != nil {
				return State{}, fmt.Errorf("read %s: %w", key, err)
			}
			*f.set, f.found = Set(v), true
		}
	}
	if err := lines.Err(); err != nil {
		return State{}, fmt.Errorf("read status: %w", err)
	}
	for _, f := range fields {
		if !f.found {
			return State{}, fmt.Errorf("read status: no line %s", f.key)
		}
	}
	return s, nil
}
