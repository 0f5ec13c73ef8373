package byhand

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/learnbox/learnbox/sandbox/spec"
)

// This file holds the steps of PID 1 that shape the process. From tty.session on
// they collect the words of one command line, which process.exec executes.

// sysctls writes with the host's /proc: what is per namespace there is that of the
// process which asks.
func sysctls(in *Input) []string {
	set := in.Built.Spec.Linux.Sysctl
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(set)) {
		file := "/proc/sys/" + strings.ReplaceAll(name, ".", "/")
		lines = append(lines, echo(set[name])+" >"+quote(file))
	}
	return lines
}

func hostName(in *Input) []string {
	if in.Built.Spec.Hostname == "" {
		return nil
	}
	return []string{echo(in.Built.Spec.Hostname) + " >/proc/sys/kernel/hostname"}
}

func rlimits(in *Input) []string {
	var lines []string
	for _, l := range in.Built.Spec.Process.Rlimits {
		name := strings.ToLower(strings.TrimPrefix(l.Type, "RLIMIT_"))
		lines = append(lines, fmt.Sprintf("prlimit --pid $$ --%s=%s:%s || echo 'warning: %s stays as it is' >&2",
			name, limit(l.Soft), limit(l.Hard), l.Type))
	}
	return lines
}

func limit(n uint64) string {
	if n == ^uint64(0) {
		return "unlimited"
	}
	return fmt.Sprint(n)
}

func ttySession(in *Input) []string {
	words := "set -- setsid"
	if in.Built.Spec.Process.Terminal {
		words += " --ctty"
	}
	return append(comment("From here on words are collected for one command; process.exec executes it."), words)
}

func initWait(*Input) []string {
	return append(comment("That is done by the last shell, in process.exec. The one outside will need PID 1's number there, which the host's /proc knows."),
		"read -r pid _ </proc/self/stat")
}

func capsBound(in *Input) []string {
	words := []string{"-all"}
	if c := in.Built.Spec.Process.Capabilities; c != nil {
		for _, name := range c.Bounding {
			words = append(words, "+"+strings.ToLower(strings.TrimPrefix(name, "CAP_")))
		}
	}
	return []string{`set -- "$@" setpriv --bounding-set=` + quote(strings.Join(words, ","))}
}

func userSet(in *Input) []string {
	u := in.Built.Spec.Process.User
	var lines []string
	if u.UID != 0 {
		lines = comment("learnbox also gives the program's streams to its user: they are pipes of its own. Here they are yours, and stay yours.")
	}
	groups := " --clear-groups"
	if len(u.AdditionalGids) > 0 {
		words := make([]string, len(u.AdditionalGids))
		for i, g := range u.AdditionalGids {
			words[i] = fmt.Sprint(g)
		}
		groups = " --groups=" + strings.Join(words, ",")
	}
	return append(lines, fmt.Sprintf(`set -- "$@" --reuid=%d --regid=%d%s --pdeathsig KILL`, u.UID, u.GID, groups))
}

func noNewPrivs(in *Input) []string {
	if !in.Built.Spec.Process.NoNewPrivileges {
		return nil
	}
	return []string{`set -- "$@" --no-new-privs`}
}

func seccompLoad(in *Input) []string {
	if in.Built.SeccompProfile == spec.SeccompUnconfined {
		return nil
	}
	return comment("Not here: the filter is a BPF program of some hundred instructions, and no program of util-linux loads one " +
		"(newer setpriv has --seccomp-filter for a file that holds it). This container may make every system call; /proc/1/status says Seccomp: 0 where " +
		"learnbox's says 2.")
}

func capsSet(*Input) []string {
	return append(comment("Permitted and effective follow from the bounding set at the next execve: all of it for root, nothing for others."),
		`set -- "$@" --inh-caps=-all --ambient-caps=-all`)
}

// processExec ends with the third shell. It is the host's, loaded before the root
// is exchanged; after that it needs no other program but the container's.
func processExec(in *Input) []string {
	p := in.Built.Spec.Process
	var lines []string
	if in.Built.Init {
		lines = append(lines, comment("--init: learnbox stays as PID 1 here, reaps orphans and passes signals on. A shell must not: it would be the "+
			"host's program, open to the container as /proc/1/exe (CVE-2019-5736). So the program itself is PID 1.")...)
	}
	passed, lost := variables(p.Env)
	if len(lost) > 0 {
		lines = append(lines, comment("No shell hands these variables on as they are, so they are missing: "+strings.Join(lost, " "))...)
	}
	umask := uint32(0o022)
	if p.User.Umask != nil {
		umask = *p.User.Umask
	}
	lines = append(lines, comment("A shell in the background ignores INT and QUIT, and so would all that it starts: hence --default-signal.")...)
	lines = append(lines, `set -- "$@" env -i --default-signal=INT,QUIT \`)
	for _, v := range passed {
		lines = append(lines, "  "+quote(v)+` \`)
	}
	return append(lines,
		`  /bin/sh -ec '`,
		"    echo \"$1\" >&4      # ready; all that is missing is the root",
		"    read -r _ <&3      # until it is there, and the word to go on (init.wait)",
		"    shift",
		"    unset PWD OLDPWD   # a shell exports them unasked",
		fmt.Sprintf("    umask %04o", umask),
		`    exec "$@" 3<&- 4>&-`,
		`  ' sh "$pid" `+quoteAll(p.Args),
		`exec "$@"`,
	)
}

// variables sorts out those whose names are no names for a shell, and those that a
// shell keeps for itself.
func variables(env []string) (passed, lost []string) {
	for _, v := range env {
		name, _, _ := strings.Cut(v, "=")
		switch name {
		case "PWD", "OLDPWD", "IFS", "PPID", "OPTIND", "LINENO", "_":
			lost = append(lost, name)
			continue
		}
		if !isName(name) {
			lost = append(lost, name)
			continue
		}
		passed = append(passed, v)
	}
	return passed, lost
}

func isName(s string) bool {
	for i, r := range s {
		letter := r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

// differences are what is said at the head of the script.
func differences(in *Input) []string {
	var all []string
	if in.Built.SeccompProfile != spec.SeccompUnconfined {
		all = append(all, "seccomp.load: no program of a shell loads a filter for system calls.")
	}
	if in.CgroupVersion == 2 && len(cgroupLimit(in)) > 0 {
		all = append(all, "cgroup.limit: on cgroup v2 the rules for devices are a BPF program.")
	}
	if in.Built.Init {
		all = append(all, "process.exec: the program itself is PID 1, also with --init.")
	}
	if in.Built.Spec.Process.Terminal {
		all = append(all, "tty.open: the terminal is one of the host's; in the container its only name is /dev/console.")
	}
	if in.Interactive {
		all = append(all, "-i: run it from a file. With the script itself as standard input the program would read its rest.")
	}
	return append(all,
		"init.clone: PID 1 is no sealed copy of a program, and others may look into it until it is the program.",
		"The image's symbolic links at places where something is mounted are refused, not resolved.",
		"Signals are not passed on: Ctrl-C ends the container. And unshare of util-linux 2.38 reports a death by SIGKILL as 1, not 137.")
}
