package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/learnbox/learnbox/explain"
	"github.com/learnbox/learnbox/narrate"
	"github.com/learnbox/learnbox/pull"
	"github.com/learnbox/learnbox/pull/store"
)

// Where learnbox keeps its files when nobody says otherwise: data, and what dies
// with a boot.
const (
	defaultRoot   = "/var/lib/learnbox"
	defaultRunDir = "/run/learnbox"
)

// An app is what every verb is given: the streams, the places on disk and the
// settings. It lives as long as one command.
type app struct {
	argv   []string // as typed, for hints that repeat the command
	verb   string   // of it, for warnings
	stdin  *os.File
	stdout io.Writer
	stderr io.Writer

	ctx context.Context //nolint:containedctx // one command is one request; verbs pass it on as an argument

	root, runDir string // absolute
	registries   pull.Registries
	maxUnpacked  int64             // bytes; 0: the default
	narrate      *narrate.Narrator // nil: nobody listens
	teller       *explain.Teller   // nil: nobody but tests listens
	stops        *stopFlags        // where it stops
	held         *heldWriter       // what the teller writes to
	imageUsers   imageUsers        // nil: there are no containers
	without      []string          // steps to leave out: only shielded sets it
	untidy       bool              // warnUntidy has said so
}

// configure finds the places and the registries: flags before environment
// before configuration file. Lists add up in that order.
func (a *app) configure(c *cli) error {
	cfg, err := loadConfig(configPath())
	if err != nil {
		return err
	}
	root := firstOf(c.Root, os.Getenv("LEARNBOX_ROOT"), cfg.Root, defaultRoot)
	if a.root, err = filepath.Abs(root); err != nil {
		return fmt.Errorf("find the directory %s: %w", root, err)
	}
	a.runDir = runDirFor(a.root)
	a.imageUsers = a.containersOf
	a.registries = pull.Registries{
		Mirrors:  joinLists(c.RegistryMirror, commaList(os.Getenv("LEARNBOX_REGISTRY_MIRRORS")), cfg.RegistryMirrors),
		Insecure: joinLists(c.InsecureRegistry, commaList(os.Getenv("LEARNBOX_INSECURE_REGISTRIES")), cfg.InsecureRegistries),
	}
	return nil
}

// runDirFor says where sockets, locks and pids belong. A root that is not the
// default one has its own, so that two roots never meet.
func runDirFor(root string) string {
	if root == defaultRoot {
		return defaultRunDir
	}
	return filepath.Join(root, "run")
}

// imagesDir is the OCI image layout.
func (a *app) imagesDir() string { return filepath.Join(a.root, "images") }

// rootfsDir holds the flattened images.
func (a *app) rootfsDir() string { return filepath.Join(a.root, "rootfs") }

// openStore opens the image store.
func (a *app) openStore() (*store.Store, error) {
	s, err := store.Open(a.imagesDir())
	if err != nil {
		return nil, a.asRoot("keep images in "+a.imagesDir(), err)
	}
	return s, nil
}

// asRoot explains a refusal to somebody who is not root. Whether root is
// needed is found by trying: a root of one's own, chosen with --root, works
// for everything but running. To root it explains a disk that is read-only.
func (a *app) asRoot(what string, err error) error {
	if os.Geteuid() == 0 || !errors.Is(err, fs.ErrPermission) {
		return a.readOnlyDisk(err)
	}
	return hintedError{
		err:  fmt.Errorf("needs root to %s: %w", what, fs.ErrPermission),
		hint: sudoLine(a.argv, os.Environ()),
	}
}

// sudoLine is the command as typed, as root. sudo drops the environment
// (sudoers(5), env_reset), so what learnbox reads from it is repeated.
func sudoLine(argv, environ []string) string {
	words := []string{"sudo"}
	for _, e := range environ {
		if _, value, _ := strings.Cut(e, "="); strings.HasPrefix(e, "LEARNBOX_") && value != "" {
			words = append(words, shellQuote(e))
		}
	}
	for _, w := range argv {
		words = append(words, shellQuote(w))
	}
	return strings.Join(words, " ")
}

// shellQuote makes one word for sh(1) out of s, unchanged if it is one already.
func shellQuote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=@%+,", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// commaList splits "a, b" and drops what is empty.
func commaList(s string) []string {
	var list []string
	for v := range strings.SplitSeq(s, ",") {
		if v = strings.TrimSpace(v); v != "" {
			list = append(list, v)
		}
	}
	return list
}

// joinLists puts lists one behind the other and keeps the first of equals.
func joinLists(lists ...[]string) []string {
	var all []string
	seen := map[string]bool{}
	for _, l := range lists {
		for _, v := range l {
			if !seen[v] {
				seen[v] = true
				all = append(all, v)
			}
		}
	}
	return all
}
