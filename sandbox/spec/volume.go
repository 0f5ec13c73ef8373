package spec

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// parseVolume reads the words of -v, SOURCE:DESTINATION[:OPTIONS]. A SOURCE from the root
// or beginning with a dot is a directory of the host, to be created if it does not exist;
// any other is the name of a volume. A destination alone is not for here: see declaredVolumes.
func parseVolume(raw, dir string) (request, error) {
	parts := strings.Split(raw, ":")
	switch {
	case slices.Contains(parts, ""):
		return request{}, errors.New("want SOURCE:DESTINATION[:OPTIONS], and none of them empty")
	case len(parts) > 3:
		return request{}, errors.New("too many colons: want SOURCE:DESTINATION[:OPTIONS]")
	case len(parts) == 2 && isVolumeOptions(parts[1]):
		return request{}, fmt.Errorf("no destination, only the options %s: want SOURCE:DESTINATION[:OPTIONS]", parts[1])
	}
	source, name, err := volumeSource(parts[0], dir)
	if err != nil {
		return request{}, err
	}
	dest, err := destination(parts[1])
	if err != nil {
		return request{}, err
	}
	var o bindOptions
	if len(parts) == 3 {
		if o, err = volumeOptions(parts[2], name != ""); err != nil {
			return request{}, err
		}
	}
	if name != "" {
		return request{mount: bind("", dest, o), volume: &Volume{Name: name, Copy: !o.noCopy}}, nil
	}
	return request{mount: bind(source, dest, o), create: true}, nil
}

// volumeSource tells a path from a name as Docker does: a path begins with / or a dot.
func volumeSource(s, dir string) (source, name string, err error) {
	switch {
	case hasNUL(s):
		return "", "", fmt.Errorf("source %q contains a NUL byte", s)
	case path.IsAbs(s), s[0] == '.':
		return absolute(dir, s), "", nil
	case s[0] == '~':
		return "", "", hinted("the shell expands ~ only at the start of a word without quotes; write $HOME"+strings.TrimPrefix(s, "~"),
			"source %q is not a path from the root", s)
	}
	return "", s, nil
}

// volumeOptions reads the third part: words of four kinds, one of each kind.
func volumeOptions(list string, named bool) (bindOptions, error) {
	var o bindOptions
	seen := map[string]string{}
	for word := range strings.SplitSeq(list, ",") {
		kind := volumeOptionKind(word)
		switch {
		case kind == "":
			return o, hinted("offered are: ro, rw, z, Z, nocopy, [r]private, [r]slave, [r]shared", "unknown option %q", word)
		case kind == "copying" && !named:
			return o, fmt.Errorf("option %q is for volumes with a name; a directory of the host is never copied", word)
		case seen[kind] != "":
			return o, fmt.Errorf("options %q and %q exclude each other", seen[kind], word)
		}
		seen[kind] = word
	}
	o.readOnly = seen["access"] == "ro"
	o.propagation = seen["propagation"]
	o.noCopy = seen["copying"] == "nocopy"
	return o, nil
}

// volumeOptionKind sorts Docker's words. Labels are for SELinux and consistency for
// Docker Desktop: both are accepted and change nothing here.
func volumeOptionKind(word string) string {
	switch word {
	case "ro", "rw":
		return "access"
	case "z", "Z":
		return "label"
	case "copy", "nocopy":
		return "copying"
	case "consistent", "cached", "delegated":
		return "consistency"
	}
	if isPropagation(word) {
		return "propagation"
	}
	return ""
}

func isVolumeOptions(list string) bool {
	for word := range strings.SplitSeq(list, ",") {
		if volumeOptionKind(word) == "" {
			return false
		}
	}
	return true
}
