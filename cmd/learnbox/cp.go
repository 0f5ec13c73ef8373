package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/learnbox/learnbox/lifecycle/cp"
)

// CpCmd is "learnbox cp".
type CpCmd struct {
	Archive bool   `short:"a" help:"Keep the owners of what is copied out of a container."`
	Follow  bool   `name:"follow-link" short:"L" help:"Copy what a link leads to and not the link."`
	Quiet   bool   `short:"q" help:"Do not say what was copied."`
	From    string `arg:"" placeholder:"CONTAINER:PATH|PATH|-" help:"What to copy; - is an archive on standard input."`
	To      string `arg:"" placeholder:"CONTAINER:PATH|PATH|-" help:"Where to; - is an archive on standard output."`
}

// Help is printed below the flags.
func (CpCmd) Help() string {
	return `Copies files and directories between a container, running or not, and this
machine. "-" is a tar archive. A directory is copied into one that is there, and
becomes one that is not; DIR/. is what is in it. A path in a container begins at its
root, and no link leads out of that. In a container files keep their owners; on
this machine they are yours, without set-user-ID bits, unless -a keeps both.

Examples:
  learnbox cp web:/var/log/nginx ./logs
  learnbox cp site/. web:/srv
  learnbox cp web:/etc - | tar -t`
}

// A cpEnd is one of the two words.
type cpEnd struct {
	container string // empty: on this machine
	path      string
}

// cpWord takes a word apart. As in Docker, one that begins with a dot or a slash is a
// path, whatever colons are in it.
func cpWord(word string) cpEnd {
	if container, path, ok := strings.Cut(word, ":"); ok && !filepath.IsAbs(word) && !strings.HasPrefix(word, ".") {
		return cpEnd{container, path}
	}
	return cpEnd{"", word}
}

// Run does the verb.
func (c *CpCmd) Run(a *app) error {
	from, to := cpWord(c.From), cpWord(c.To)
	switch {
	case from.path == "" || to.path == "":
		return usageError("a path is empty")
	case from.container != "" && to.container != "":
		return exitError{exitUsage, hintedError{
			errors.New("copying between containers is not supported"), fmt.Sprintf("learnbox cp %s - | learnbox cp - %s", c.From, c.To),
		}}
	case from.container == "" && to.container == "":
		return usageError("one of the two must be in a container: CONTAINER:PATH")
	}
	return a.asRoot("copy files of a container", c.copy(a, from, to))
}

// notThere names the word of the command line that leads nowhere.
func notThere(word string, inside bool, err error) error {
	switch {
	case !errors.Is(err, fs.ErrNotExist):
		return err
	case inside:
		return hintedError{
			fmt.Errorf("%s: no such file or directory in the container", word),
			"a path there begins at the container's root, and no link leads out of that",
		}
	}
	return fmt.Errorf("%s: no such file or directory", word)
}

func (c *CpCmd) copy(a *app, from, to cpEnd) (err error) {
	inside := from
	if to.container != "" {
		inside = to
	}
	tree, path, release, err := a.treeOf(inside, to.container != "")
	if err != nil {
		return unknownContainer(err)
	}
	defer func() { err = errors.Join(err, release()) }()
	if to.container != "" {
		return c.copyIn(a, from.path, tree, path)
	}
	return c.copyOut(a, tree, path, to.path)
}

func (c *CpCmd) copyIn(a *app, from string, tree *cp.Root, to string) error {
	target, err := tree.Target(to)
	if err != nil {
		return notThere(c.To, true, err)
	}
	defer target.Close()
	if from == "-" {
		if !target.IsDir {
			return fmt.Errorf("%s must be a directory: an archive is unpacked in it", c.To)
		}
		return c.unpack(a, a.stdin, target, true)
	}
	source, err := localSource(from, c.Follow)
	if err != nil {
		return notThere(from, false, err)
	}
	defer source.Close()
	return c.transfer(a, source, target, true)
}

func (c *CpCmd) copyOut(a *app, tree *cp.Root, from, to string) error {
	source, err := tree.Source(from, c.Follow)
	if err != nil {
		return notThere(c.From, true, err)
	}
	defer source.Close()
	if to == "-" {
		if isTerminalWriter(a.stdout) {
			return hintedError{errors.New("an archive is not for a terminal"), "send it to a file or a program: learnbox cp " + c.From + " - | tar -t"}
		}
		return source.Pack(a.ctx, a.stdout, source.Name)
	}
	target, err := localTarget(to)
	if err != nil {
		return notThere(to, false, err)
	}
	defer target.Close()
	return c.transfer(a, source, target, c.Archive)
}

// transfer lets one end make an archive while the other takes it apart.
func (c *CpCmd) transfer(a *app, source *cp.Source, target *cp.Target, owners bool) error {
	name, err := target.Place(source)
	if err != nil {
		return err
	}
	r, w := io.Pipe()
	packed := make(chan error, 1)
	go func() {
		err := source.Pack(a.ctx, w, name)
		w.CloseWithError(err)
		packed <- err
	}()
	err = c.unpack(a, r, target, owners)
	r.CloseWithError(err)
	if packErr := <-packed; packErr != nil && !errors.Is(err, packErr) && err == nil {
		err = packErr
	}
	return err
}

func (c *CpCmd) unpack(a *app, r io.Reader, target *cp.Target, owners bool) error {
	counted := &countingReader{r: r}
	skipped, err := target.Unpack(a.ctx, counted, owners)
	if err == nil {
		_, err = io.Copy(io.Discard, r) // who writes an archive may write more blocks than it needs
	}
	for _, name := range skipped {
		a.warn("cp", name+": devices and sockets are not copied")
	}
	if err == nil && !c.Quiet && a.terminalErr() {
		fmt.Fprintf(a.stderr, "Successfully copied %s to %s\n", humanSize(counted.n), c.To)
	}
	return err
}

// A countingReader knows how much was read.
type countingReader struct {
	r io.Reader
	n int64 // bytes
}

// Read reads.
func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// absolutePath is filepath.Abs, which would take away the slash or the dot at the end.
func absolutePath(p string) (string, error) {
	if filepath.IsAbs(p) {
		return p, nil
	}
	wd, err := os.Getwd()
	return wd + "/" + p, err
}

func localSource(p string, follow bool) (*cp.Source, error) {
	host, err := cp.Host()
	if err != nil {
		return nil, err
	}
	defer host.Close()
	if p, err = absolutePath(p); err != nil {
		return nil, err
	}
	return host.Source(p, follow)
}

func localTarget(p string) (*cp.Target, error) {
	host, err := cp.Host()
	if err != nil {
		return nil, err
	}
	defer host.Close()
	if p, err = absolutePath(p); err != nil {
		return nil, err
	}
	return host.Target(p)
}
