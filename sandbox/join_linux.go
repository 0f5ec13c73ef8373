package sandbox

import (
	"os"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/internal/linux"
	"github.com/learnbox/learnbox/sandbox/rootfs"
)

// join enters what setns(2) can enter. A thread that shares its root directory with
// others cannot change its mount namespace, and all threads of Go do.
func (g *guest) join() error {
	target := os.NewFile(pidfdFD, "the container's first process")
	defer target.Close()
	if err := linux.UnshareFS(); err != nil {
		return err
	}
	flags := 0
	for _, n := range g.Namespaces {
		if n.Type != specs.UserNamespace {
			flags |= cloneFlag(n.Type)
		}
	}
	if err := linux.Setns(target, flags); err != nil {
		return err
	}
	root, err := rootfs.Open("/")
	if err != nil {
		return err
	}
	g.root = root
	return g.useOwnNull()
}

// openOwnTerminal is openTerminal without a /dev/console: that one is the first
// program's.
func (g *guest) openOwnTerminal() error {
	master, err := g.newTerminal()
	if err != nil {
		return err
	}
	if g.Stay {
		g.master = master
		return nil
	}
	defer master.Close()
	return g.ch.send(&message{Terminal: true}, master)
}
