package lifecycle

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/learnbox/learnbox/internal/linux"
)

// adjectives and surnames make names in Docker's pattern, adjective_surname.
// The surnames are those of people to whom computing owes something.
const (
	adjectives = "able agile amber bold brave brisk busy calm clever cosy crisp curious dapper eager earnest epic fair fancy " +
		"festive fond gallant gentle gifted glad golden graceful happy hardy honest hopeful humble jolly keen kind lively " +
		"loving lucid lucky mellow merry mighty modest neat nimble noble patient peaceful plucky polite proud quick quiet " +
		"quirky ready serene sharp silly sleepy smart snug steady sunny swift tender thirsty tidy upbeat vivid warm wise witty zen"
	surnames = "allen ampere avogadro babbage backus banzhaf bardeen bartik beaver bell berners boole borg brattain brin " +
		"carson cerf church clarke cocks codd conway cormack cray curie dahl darwin diffie dijkstra easley einstein elion " +
		"engelbart euclid euler faggin faraday feistel fermat feynman floyd franklin galileo gauss germain goldberg goldstine " +
		"hamilton hamming hawking heisenberg hellman hertz hodgkin hoover hopper hugle hypatia jang jennings jepsen johnson " +
		"joliot kalam kapitsa keller kepler kernighan kilby kirch knuth kowalevski lalande lamarr lamport leakey lichterman " +
		"liskov lovelace lumiere mahavira maxwell mccarthy mcclintock meitner merkle mirzakhani moore morse newton nobel noether " +
		"noyce panini pascal pasteur payne perlman pike poincare ptolemy raman ramanujan rhodes ride ritchie rosalind saha sammet " +
		"shannon shaw shockley sinoussi solomon stallman stonebraker swanson swartz swirles tesla thompson torvalds turing " +
		"villani volhard wescoff wiles williams wilson wing wozniak wright yalow yonath"
)

func randomName() string { return pick(adjectives) + "_" + pick(surnames) }

func pick(words string) string {
	all := strings.Fields(words)
	return all[rand.IntN(len(all))] //nolint:gosec // a name is no secret
}

// validName follows Docker: a letter or digit, then letters, digits, _ . and -.
func validName(s string) bool {
	const alnum = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	return len(s) > 1 && len(s) <= 128 && strings.Contains(alnum, s[:1]) && strings.Trim(s, alnum+"_.-") == ""
}

type nameError struct{ name string }

func (e *nameError) Error() string { return fmt.Sprintf("%q cannot be a container's name", e.name) }

// Hint says what can.
func (e *nameError) Hint() string {
	return "two or more letters, digits, '_', '.' or '-', the first a letter or digit"
}

// claim takes a name for an ID: a symbolic link from one to the other, which
// symlink(2) refuses to make twice. A name whose container is gone is free.
func (c *Containers) claim(name, id string) (string, error) {
	random := name == ""
	for {
		if random {
			name = randomName()
		}
		link := filepath.Join(c.names(), name)
		target := filepath.Join("..", id)
		err := linux.Shown(os.Symlink(target, link), "symlink(%q, %q)", target, link)
		if err == nil {
			return name, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", err
		}
		if random {
			continue
		}
		// Its owner may have been killed between the two removals of remove, or of Rename.
		owner, err := c.free(name, func(owner string) bool { return !c.owns(owner, name) })
		if err != nil {
			return "", err
		}
		if owner != "" {
			return "", &NameTakenError{name, owner}
		}
	}
}

// free removes a name if its owner may lose it, and returns the owner if not.
// A lock makes one step of the look and the removal: between them the name
// could have become somebody else's.
func (c *Containers) free(name string, may func(owner string) bool) (owner string, err error) {
	unlock, err := c.lockNames()
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	return c.drop(name, may)
}

// drop is free for somebody who has the lock.
func (c *Containers) drop(name string, may func(owner string) bool) (owner string, err error) {
	link := filepath.Join(c.names(), name)
	to, err := os.Readlink(link)
	switch owner = filepath.Base(to); {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", err
	case !may(owner):
		return owner, nil
	}
	return "", os.Remove(link)
}

// allNames are those of all containers.
func (c *Containers) allNames() []string {
	entries, _ := os.ReadDir(c.names()) // without them nobody can be meant
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names
}
