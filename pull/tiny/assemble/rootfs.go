package main

import (
	"archive/tar"
	"cmp"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"time"
)

// A source is all that the image is made of.
type source struct {
	program   []byte   // busybox
	applets   []string // the names it is called by, without the first slash
	copyright []byte   // its licence; may be empty
	version   string
	time      time.Time
}

// An entry is one file of the root filesystem.
type entry struct {
	path string // without the first slash; directories end in one
	mode int64
	uid  int // also the group
	link string
	data []byte
}

// The one user who is not root has Debian's and Docker's usual first id.
const learner = 1000

// rootfs lists the files, in the order of their names.
func rootfs(s source) []entry {
	entries := slices.Concat(directories(), configuration(s), programs(s))
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.path, b.path) })
	return entries
}

// directories are what programs expect of a Linux system, see hier(7), and the places
// on which a runtime mounts dev, proc and sys.
func directories() []entry {
	var entries []entry
	for _, dir := range []string{
		"./", "bin/", "dev/", "etc/", "home/", "mnt/", "proc/", "run/", "sbin/", "sys/", "usr/", "usr/bin/", "usr/sbin/",
		"usr/share/", "usr/share/doc/", "usr/share/doc/busybox/", "var/", "var/log/",
	} {
		entries = append(entries, entry{path: dir, mode: 0o755})
	}
	return append(
		entries,
		entry{path: "home/learner/", mode: 0o755, uid: learner},
		entry{path: "root/", mode: 0o700},
		entry{path: "tmp/", mode: 0o1777},
		entry{path: "var/tmp/", mode: 0o1777},
	)
}

// configuration is the little that busybox reads.
func configuration(s source) []entry {
	files := map[string]string{
		"etc/passwd": "root:x:0:0:root:/root:/bin/sh\n" +
			"learner:x:1000:1000:learner:/home/learner:/bin/sh\n" +
			"nobody:x:65534:65534:nobody:/:/bin/false\n",
		"etc/group": "root:x:0:\ntty:x:5:\nlearner:x:1000:\nnogroup:x:65534:\n",
		// The prompt begins with the host name: it tells the shells of two containers,
		// and of the machine, apart. The greeting is for people, so it is for terminals.
		"etc/profile": `PS1='\h:\w\$ '
case $- in *i*)
  if [ -z "$TINY_GREETED" ]; then
    export TINY_GREETED=1
    echo "This is tiny: busybox and nothing else. 'busybox' lists its commands, 'exit' leaves."
  fi ;;
esac
`,
		// Mounted over in every container, so they only have to be there.
		"etc/hosts": "", "etc/hostname": "", "etc/resolv.conf": "",
		"etc/shells": "/bin/sh\n/bin/ash\n",
		"etc/os-release": fmt.Sprintf("ID=tiny\nNAME=\"learnbox tiny\"\nPRETTY_NAME=\"learnbox tiny (busybox %[1]s)\"\nVERSION_ID=%[1]q\n",
			s.version),
	}
	if len(s.copyright) > 0 {
		files["usr/share/doc/busybox/copyright"] = string(s.copyright)
	}
	var entries []entry
	for name, text := range files {
		entries = append(entries, entry{path: name, mode: 0o644, data: []byte(text)})
	}
	return entries
}

// programs are busybox and its names. The names are symbolic links, because then
// "ls -l /bin" shows what they are.
func programs(s source) []entry {
	links := map[string]bool{}
	for _, applet := range s.applets {
		if name := path.Clean("/" + applet)[1:]; name != "bin/busybox" && strings.Contains(name, "/") {
			links[name] = true
		}
	}
	entries := []entry{{path: "bin/busybox", mode: 0o755, data: s.program}}
	for name := range maps.Keys(links) {
		entries = append(entries, entry{path: name, mode: 0o777, link: "/bin/busybox"})
	}
	return entries
}

// writeTar writes the entries as one layer (image-spec, layer.md).
func writeTar(w io.Writer, entries []entry, modTime time.Time) error {
	tw := tar.NewWriter(w)
	for _, e := range entries {
		h := &tar.Header{
			Name: e.path, Mode: e.mode, Uid: e.uid, Gid: e.uid, Linkname: e.link, Size: int64(len(e.data)),
			ModTime: modTime, Format: tar.FormatUSTAR, Typeflag: tar.TypeReg,
		}
		switch {
		case strings.HasSuffix(e.path, "/"):
			h.Typeflag = tar.TypeDir
		case e.link != "":
			h.Typeflag = tar.TypeSymlink
		}
		if err := tw.WriteHeader(h); err != nil {
			return fmt.Errorf("%s: %w", e.path, err)
		}
		if _, err := tw.Write(e.data); err != nil {
			return fmt.Errorf("%s: %w", e.path, err)
		}
	}
	return tw.Close()
}
