package spec

import (
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/sandbox/caps"
)

// buildCapabilities gives Docker's set, changed by --cap-add, --cap-drop and
// --privileged, and cut down to what we have ourselves: the kernel would refuse the
// rest, and other runtimes fail there. What is missing is said, in one sentence for
// what was asked for and one for what every container has.
//
// Inheritable and ambient stay empty (CVE-2022-29162). For another user than root
// only the bounding set counts, as after any execve(2) (capabilities(7), "Transformation
// of capabilities during execve()").
func buildCapabilities(in *Input, res *Result) error {
	chosen, explicit, err := caps.Choose(in.Options.CapAdd, in.Options.CapDrop)
	if err != nil {
		return err
	}
	if in.Options.Privileged { // Docker lets no --cap-drop reduce it
		chosen, explicit = caps.All(), caps.All()
	}
	kernel := caps.All()
	if n := in.Host.LastCapability; n > 0 {
		kernel &= caps.UpTo(n)
	}
	have := hostCapabilities(in.Host.Capabilities)
	refused := chosen & kernel &^ have
	if asked := refused & explicit; asked != 0 {
		res.warn("not granted, because learnbox does not have it itself: %s", list(asked))
	}
	if others := refused &^ explicit; others != 0 {
		res.warn("missing from the usual capabilities, because learnbox does not have it itself: %s", list(others))
	}
	granted := (chosen & have).Names()
	c := &specs.LinuxCapabilities{Bounding: granted}
	if res.Spec.Process.User.UID == 0 {
		c.Permitted, c.Effective = granted, granted
	}
	res.Spec.Process.Capabilities = c
	return nil
}

// hostCapabilities leaves out what has no name here: nobody can ask for it.
func hostCapabilities(names []string) caps.Set {
	var s caps.Set
	for _, n := range names {
		if c, err := caps.Parse(n); err == nil {
			s |= c
		}
	}
	return s
}

func list(s caps.Set) string { return strings.Join(s.Names(), ", ") }
