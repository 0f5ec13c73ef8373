package explain

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/learnbox/learnbox/explain/stop"
)

// Variables are what the commands of explain/texts leave open, by name.
type Variables map[string]string

// Expand fills a command in. What is not known yet stays as it is.
func (v Variables) Expand(command string) string {
	names := slices.SortedFunc(maps.Keys(v), func(a, b string) int { return len(b) - len(a) }) // $PIDS before $PID
	for _, name := range names {
		command = strings.ReplaceAll(command, "$"+name, v[name])
	}
	return command
}

// VariablesOf are the variables of a run that stands at a place. texts.Meaning says what each
// stands for; root is learnbox's directory, absolute.
func VariablesOf(p stop.Place, root string) Variables {
	v := ofGroup(p)
	maps.Copy(v, ofRun(p, root))
	return v
}

// ofRun are those of VariablesOf that need no look at the machine.
func ofRun(p stop.Place, root string) Variables {
	v := Variables{"ROOT": root}
	if p.Container != "" {
		v["ID"], v["MERGED"] = p.Container, p.Merged()
	}
	if p.Pid != 0 {
		v["PID"] = strconv.Itoa(p.Pid)
	}
	if p.Monitor != 0 {
		v["MONITOR"] = strconv.Itoa(p.Monitor)
	}
	if len(p.Volumes) > 0 {
		v["VOLUME"] = p.Volumes[0]
	}
	return v
}

// ofGroup are those of the control group: which files it has decides about them.
func ofGroup(p stop.Place) Variables {
	v := Variables{}
	if len(p.Groups) > 0 {
		v["CGROUP"] = withFile(p.Groups, "memory.limit_in_bytes") // which shows the most
		v["PIDS"] = withFile(p.Groups, "pids.max")
		v["LIMITS"] = strings.Join(limits(p), " ")
	}
	return v
}

// withFile is the first of the directories that has a file, or the first of all: version 2 has but
// one, whatever is in it.
func withFile(dirs []string, name string) string {
	for _, dir := range dirs {
		if exists(filepath.Join(dir, name)) {
			return dir
		}
	}
	return dirs[0]
}

// limits are the files of the control group that the step cgroup.limit writes.
func limits(p stop.Place) []string {
	var files []string
	for _, name := range append([]string{"devices.list"}, p.Limits...) {
		file := filepath.Join(withFile(p.Groups, name), name)
		if name != "pids.max" && exists(file) { // limits.pids writes that one
			files = append(files, file)
		}
	}
	if len(files) == 0 {
		return []string{filepath.Join(p.Groups[0], "cgroup.controllers")}
	}
	return files
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}
