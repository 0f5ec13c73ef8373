package texts

import (
	"fmt"
	"regexp"
	"strings"
)

// An Error explains a system call that failed.
type Error struct {
	Call   string   // "mount"
	Errno  string   // "EBUSY"
	Kernel string   // what the call wanted, and what this errno means for it
	Steps  []string // ids of the steps that can end in it; none if only commands typed by hand can
	Where  string   // more about that; can be empty
	Do     string   // the way out; commands are indented by four blanks
	Man    []string // manual pages: "mount(2)"
}

// nowhere stands in the list of an error that no step can end in.
const nowhere = "none"

func parseError(name string, data []byte) (Error, error) {
	call, errno, _ := strings.Cut(name, "-")
	title := call + " " + errno
	d, err := parse(title, data, "What the kernel says", "Where learnbox meets it", "What to do", "Manual pages")
	if err != nil {
		return Error{}, err
	}
	if len(d.preface) > 0 {
		return Error{}, fmt.Errorf("%s:%d: want the first heading right below the title", title, d.preface[0].number)
	}
	body := func(i int) []line { return d.sections[i].body }
	e := Error{Call: call, Errno: errno, Kernel: prose(body(0)), Do: prose(body(2))}
	where := body(1)
	n := 0
	for n < len(where) && where[n].text != "" {
		n++
	}
	if e.Steps, err = words(title, where[:n]); err != nil {
		return Error{}, err
	}
	if len(e.Steps) == 1 && e.Steps[0] == nowhere {
		e.Steps = nil
	}
	e.Where = prose(trim(where[n:]))
	e.Man, err = words(title, body(3))
	return e, err
}

// About is the command that explains the first failed system call of an error's message, as
// in `openat2("proc", "sys/net/x", …): no such file or directory (ENOENT)`, or "" if there
// is none that has a text.
func About(message string) (command string) {
	failed := regexp.MustCompile(`(?:^|[\s(])([a-z][a-z0-9_]*)\(.*?: [^:]*\((E[A-Z0-9]+)\)`).FindStringSubmatch(message)
	if failed == nil {
		return ""
	}
	if _, ok := ForError(failed[1], failed[2]); !ok {
		return ""
	}
	return "learnbox explain " + failed[1] + " " + failed[2]
}

// family is the call whose texts another one shares: a newer form of the
// same, or one that acts below a directory's descriptor.
func family(call string) string {
	switch call {
	case "execve", "execveat":
		return "exec"
	case "clone3", "fork", "vfork":
		return "clone"
	case "openat", "openat2":
		return "open"
	case "mkdirat":
		return "mkdir"
	case "mknodat":
		return "mknod"
	case "unlinkat":
		return "rmdir"
	case "setrlimit":
		return "prlimit"
	case "open_tree", "move_mount", "mount_setattr", "fsopen", "fsconfig", "fsmount":
		return "mount"
	}
	return call
}
