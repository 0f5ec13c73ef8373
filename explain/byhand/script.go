package byhand

import (
	"slices"
	"strings"
)

// Script returns the whole script. It runs as root, with any POSIX sh, on Debian 12
// and later.
func Script(in Input) string {
	lines := slices.Concat(
		[]string{"#!/bin/sh"},
		header(&in),
		preparation(&in),
		steps(&in, outside, partOfPlan),
		steps(&in, pivoting),
		steps(&in, beforeGo),
		steps(&in, atTheEnd),
	)
	return strings.Join(lines, "\n") + "\n"
}

// steps returns the steps of some shells, each below its heading, in the order of
// the table.
func steps(in *Input, places ...place) []string {
	var lines []string
	table := shellSteps()
	for _, s := range in.Steps {
		row, ok := table[s.ID]
		if !ok || !slices.Contains(places, row.place) {
			if ok && row.place == pivoting && slices.Contains(places, inside) {
				lines = slices.Concat(lines, []string{""}, heading(s.ID, s.Title), pivotLater())
			}
			continue
		}
		if own := row.lines(in); len(own) > 0 {
			lines = slices.Concat(lines, []string{""}, heading(s.ID, s.Title), comment("("+s.Why+")"), own)
		}
	}
	return lines
}

func heading(id, title string) []string { return comment("== " + id + ": " + title) }

func header(in *Input) []string {
	lines := []string{"#"}
	if in.Command != "" {
		lines = append(lines, comment("The container of")...)
		lines = append(lines, "#", "#   "+strings.TrimPrefix(comment(in.Command)[0], "# "))
		for _, more := range comment(in.Command)[1:] {
			lines = append(lines, "#     "+strings.TrimPrefix(more, "# "))
		}
		lines = append(lines, "#")
	}
	lines = append(lines, comment("made by hand, with util-linux, coreutils and iproute2. Run it as root: sh FILE. "+
		"The steps have the names and the order of learnbox's table; see `learnbox help byhand`.")...)
	lines = append(lines, "#")
	lines = append(lines, comment("Three shells take them. This one stays outside, and cleans up. The second is PID 1 of "+
		"the container; it finds what it has to do in a plan that the first writes. The third is what PID 1 "+
		"becomes in the end: it has no privileges left, waits for its new root, and becomes the program.")...)
	if differ := differences(in); len(differ) > 0 {
		lines = append(lines, "#", "# What a shell cannot do, and learnbox does:")
		for _, d := range differ {
			for i, l := range comment(d) {
				mark := "# - "
				if i > 0 {
					mark = "#   "
				}
				lines = append(lines, mark+strings.TrimPrefix(l, "# "))
			}
		}
	}
	return lines
}

// preparation is what stands before the first step: names, and the end of it all.
func preparation(in *Input) []string {
	above := ""
	if len(in.groupsAbove()) > 0 {
		above = " above=''"
	}
	before := []string{
		"set -eu",
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C",
		"export PATH LC_ALL",
		"umask 022",
		"exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- # whatever the caller left open",
		`[ "$(id -u)" = 0 ] || { echo 'needs root' >&2; exit 125; }`,
		"",
		"group=" + quote(in.group()) + " lower=" + quote(in.Lower),
	}
	end := []string{
		"export group lower dir root",
		"",
		"# Whatever happens, this is done last. The mounts and the other namespaces go by themselves,",
		"# with the last process in them.",
		"child='' made=''" + above,
		"# shellcheck disable=SC2317 # it is called by trap",
		"clean_up() {",
		"  trap '' INT TERM HUP",
		"  set +e",
		`  if [ -n "$child" ]; then`,
		`    kill -KILL "$child" # unshare --kill-child takes PID 1 with it, and PID 1 all the others`,
		`    wait "$child"`,
		"  fi 2>/dev/null",
		`  if [ -n "$made" ]; then`,
	}
	for _, l := range removeGroups(in) {
		end = append(end, "    "+l)
	}
	return slices.Concat(before, makeDirectory(in), end,
		[]string{"  fi", "  " + removeDirectory, "}"},
		removeGroup(),
		[]string{"trap clean_up EXIT", "trap 'exit 129' HUP", "trap 'exit 130' INT", "trap 'exit 143' TERM"})
}

// makeDirectory makes the directory of the container.
func makeDirectory(*Input) []string {
	return []string{
		"# The writable layer is kept here, and thrown away. TMPDIR puts it elsewhere.",
		`dir=$(mktemp -d) && dir=$(realpath "$dir")`,
		"root=$dir/merged",
	}
}

const removeDirectory = `rm -rf --one-file-system "$dir"`

// removeGroups takes the container's groups away, and those above that it made.
func removeGroups(in *Input) []string {
	var lines []string
	for _, t := range in.Trees {
		lines = append(lines, "remove "+in.groupDir(t))
	}
	return append(lines, removeAbove(in)...)
}

// cleanUp is the end of the script's clean_up, which is about what no process's end takes along.
func cleanUp(in *Input) []string {
	return slices.Concat(removeGroup(), removeGroups(in), []string{removeDirectory})
}

// removeGroup is the function that empties and removes a cgroup. A dead process
// leaves its group a moment later, so it takes more than one try.
func removeGroup() []string {
	return []string{
		"# remove GROUP: kills who is left in a cgroup and in those below it, and removes them",
		"# shellcheck disable=SC2317 # it is called by clean_up",
		"remove() {",
		`  set -- "$1" 0`,
		`  while [ -d "$1" ] && [ "$2" -lt 100 ]; do`,
		`    for below in "$1"/*/; do`,
		`      [ ! -d "$below" ] || remove "${below%/}"`,
		"    done",
		`    ! rmdir "$1" || return 0`,
		`    while read -r left; do [ "$left" = 0 ] || kill -KILL "$left"; done <"$1/cgroup.procs"`,
		"    sleep 0.05",
		`    set -- "$1" $(($2 + 1))`,
		"  done 2>/dev/null",
		"}",
	}
}
