package texts

import "regexp"

// Meaning says what a variable of a look's command stands for, "" if there is no such variable.
// All that is a path is absolute, and PIDs are as the machine counts.
func Meaning(variable string) string {
	switch variable {
	case "PID":
		return "the container's first process, as the machine counts"
	case "MONITOR":
		return "the process that watches over the container"
	case "ID":
		return "the container's ID, all 64 digits"
	case "ROOT":
		return "learnbox's directory, /var/lib/learnbox unless --root moves it"
	case "MERGED":
		return "where the container's root is in its own mount table: …/containers/ID/merged, and nothing once rootfs.pivot has made that /"
	case "VOLUME":
		return "the place of the first volume in the container"
	case "CGROUP":
		return "the directory of the container's control group; on version 1 it has one for each controller, and any of them will do"
	case "PIDS":
		return "the directory of the container's control group, on version 1 that of the controller pids"
	case "LIMITS":
		return "the list of the files that this step wrote in the container's control group, on version 2 without a limit cgroup.controllers: which limits there could be"
	}
	return ""
}

// Variables are the names that a command leaves open, each as often as it stands there: "PID".
func (l Look) Variables() []string {
	var names []string
	for _, match := range regexp.MustCompile(`\$([A-Z]+)`).FindAllStringSubmatch(l.Command, -1) {
		names = append(names, match[1])
	}
	return names
}
