package spec

import (
	"fmt"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// tmpfsDefaults are what Docker adds to every tmpfs of a user.
func tmpfsDefaults() []string { return []string{"noexec", "nosuid", "nodev", "rprivate"} }

// parseTmpfs reads the value of --tmpfs, DESTINATION[:OPTIONS]. Of options that exclude
// each other the last one counts, also against the defaults: "exec" makes it executable.
func parseTmpfs(raw string) (specs.Mount, error) {
	where, list, _ := strings.Cut(raw, ":")
	dest, err := destination(where)
	if err != nil {
		return specs.Mount{}, err
	}
	words := tmpfsDefaults()
	if list != "" {
		words = append(words, strings.Split(list, ",")...)
	}
	var (
		options []string
		seen    = map[string]bool{}
	)
	for _, w := range slices.Backward(words) {
		subject, err := tmpfsSubject(w)
		if err != nil {
			return specs.Mount{}, err
		}
		if !seen[subject] {
			seen[subject] = true
			options = append(options, w)
		}
	}
	slices.Reverse(options)
	return specs.Mount{Destination: dest, Type: "tmpfs", Source: "tmpfs", Options: options}, nil
}

// tmpfsSubject returns what an option is about: two about the same exclude each other
// (mount(8), tmpfs(5)).
func tmpfsSubject(option string) (string, error) {
	key, value, _ := strings.Cut(option, "=")
	switch key {
	case "size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol":
		if value == "" || hasNUL(value) {
			return "", fmt.Errorf("option %q needs a value", key)
		}
		return key, nil
	}
	switch option {
	case "ro", "rw":
		return "ro", nil
	case "suid", "nosuid":
		return "suid", nil
	case "dev", "nodev":
		return "dev", nil
	case "exec", "noexec":
		return "exec", nil
	case "sync", "async":
		return "sync", nil
	case "dirsync":
		return "dirsync", nil
	case "diratime", "nodiratime":
		return "diratime", nil
	case "atime", "noatime", "relatime", "norelatime", "strictatime", "nostrictatime":
		return "atime", nil
	}
	if isPropagation(option) {
		return "propagation", nil
	}
	return "", hinted("tmpfs(5) and mount(8) list them, as in size=64m,mode=1777,exec", "unknown option %q", option)
}
