package evidence

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// This file holds the probes that only read files, most of them described in
// proc(5). What cannot be read yet, or no longer, has no value.

func (s Subject) proc(name string) string {
	return filepath.Join("/proc", strconv.Itoa(s.Pid), name)
}

// link is a symbolic link of the process: ns/uts, cwd, exe.
func link(fact, name string) probe {
	return probe{fact: fact, read: func(s Subject) (string, []string) {
		target, err := os.Readlink(s.proc(name))
		if s.Pid == 0 || err != nil {
			return s.proc(name), nil
		}
		return s.proc(name), []string{target}
	}}
}

func namespace(kind string) probe { return link(kind+" namespace", "ns/"+kind) }

// status is lines of /proc/PID/status, a fact each.
func status(keys ...string) []probe {
	var probes []probe
	for _, key := range keys {
		probes = append(probes, probe{fact: key, read: func(s Subject) (string, []string) {
			return s.proc("status"), field(s.lines(s.proc("status")), key)
		}})
	}
	return probes
}

// ofMonitor has probes look at the monitor instead of the first process.
func ofMonitor(probes []probe) []probe {
	for i := range probes {
		read := probes[i].read
		probes[i].read = func(s Subject) (string, []string) {
			s.Pid = s.Monitor
			return read(s)
		}
	}
	return probes
}

// field is what stands behind "KEY:" in lines.
func field(lines []string, key string) []string {
	for _, l := range lines {
		if value, ok := strings.CutPrefix(l, key+":"); ok {
			return []string{strings.Join(strings.Fields(value), " ")}
		}
	}
	return nil
}

// count says how many rows a file has.
func count(fact, name string) probe {
	return probe{fact: fact, read: func(s Subject) (string, []string) {
		if n := len(s.lines(s.proc(name))); n > 0 {
			return s.proc(name), []string{strconv.Itoa(n)}
		}
		return s.proc(name), nil
	}}
}

// rows are the lines of a file of the process.
func rows(fact, name string) probe {
	return probe{fact: fact, list: true, read: func(s Subject) (string, []string) {
		var all []string
		for _, l := range s.lines(s.proc(name)) {
			all = append(all, strings.Join(strings.Fields(l), " "))
		}
		return s.proc(name), all
	}}
}

// directory lists the names in a directory of the container.
func directory(fact, path string) probe {
	return probe{fact: fact, read: func(s Subject) (string, []string) {
		return listed(s.inMerged(path))
	}}
}

// fds are the open files of the process.
func fds() probe {
	return probe{fact: "open files", read: func(s Subject) (string, []string) {
		var open []string
		_, names := listed(s.proc("fd"))
		for _, n := range names {
			to, err := os.Readlink(s.proc("fd/" + n))
			if err != nil && s.ended() { // while we read
				return s.proc("fd"), nil
			}
			if err == nil {
				open = append(open, n+"→"+to)
			}
		}
		return s.proc("fd"), open
	}}
}

// session is the session and the controlling terminal: the sixth and seventh
// field of /proc/PID/stat.
func session() probe {
	return probe{fact: "session, terminal", read: func(s Subject) (string, []string) {
		f := s.stat()
		if len(f) < 5 {
			return s.proc("stat"), nil
		}
		terminal := "none"
		if n, err := strconv.Atoi(f[4]); err == nil && n != 0 {
			terminal = fmt.Sprintf("%d:%d", n>>8&0xfff, n&0xff|n>>12&0xfff00)
		}
		return s.proc("stat"), []string{f[3], terminal}
	}}
}

// content is a file of the process that holds one line.
func content(name string) probe {
	return probe{fact: name, read: func(s Subject) (string, []string) { return s.proc(name), lines(s.proc(name)) }}
}

// loopback is what the routing table of the process's network knows of 127.0.0.1.
func loopback() probe {
	return probe{fact: "127.0.0.1", read: func(s Subject) (string, []string) {
		all := s.lines(s.proc("net/fib_trie"))
		for i, l := range all {
			if strings.HasSuffix(l, "127.0.0.1") && i+1 < len(all) {
				return s.proc("net/fib_trie"), []string{strings.TrimSpace(all[i+1])}
			}
		}
		return s.proc("net/fib_trie"), nil
	}}
}

// devices are the interfaces of the process's network.
func devices() probe {
	return probe{fact: "interfaces", read: func(s Subject) (string, []string) {
		var names []string
		for _, l := range s.lines(s.proc("net/dev")) {
			if name, _, ok := strings.Cut(l, ":"); ok {
				names = append(names, strings.TrimSpace(name))
			}
		}
		return s.proc("net/dev"), names
	}}
}

// files are what a directory of the machine holds.
func files(fact string, dir func(Subject) string) probe {
	return probe{fact: fact, read: func(s Subject) (string, []string) {
		if dir(s) == "" {
			return "", nil
		}
		return listed(dir(s))
	}}
}

func listed(dir string) (string, []string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return dir, nil
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return dir, names
}

// A fileCache remembers files of /proc, each of which costs the kernel a while to
// write, for as long as one look takes. A nil one reads every time.
type fileCache map[string][]string

// lines are those of a file, without the last newline; nil if it cannot be read.
func (s Subject) lines(file string) []string {
	if all, known := s.files[file]; known {
		return all
	}
	all := lines(file)
	if s.files != nil {
		s.files[file] = all
	}
	return all
}

func lines(file string) []string {
	text := strings.TrimSpace(readAll(file))
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
