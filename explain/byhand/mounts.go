package byhand

import (
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// mountsOf returns the mounts of config.json that one step makes, in their order:
// the same division as that of package sandbox.
func (in *Input) mountsOf(step string) []specs.Mount {
	var of []specs.Mount
	for _, m := range in.Built.Spec.Mounts {
		if stepOf(m.Destination) == step {
			of = append(of, m)
		}
	}
	return of
}

func stepOf(destination string) string {
	switch destination {
	case "/proc", "/dev", "/sys":
		return "rootfs." + path.Base(destination)
	case "/dev/pts":
		return "rootfs.devpts"
	case "/dev/shm", "/dev/mqueue":
		return "rootfs." + path.Base(destination)
	case "/sys/fs/cgroup":
		return "rootfs.cgroup"
	case "/etc/hosts", "/etc/hostname", "/etc/resolv.conf":
		return "rootfs.etc"
	}
	return "rootfs.volumes"
}

// mounts makes the mounts of a step.
func mounts(step string) func(*Input) []string {
	return func(in *Input) []string {
		var lines []string
		for _, m := range in.mountsOf(step) {
			lines = append(lines, in.mount(m)...)
		}
		return lines
	}
}

func (in *Input) mount(m specs.Mount) []string {
	if m.Type == "bind" || slices.Contains(m.Options, "bind") || slices.Contains(m.Options, "rbind") {
		return in.bind(m)
	}
	options := slices.DeleteFunc(slices.Clone(m.Options), func(o string) bool { return propagation(o) != "" })
	lines := []string{"dir_at " + quote(m.Destination)}
	mount := "mount -t " + m.Type
	if len(options) > 0 {
		mount += " -o " + quote(strings.Join(options, ","))
	}
	if m.Type == "tmpfs" && !slices.ContainsFunc(options, func(o string) bool { return strings.HasPrefix(o, "mode=") }) {
		lines = append(comment("A tmpfs has the permissions of the directory that it covers, if there was one."),
			"at "+quote(m.Destination),
			`mode=''; [ ! -d "$at" ] || mode=,mode=$(stat -c %a "$at")`,
			`mkdir -p "$at"`,
		)
		mount += `"$mode"`
	}
	return append(lines, mount+" "+quote(m.Source)+` "$at"`)
}

// bind mounts a file or directory of the host.
func (in *Input) bind(m specs.Mount) []string {
	source := quote(m.Source)
	switch {
	case slices.Contains(m.Options, "shared"), slices.Contains(m.Options, "rshared"):
		return append(comment("learnbox refuses shared propagation: what the container mounts there would stand in the host's mount table."),
			"die "+quote(m.Destination+": shared propagation is refused"))
	case strings.HasPrefix(m.Destination, "/proc/"):
		return append(comment("learnbox refuses a volume inside /proc: it can disarm the protections written through it (CVE-2019-16884)."),
			"die "+quote(m.Destination+" lies inside /proc"))
	}
	var lines []string
	if v := in.volumeAt(m.Destination); v != nil {
		source, lines = in.volume(v, m)
	} else if in.EtcDir != "" && path.Dir(m.Source) == in.EtcDir {
		source = `"$dir/etc/` + path.Base(m.Source) + `"`
		lines = append(lines, "file_at "+quote(m.Destination))
	} else {
		if slices.Contains(in.Built.CreateDirs, m.Source) {
			lines = append(lines, "[ -e "+source+" ] || mkdir -p "+source)
		}
		if slices.Contains(in.Built.MustExist, m.Source) {
			lines = append(lines, "[ -e "+source+" ] || die "+quote("--mount: the source "+m.Source+" does not exist"))
		}
		where := quote(m.Destination)
		lines = append(lines, "if [ -d "+source+" ]; then dir_at "+where+"; else file_at "+where+"; fi")
	}
	how := "--bind"
	if slices.Contains(m.Options, "rbind") {
		how = "--rbind"
	}
	lines = append(lines, "mount "+how+" "+source+` "$at"`)
	for _, o := range m.Options {
		if p := propagation(o); p != "" {
			lines = append(lines, "mount --make-"+p+` "$at"`)
		}
	}
	return append(lines, restrict(m, how == "--rbind" && path.Dir(m.Source) != in.EtcDir)...)
}

// restrict sets the flags of a bind mount; mount(2) ignores them when it makes one.
func restrict(m specs.Mount, recursive bool) []string {
	var flags []string
	for _, o := range m.Options {
		switch o {
		case "ro", "nosuid", "nodev", "noexec":
			flags = append(flags, o)
		}
	}
	if len(flags) == 0 {
		return nil
	}
	remount := "mount -o remount,bind," + strings.Join(flags, ",")
	if !recursive {
		return []string{remount + ` "$at"`}
	}
	lines := comment("This mount, and all that came along below it; learnbox does that with one call, mount_setattr(2).")
	return append(lines,
		`findmnt --noheadings --list --output TARGET --submounts "$at" >"$dir/below"`,
		"while IFS= read -r below; do",
		"  "+remount+` "$below"`,
		`done <"$dir/below"`,
	)
}

func propagation(option string) string {
	switch option {
	case "private", "rprivate", "slave", "rslave", "shared", "rshared":
		return option
	}
	return ""
}

// mountCgroup shows the container its own group. On version 2 the cgroup namespace
// cuts the one tree down to it; on version 1 each tree has a directory of its own.
func mountCgroup(in *Input) []string {
	of := in.mountsOf("rootfs.cgroup")
	if len(of) == 0 {
		return nil
	}
	m := of[0]
	switch {
	case m.Type != "cgroup":
		return in.mount(m)
	case in.CgroupVersion == 2 && in.has(specs.CgroupNamespace):
		m.Type, m.Source = "cgroup2", "cgroup"
		return in.mount(m)
	case in.CgroupVersion == 2: // a new mount would set the options of the machine's anew
		m.Type, m.Source = "bind", in.Trees[0].Dir
		return in.mount(m)
	}
	flags := "remount,bind,nosuid,nodev,noexec"
	if slices.Contains(m.Options, "ro") {
		flags = "remount,bind,ro,nosuid,nodev,noexec"
	}
	lines := []string{"dir_at " + quote(m.Destination), `mount -t tmpfs -o mode=755 tmpfs "$at"`}
	for _, t := range in.Trees {
		name := strings.TrimPrefix(strings.Join(t.Controllers, ","), "name=")
		at := `"$at"/` + quote(name)
		lines = append(lines,
			"mkdir "+at,
			"mount --bind "+in.groupDir(t)+" "+at,
			"mount -o "+flags+" "+at,
		)
		if len(t.Controllers) > 1 {
			for _, c := range t.Controllers {
				lines = append(lines, "ln -s "+quote(name)+` "$at"/`+quote(c))
			}
		}
	}
	return append(lines, "mount -o "+flags+` "$at"`)
}

// etc writes the three files of this run, and mounts them.
func etc(in *Input) []string {
	of := in.mountsOf("rootfs.etc")
	if len(of) == 0 {
		return nil
	}
	lines := []string{`mkdir "$dir/etc"`}
	content := map[string]string{
		"hosts": in.Built.Etc.Hosts, "hostname": in.Built.Etc.Hostname, "resolv.conf": in.Built.Etc.ResolvConf,
	}
	for _, m := range of {
		if name := path.Base(m.Source); in.EtcDir != "" && path.Dir(m.Source) == in.EtcDir {
			lines = append(lines, "printf '%s' "+quote(content[name])+` >"$dir/etc/`+name+`"`)
		}
		lines = append(lines, in.mount(m)...)
	}
	return lines
}

// mask covers what tells about the host, and makes read-only what changes it.
func mask(in *Input) []string {
	l := in.Built.Spec.Linux
	var lines []string
	if len(l.MaskedPaths) > 0 {
		lines = append(lines, comment("A file behind the container's /dev/null, a directory behind an empty tmpfs, one for all of them.")...)
		lines = append(lines,
			"empty=''",
			"for path in "+quoteAll(l.MaskedPaths)+"; do",
			`  at "$path"`,
			`  if [ -d "$at" ] && [ -z "$empty" ]; then`,
			"    empty=$at",
			`    mount -t tmpfs -o ro,nosuid,nodev,noexec tmpfs "$empty"`,
			`  elif [ -d "$at" ]; then`,
			`    mount --bind "$empty" "$at"`,
			`  elif [ -e "$at" ]; then`,
			`    mount --bind "$root/dev/null" "$at"`,
			"  fi",
			"done",
		)
	}
	if len(l.ReadonlyPaths) > 0 {
		lines = append(lines,
			"for path in "+quoteAll(l.ReadonlyPaths)+"; do",
			`  at "$path"`,
			`  if [ -e "$at" ]; then`,
			`    mount --rbind "$at" "$at"`,
			`    mount -o remount,bind,ro,nosuid,nodev,noexec "$at"`,
			"  fi",
			"done",
		)
	}
	return lines
}
