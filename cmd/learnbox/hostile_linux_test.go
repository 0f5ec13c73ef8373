package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/learnbox/learnbox/internal/privtest"
)

// A hostileImage is the embedded image and what was done to it.
type hostileImage struct {
	scratch bool // nothing of the embedded image but its platform
	files   []file
	config  func(c *v1.Config)
	flags   []string
	command []string

	code   int
	stdout string // exactly
	stderr string // a pattern; empty: no word
}

// removed takes directories away, so that something else can take their place.
func removed(names ...string) []file {
	var files []file
	for _, n := range names {
		files = append(files, file{name: ".wh." + n})
	}
	return files
}

func hostileImages() map[string]hostileImage {
	sh := func(script string) []string { return []string{"sh", "-c", script} }
	images := map[string]hostileImage{}
	// The places that learnbox mounts on. The links lead to the host's root, out
	// of the image, to another directory of it, and to nowhere.
	for _, place := range []string{"proc", "sys", "dev"} {
		for _, to := range []string{"/", "../../..", "/tmp", "/nosuch", "/proc/self/root"} {
			images["/"+place+" is a link to "+to] = hostileImage{
				files: append(removed(place), file{name: place, link: to}), command: sh("echo ran"),
				code: 125, stderr: `^learnbox: run: rootfs\.` + place + `: .*(/` + place + `|link)`,
			}
		}
	}
	for _, more := range []map[string]hostileImage{hostileEtc(sh), hostileUsers(sh), hostilePrograms(sh), hostileVolumes(sh)} {
		maps.Copy(images, more)
	}
	return images
}

// hostileEtc has images whose /etc, where three files are mounted, is not what it should be.
func hostileEtc(sh func(string) []string) map[string]hostileImage {
	etcTo := func(to string, more ...file) []file {
		return append(removed("etc"), append(more, file{name: "etc", link: to})...)
	}
	return map[string]hostileImage{
		"/etc is a link to /":           {files: etcTo("/"), command: sh("wc -c < /etc/hostname; ls /hosts"), stdout: "13\n/hosts\n"},
		"/etc is a link to a directory": {files: etcTo("conf", file{name: "conf/"}), command: sh("ls /conf"), stdout: "hostname\nhosts\nresolv.conf\n"},
		"/etc is a link that leads out": {files: etcTo("../../../../tmp"), command: sh("ls /tmp"), stdout: "hostname\nhosts\nresolv.conf\n"},
		"/etc is not there":             {files: removed("etc"), command: sh("ls /etc"), stdout: "hostname\nhosts\nresolv.conf\n"},
		"/etc/hosts is a directory": {
			files: []file{{name: "etc/hosts/"}}, command: sh("echo ran"),
			code: 125, stderr: `^learnbox: run: rootfs\.etc: .*/etc/hosts`,
		},
		"/etc/hosts is a link to a link of the kernel": {
			files: []file{{name: "etc/hosts", link: "/proc/self/fd/0"}}, command: sh("echo ran"),
			code: 125, stderr: `^learnbox: run: rootfs\.etc: `,
		},
		"/etc/hosts is a link out": {
			files: []file{{name: "etc/hosts", link: "../../../../../victim"}}, command: sh("grep -c localhost /etc/hosts"),
			stdout: "2\n",
		},
		"/dev/null is a file":           {files: []file{{name: "dev/null", data: "x"}}, command: sh("stat -c %F /dev/null"), stdout: "character special file\n"},
		"/proc, /sys, /dev are missing": {files: removed("proc", "sys", "dev"), command: sh("ls -d /proc/1 /dev/null /sys/class"), stdout: "/dev/null\n/proc/1\n/sys/class\n"},
		"/proc is a file":               {files: append(removed("proc"), file{name: "proc"}), command: sh("echo ran"), code: 125, stderr: `^learnbox: run: rootfs\.proc: `},
		"/dev is a file":                {files: append(removed("dev"), file{name: "dev"}), command: sh("echo ran"), code: 125, stderr: `^learnbox: run: rootfs\.dev: `},
	}
}

// hostileUsers has images with users that do not exist, or lie in a file that is none.
func hostileUsers(sh func(string) []string) map[string]hostileImage {
	user := func(name, want string) hostileImage {
		return hostileImage{config: func(c *v1.Config) { c.User = name }, command: sh("id -u"), code: 125, stderr: want}
	}
	passwd := func(want string, f file) hostileImage {
		f.name = "etc/passwd" + f.name
		return hostileImage{files: []file{f}, flags: []string{"-u", "learner"}, command: sh("id -u"), code: 125, stderr: want}
	}
	return map[string]hostileImage{
		"a user that is not there":                   user("ghost", `user "ghost": no entry ghost in the image's /etc/passwd`),
		"a group that is not there":                  user("root:ghost", `no entry ghost in the image's /etc/group`),
		"a group beyond all numbers":                 user("0:99999999999", `99999999999 is larger than 2147483647`),
		"a user that wraps around to 0":              user("4294967296", `4294967296 is larger than 2147483647`),
		"a user with a space":                        user(" 0", `user " 0"`),
		"an entry that wraps around":                 passwd(`4294967296 is larger`, file{data: "learner:x:4294967296:0::/:/bin/sh\n"}),
		"an entry below 0":                           passwd(`"-1" is not a number`, file{data: "learner:x:-1:0::/:/bin/sh\n"}),
		"/etc/passwd is a fifo":                      passwd(`no regular file`, file{kind: tar.TypeFifo}),
		"/etc/passwd is a directory":                 passwd(`no regular file`, file{name: "/"}),
		"/etc/passwd is itself":                      passwd(`too many levels of symbolic links`, file{link: "passwd"}),
		"/etc/passwd is one huge line":               passwd(`/etc/passwd`, file{data: strings.Repeat("x", 8<<20)}),
		"/etc/passwd is the host's":                  passwd(`too many levels of symbolic links`, file{link: "../../../../../../etc/passwd"}),
		"/etc/passwd is the host's, by way of /proc": passwd(`no /etc/passwd|no entry learner`, file{link: "/proc/1/root/etc/passwd"}),
	}
}

