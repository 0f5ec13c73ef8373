package spec

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Validate checks a config.json that somebody else wrote, as far as it can be checked
// without a kernel (OCI runtime specification, config.md and config-linux.md): what is
// required is there, paths are absolute, numbers are in range, and no two settings
// contradict each other. The error holds every complaint, up to eight.
//
// Capabilities that nobody knows are no error: the specification wants a warning, when
// they are set.
func Validate(s *specs.Spec) error {
	if s == nil {
		return errors.New("config.json: nothing there")
	}
	var c complaints
	if major, _, _ := strings.Cut(s.Version, "."); major != "1" {
		c.add("ociVersion: %q is not a version 1", s.Version)
	}
	if s.Root == nil || s.Root.Path == "" || hasNUL(s.Root.Path) {
		c.add("root.path: missing")
	}
	c.process(s.Process)
	for i, m := range s.Mounts {
		where := fmt.Sprintf("mounts[%d]", i)
		c.absolute(where+".destination", m.Destination)
		c.text(where, append([]string{m.Type, m.Source}, m.Options...)...)
	}
	if s.Hooks != nil {
		h := s.Hooks
		for _, hook := range slices.Concat(h.Prestart, h.CreateRuntime, h.CreateContainer, h.StartContainer, h.Poststart, h.Poststop) { //nolint:staticcheck // deprecated, and still sent by Docker
			c.absolute("hooks: path", hook.Path)
			if hook.Timeout != nil && *hook.Timeout <= 0 {
				c.add("hooks: timeout %d of %s is not above 0", *hook.Timeout, hook.Path)
			}
		}
	}
	for key := range s.Annotations {
		if key == "" {
			c.add("annotations: a key is empty")
		}
	}
	c.linux(s.Linux)
	if s.Hostname != "" {
		if err := checkHostname(s.Hostname); err != nil {
			c.add("hostname: %v", err)
		}
		if s.Linux == nil || !hasNamespace(s.Linux, specs.UTSNamespace) {
			c.add("hostname: without a uts namespace it would be the host's")
		}
	}
	return c.err()
}

// maxComplaints is how many an error shows: a stranger's file may give thousands.
const maxComplaints = 8

type complaints []string

func (c *complaints) add(format string, args ...any) { *c = append(*c, fmt.Sprintf(format, args...)) }

func (c complaints) err() error {
	if len(c) == 0 {
		return nil
	}
	shown, more := c, ""
	if len(c) > maxComplaints {
		shown, more = c[:maxComplaints], fmt.Sprintf("; and %d more", len(c)-maxComplaints)
	}
	return fmt.Errorf("config.json: %s%s", strings.Join(shown, "; "), more)
}

func (c *complaints) absolute(where, p string) {
	if !path.IsAbs(p) || hasNUL(p) {
		c.add("%s: %q is not an absolute path", where, p)
	}
}

// text refuses what no system call can take.
func (c *complaints) text(where string, words ...string) {
	for _, w := range words {
		if hasNUL(w) {
			c.add("%s: %q contains a NUL byte", where, w)
		}
	}
}

func (c *complaints) process(p *specs.Process) {
	if p == nil {
		c.add("process: missing")
		return
	}
	c.absolute("process.cwd", p.Cwd)
	if len(p.Args) == 0 || p.Args[0] == "" {
		c.add("process.args: no command")
	}
	c.text("process.args", p.Args...)
	c.text("process.env", p.Env...)
	for _, id := range append([]uint32{p.User.UID, p.User.GID}, p.User.AdditionalGids...) {
		if id > 1<<31-1 {
			c.add("process.user: ID %d is larger than %d", id, 1<<31-1)
		}
	}
	seen := map[string]bool{}
	if adj := p.OOMScoreAdj; adj != nil && (*adj < -1000 || *adj > 1000) {
		c.add("process.oomScoreAdj: %d is not -1000 to 1000", *adj)
	}
	for _, l := range p.Rlimits {
		switch {
		case !isRlimit(l.Type):
			c.add("process.rlimits: unknown type %q", l.Type)
		case seen[l.Type]:
			c.add("process.rlimits: %s twice", l.Type)
		case l.Soft > l.Hard:
			c.add("process.rlimits: %s: the soft limit %d is above the hard limit %d", l.Type, l.Soft, l.Hard)
		}
		seen[l.Type] = true
	}
}

func isRlimit(name string) bool {
	switch strings.TrimPrefix(name, "RLIMIT_") {
	case "AS", "CORE", "CPU", "DATA", "FSIZE", "LOCKS", "MEMLOCK", "MSGQUEUE", "NICE", "NOFILE",
		"NPROC", "RSS", "RTPRIO", "RTTIME", "SIGPENDING", "STACK":
		return strings.HasPrefix(name, "RLIMIT_")
	}
	return false
}
