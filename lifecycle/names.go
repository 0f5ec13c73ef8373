package lifecycle

import (
	"fmt"
	"math/rand/v2"
	"strings"
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
