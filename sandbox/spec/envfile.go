package spec

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxEnvLine is the longest line of an env file, in bytes: Docker's limit.
const maxEnvLine = bufio.MaxScanTokenSize

// ParseEnvFile reads the file of --env-file by Docker's rules and returns NAME=VALUE:
//
//   - one variable a line; blank lines and lines that begin with # do not count, nor
//     does blank space before a name, nor a byte order mark at the start
//   - the value is everything behind the first =, quotes and blanks included; there is
//     no escaping and no substitution
//   - a NAME alone takes its value from environ, and is left out where that has none
//   - the file is UTF-8
//
// An error names its line.
func ParseEnvFile(r io.Reader, environ []string) ([]string, error) {
	var env []string
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxEnvLine)
	number := 0
	for lines.Scan() {
		number++
		line := lines.Text()
		if number == 1 {
			line = strings.TrimPrefix(line, "\ufeff")
		}
		v, err := envLine(line, environ)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		if v != "" {
			env = append(env, v)
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, fmt.Errorf("line %d: longer than %d bytes", number+1, maxEnvLine)
	} else if err != nil {
		return nil, fmt.Errorf("after line %d: %w", number, err)
	}
	return env, nil
}

// envLine returns NAME=VALUE, or nothing for a line that sets nothing.
func envLine(line string, environ []string) (string, error) {
	if !utf8.ValidString(line) {
		return "", errors.New("not UTF-8")
	}
	line = strings.TrimLeftFunc(line, unicode.IsSpace)
	if line == "" || line[0] == '#' {
		return "", nil
	}
	name, _, hasValue := strings.Cut(line, "=")
	switch {
	case name == "":
		return "", fmt.Errorf("no variable name in %q", line)
	case strings.ContainsFunc(name, unicode.IsSpace):
		return "", hinted("a line is NAME=VALUE, without blanks before the = and without \"export\"",
			"variable name %q contains blanks", name)
	case hasNUL(line):
		return "", fmt.Errorf("variable %q contains a NUL byte", name)
	case hasValue:
		return line, nil
	}
	v, _ := lookupEnv(environ, name)
	return v, nil
}