// hostilePrograms has images with nothing to run, or nothing that can be run.
func hostilePrograms(sh func(string) []string) map[string]hostileImage {
	script := func(text string, mode int64) hostileImage {
		return hostileImage{files: []file{{name: "go.sh", mode: mode, data: text}}, command: []string{"/go.sh"}, code: 126}
	}
	cwd := func(dir string, files ...file) hostileImage {
		return hostileImage{files: files, config: func(c *v1.Config) { c.WorkingDir = dir }, command: sh("/bin/pwd")}
	}
	env := func(env ...string) func(*v1.Config) { return func(c *v1.Config) { c.Env = env } }
	failing := func(h hostileImage, code int, stderr string) hostileImage {
		h.code, h.stderr = code, stderr
		return h
	}
	works := func(h hostileImage, stdout string) hostileImage {
		h.stdout = stdout
		return h
	}
	return map[string]hostileImage{
		"no program":           failing(hostileImage{config: func(c *v1.Config) { c.Entrypoint, c.Cmd = nil, nil }}, 125, `no command specified\nhint: `),
		"no layers":            failing(hostileImage{scratch: true, command: sh("echo ran")}, 125, `the image has no layers`),
		"no /bin":              failing(hostileImage{files: removed("bin", "sbin", "usr"), command: sh("echo ran")}, 127, `"sh": not found in the container's PATH`),
		"/bin leads out":       failing(hostileImage{files: append(removed("bin"), file{name: "bin", link: "/proc/1/root/bin"}), command: sh("echo ran")}, 127, `not found`),
		"an empty PATH":        failing(hostileImage{config: env("PATH="), command: sh("echo ran")}, 127, `not found in the container's PATH`),
		"a script with CRLF":   failing(script("#!/bin/sh\r\necho ran\r\n", 0), 126, `Windows line endings`),
		"a script for nothing": failing(script("#!/usr/bin/python3\n", 0), 126, `/usr/bin/python3, which the image does not have`),
		"a script without x":   failing(script("#!/bin/sh\n", 0o644), 126, `has no execute permission`),
		"an empty program":     failing(script("", 0), 126, `/go.sh is empty`),

		"a variable without a name":           failing(hostileImage{config: env("=x"), command: sh("echo ran")}, 125, `environment variable "=x"`),
		"values with everything in them":      works(hostileImage{config: env("PATH=/bin", "A=b=c", "B=\n;$(id)"), command: sh(`echo "$A$B"`)}, "b=c\n;$(id)\n"),
		"a working directory of the host":     failing(cwd("/proc/self/fd/7"), 125, `process\.cwd`),
		"a working directory by its link":     failing(cwd("/w", file{name: "w", link: "/proc/self/fd/3"}), 125, `process\.cwd`),
		"a working directory that leads out":  works(cwd("/w", file{name: "w", link: "../../../tmp"}), "/tmp\n"),
		"a working directory that is a file":  failing(cwd("/etc/passwd"), 125, `process\.cwd.*not a directory`),
		"a working directory without its top": failing(cwd("a/b"), 125, `"a/b" is not an absolute path`),
	}
}

func TestHostileImages(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	base := tinyImage(t)
	n := 0
	for what, h := range hostileImages() {
		n++
		ref, err := name.NewTag(fmt.Sprintf("%s/hostile:%d", host, n))
		if err != nil {
			t.Fatal(err)
		}
		t.Run(what, func(t *testing.T) {
			if err := remote.Write(ref, h.build(t, base)); err != nil {
				t.Fatal(err)
			}
			args := append(append([]string{"run", "--rm", "-q"}, h.flags...), ref.String())
			stdout, stderr, code := b.run(t, append(args, h.command...)...)
			if code != h.code || stdout != h.stdout {
				t.Errorf("code %d, stdout %q; want %d, %q", code, stdout, h.code, h.stdout)
			}
			if ok, err := regexp.MatchString(h.stderr, stderr); err != nil || !ok || h.stderr == "" && stderr != "" {
				t.Errorf("stderr is %q, want a match of %q", stderr, h.stderr)
			}
			if lines := strings.Count(stderr, "\n"); code == 125 && lines > 2 {
				t.Errorf("more than one error and one hint: %s", stderr)
			}
			b.nothingLeft(t)
		})
	}
	for _, path := range []string{"/hosts", "/conf", "/victim", "/tmp/hosts", "/tmp/resolv.conf"} { // where the links lead on the host
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s has come to be on the host (%v)", path, err)
		}
	}
}

// build makes the image.
func (h hostileImage) build(t *testing.T, base v1.Image) v1.Image {
	t.Helper()
	img := base
	if h.scratch {
		img = empty.Image
	}
	var err error
	if len(h.files) > 0 {
		if img, err = mutate.AppendLayers(img, layerOf(t, h.files)); err != nil {
			t.Fatal(err)
		}
	}
	cf, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	from, err := base.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	cf = cf.DeepCopy()
	cf.OS, cf.Architecture = from.OS, from.Architecture
	if h.config != nil {
		h.config(&cf.Config)
	}
	if img, err = mutate.ConfigFile(img, cf); err != nil {
		t.Fatal(err)
	}
	return img
}
