package byhand

import (
	"fmt"
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// This file holds the steps of PID 1 that take it into its namespaces and build
// its file system.

// unshare puts the program of a namespace in front of what comes.
func unshare(kind specs.LinuxNamespaceType, flag string) func(*Input) []string {
	return func(in *Input) []string {
		if !in.has(kind) {
			return nil
		}
		return []string{`set -- "$@" unshare ` + flag}
	}
}

func netLoopback(in *Input) []string {
	if !in.has(specs.NetworkNamespace) {
		return nil
	}
	return []string{`set -- "$@" sh -ec 'ip link set dev lo up; exec "$@"' sh`}
}

func nsMount(*Input) []string {
	return append(comment("unshare would cut the propagation, too: that is the next step."),
		`set -- "$@" unshare --mount --propagation unchanged`)
}

func mountPrivate(in *Input) []string {
	how := "--make-rprivate"
	if slices.ContainsFunc(in.Built.Spec.Mounts, func(m specs.Mount) bool {
		return slices.Contains(m.Options, "rslave") || slices.Contains(m.Options, "slave")
	}) {
		how = "--make-rslave" // a volume wants the host's later mounts
	}
	return []string{"mount " + how + " /"}
}

func overlay(in *Input) []string {
	lines := []string{`mkdir "$dir/upper" "$dir/work" "$root"`}
	lines = append(lines, comment("The owner and the mode of the upper directory are those of the container's /.")...)
	lines = append(lines,
		`chown --reference="$lower" "$dir/upper"`,
		`chmod --reference="$lower" "$dir/upper"`,
	)
	if strings.ContainsAny(in.Lower, `\:,`) { // what overlayfs reads as a separator
		lower := strings.NewReplacer(`\`, `\\`, `:`, `\:`, `,`, `\,`).Replace(in.Lower)
		return append(lines, "mount -t overlay -o "+quote("lowerdir="+lower)+`,upperdir="$dir/upper",workdir="$dir/work",volatile overlay "$root"`)
	}
	return append(lines, `mount -t overlay -o "lowerdir=$lower,upperdir=$dir/upper,workdir=$dir/work,volatile" overlay "$root"`)
}

// dev fills the tmpfs at /dev. A volume there is left as it is.
func dev(in *Input) []string {
	of := in.mountsOf("rootfs.dev")
	if len(of) == 0 {
		return nil
	}
	lines := mounts("rootfs.dev")(in)
	if of[0].Type != "tmpfs" {
		return lines
	}
	made := map[string]bool{}
	for _, d := range []struct{ name, number string }{
		{"null", "1 3"}, {"zero", "1 5"}, {"full", "1 7"}, {"random", "1 8"}, {"urandom", "1 9"}, {"tty", "5 0"},
	} {
		lines = append(lines, fmt.Sprintf(`mknod -m 666 "$root/dev/%s" c %s`, d.name, d.number))
		made["/dev/"+d.name] = true
	}
	for _, d := range in.Built.Spec.Linux.Devices {
		if !made[d.Path] {
			lines = append(lines, node(d)...)
		}
		made[d.Path] = true
	}
	for _, l := range [][2]string{
		{"/proc/self/fd", "fd"},
		{"/proc/self/fd/0", "stdin"},
		{"/proc/self/fd/1", "stdout"},
		{"/proc/self/fd/2", "stderr"},
		{"/proc/kcore", "core"},
		{"pts/ptmx", "ptmx"},
	} {
		if !made["/dev/"+l[1]] {
			lines = append(lines, fmt.Sprintf(`ln -s %s "$root/dev/%s"`, l[0], l[1]))
		}
	}
	return append(lines, ownNull()...)
}

// node makes a device that was asked for.
func node(d specs.LinuxDevice) []string {
	lines := []string{"dir_at " + quote(path.Dir(d.Path))}
	at := `"$at"/` + quote(path.Base(d.Path))
	mode := "666"
	if d.FileMode != nil {
		mode = fmt.Sprintf("%o", d.FileMode.Perm())
	}
	switch d.Type {
	case "p":
		lines = append(lines, fmt.Sprintf("mkfifo -m %s %s", mode, at))
	case "b":
		lines = append(lines, fmt.Sprintf("mknod -m %s %s b %d %d", mode, at, d.Major, d.Minor))
	default:
		lines = append(lines, fmt.Sprintf("mknod -m %s %s c %d %d", mode, at, d.Major, d.Minor))
	}
	var uid, gid uint32
	if d.UID != nil {
		uid = *d.UID
	}
	if d.GID != nil {
		gid = *d.GID
	}
	if uid != 0 || gid != 0 {
		lines = append(lines, fmt.Sprintf("chown %d:%d %s", uid, gid, at))
	}
	return lines
}

// ownNull replaces the host's /dev/null among the streams.
func ownNull() []string {
	lines := comment("A chmod of /dev/stdin would change the host's /dev/null, so a stream that is that becomes the container's.")
	return append(lines,
		"exec 5>&1 # in $(…) the descriptor 1 is another",
		`[ "$(readlink /proc/self/fd/0)" != /dev/null ] || exec <>"$root/dev/null"`,
		`[ "$(readlink /proc/self/fd/5)" != /dev/null ] || exec >"$root/dev/null"`,
		`[ "$(readlink /proc/self/fd/2)" != /dev/null ] || exec 2>"$root/dev/null"`,
		"exec 5>&-",
	)
}

func ttyOpen(in *Input) []string {
	if !in.Built.Spec.Process.Terminal {
		return nil
	}
	return append(comment("script(1) has opened it already, at init.clone. Programs also look for it at this name."),
		"file_at /dev/console",
		`mount --bind "$(tty)" "$at"`,
	)
}

// pivot exchanges the root of every process in the container's mount namespace
// whose root is the old one: also of the shell that waits there (pivot_root(2)).
func pivot(*Input) []string {
	lines := comment("PID 1 has taken all the other steps and waits (init.wait). Its shell is loaded, and from here on it uses nothing " +
		"of the host: now its root can go. Named twice, the old root ends up on top of the new one, so the image needs no directory " +
		"for it; a process that enters the namespace still starts there, and so finds umount, which takes the old root off.")
	return append(lines,
		"read -r pid <&5 || exit 125",
		`nsenter --target "$pid" --mount pivot_root "$root" "$root"`,
		`nsenter --target "$pid" --mount umount --lazy /`,
	)
}

// pivotLater stands at the place where learnbox pivots.
func pivotLater() []string {
	return comment("learnbox pivots here. A shell cannot yet: with the old root it would lose mount, setpriv and all the programs that " +
		"it is made of. It goes on below $root; the shell outside does it when PID 1 waits for its program.")
}

func readOnly(in *Input) []string {
	if !in.Built.Spec.Root.Readonly {
		return nil
	}
	return []string{`mount -o remount,bind,ro "$root"`}
}

// cwd enters the working directory. The pivot will not move it: it is one and the
// same directory, before below $root and after below /.
func cwd(in *Input) []string {
	return []string{"dir_at " + quote(in.Built.Spec.Process.Cwd), `cd "$at"`}
}
