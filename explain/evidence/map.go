package evidence

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Kinds are the kinds of namespaces, as /proc/PID/ns names them.
func Kinds() []string { return []string{"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"} }

// Namespaces are those of a process, given by its PID or as "self": the target
// of each link below /proc/PID/ns.
func Namespaces(pid string) map[string]string {
	all := map[string]string{}
	for _, kind := range Kinds() {
		if to, err := os.Readlink(filepath.Join("/proc", pid, "ns", kind)); err == nil {
			all[kind] = to
		}
	}
	return all
}

// A Process is one process of a container.
type Process struct {
	Pid    int    `json:"pid"`    // on the machine
	Inside int    `json:"inside"` // in its innermost pid namespace
	Parent int    `json:"parent"` // on the machine
	Name   string `json:"name"`
}

// Processes are those in a control group or below it, by the group's name.
func Processes(group string) []Process {
	statuses, err := filepath.Glob("/proc/[0-9]*/status")
	if err != nil {
		return nil
	}
	var all []Process
	for _, file := range statuses {
		dir := filepath.Dir(file)
		if !slices.ContainsFunc(lines(filepath.Join(dir, "cgroup")), func(l string) bool { return strings.Contains(l+"/", "/"+group+"/") }) {
			continue
		}
		status := lines(file)
		numbers := strings.Fields(strings.Join(field(status, "NSpid"), " "))
		if len(numbers) == 0 {
			continue // it has ended
		}
		all = append(all, Process{
			Pid: number(filepath.Base(dir)), Inside: number(numbers[len(numbers)-1]),
			Parent: number(strings.Join(field(status, "PPid"), "")), Name: strings.Join(field(status, "Name"), ""),
		})
	}
	slices.SortFunc(all, func(a, b Process) int { return a.Pid - b.Pid })
	return all
}

// number reads a number that the kernel wrote.
func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}
