package main

import (
	"archive/tar"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// hostileVolumes has images whose VOLUMEs, or what lies there, are meant to reach the host.
// That the directories which the links name stay as they are is checked by the caller: what
// is left of a run in the store of volumes is nothing.
func hostileVolumes(sh func(string) []string) map[string]hostileImage {
	at := func(place, script, stdout string, files ...file) hostileImage {
		return hostileImage{
			config: func(c *v1.Config) { c.Volumes = map[string]struct{}{place: {}} },
			files:  files, command: sh(script), stdout: stdout,
		}
	}
	failing := func(h hostileImage, stderr string) hostileImage {
		h.code, h.stdout, h.stderr = 125, "", stderr
		return h
	}
	warned := func(h hostileImage, stderr string) hostileImage {
		h.stderr = stderr
		return h
	}
	link := func(name, to string) file { return file{name: name, link: to} }
	const write = "echo mine >/v/f && cat "
	return map[string]hostileImage{
		"a volume on a link to the host's root":    at("/v", write+"/tmp/f", "mine\n", link("v", "../../../../../tmp")),
		"a volume on an absolute link":             at("/v", "test -e /v/os-release && echo copied", "copied\n", link("v", "/etc")),
		"a volume below a link that leads out":     at("/a/b", "echo mine >/a/b/f && cat /b/f", "mine\n", link("a", "../../..")),
		"a volume below two links":                 at("/a/b", "cat /d/f", "image's\n", link("a", "/c"), file{name: "c/"}, link("c/b", "../../d"), file{name: "d/f", data: "image's\n"}),
		"a volume with dots":                       at("/x/../../../v/.", write+"/v/f", "mine\n"),
		"a volume on a link to nowhere":            failing(at("/v", "true", "", link("v", "/nosuch")), `rootfs\.volumes: .*symbolic link`),
		"a volume on a link to itself":             failing(at("/v", "true", "", link("v", "v")), `too many levels of symbolic links`),
		"a volume by way of /proc":                 failing(at("/v", "true", "", link("v", "/proc/1/root/tmp")), `rootfs\.volumes: `),
		"a volume below /proc by a link":           failing(at("/v/sys", "true", "", link("v", "/proc")), `inside /proc`),
		"a volume on a file":                       failing(at("/etc/passwd", "true", ""), `rootfs\.volumes: .*not a directory`),
		"a volume with links that lead out":        at("/v", "readlink /v/out; readlink /v/up", "/etc/shadow\n../../../../etc\n", file{name: "v/"}, link("v/out", "/etc/shadow"), link("v/up", "../../../../etc")),
		"a volume with a fifo":                     at("/v", "test -p /v/pipe && echo yes", "yes\n", file{name: "v/"}, file{name: "v/pipe", kind: tar.TypeFifo}),
		"volumes where none can be":                warned(at("/proc", "echo ran", "ran\n"), `^learnbox: run: warning: the image wants a volume at "/proc", where none can be; it is left out\n$`),
		"a volume in the place of the root":        warned(at("/..", "echo ran", "ran\n"), `a volume at "/\.\."`),
		"a volume in the place of control groups":  warned(at("/sys/fs/cgroup/", "echo ran", "ran\n"), `a volume at "/sys/fs/cgroup/"`),
		"a volume over /etc, where three files go": at("/../../etc", "wc -c </etc/hostname", "13\n"),
	}
}
