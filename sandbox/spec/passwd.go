package spec

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
)

// Both files come out of an image, so a stranger wrote them.
const (
	maxIDFile = 16 << 20 // bytes read of /etc/passwd or /etc/group
	maxIDLine = 1 << 20  // bytes of a line: a group's list of members may be long
)

// An account is a line of /etc/passwd (passwd(5)); uid and gid are as written there.
type account struct{ name, uid, gid, home string }

// A group is a line of /etc/group (group(5)).
type group struct {
	name, gid string
	members   []string
}

// eachLine calls do with the fields of every line until do returns false. A file that
// does not exist has no lines, and found is false.
func eachLine(what string, open func() (io.ReadCloser, error), do func(fields []string) bool) (found bool, err error) {
	if open == nil {
		return false, nil
	}
	f, err := open()
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("open the image's %s: %w", what, err)
	}
	defer f.Close()
	limited := &io.LimitedReader{R: f, N: maxIDFile + 1}
	lines := bufio.NewScanner(limited)
	lines.Buffer(nil, maxIDLine)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		if !do(strings.Split(line, ":")) {
			return true, nil
		}
	}
	if err := lines.Err(); err != nil {
		return true, fmt.Errorf("read the image's %s: %w", what, err)
	}
	if limited.N == 0 {
		return true, fmt.Errorf("read the image's %s: larger than %d bytes", what, maxIDFile)
	}
	return true, nil
}

// field returns a field of a line, or nothing where the line is too short.
func field(fields []string, i int) string {
	if i < len(fields) {
		return fields[i]
	}
	return ""
}

func accountOf(f []string) account {
	return account{name: field(f, 0), uid: field(f, 2), gid: field(f, 3), home: field(f, 5)}
}

func groupOf(f []string) group {
	return group{name: field(f, 0), gid: field(f, 2), members: strings.Split(field(f, 3), ",")}
}

// parseID reads a user or group ID. Runtimes have made root out of a number that
// overflowed or did not parse (CVE-2024-40635, CVE-2026-30892), so: digits only, at most
// 2^31-1, and an error is never 0.
func parseID(s string) (uint32, error) {
	if !isDigits(s) {
		return 0, fmt.Errorf("%q is not a number", s)
	}
	id, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("%s is larger than %d", s, 1<<31-1)
	}
	return uint32(id), nil
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// sameID tells whether the field of a file is this number; a field that is none is not.
func sameID(field string, id uint32) bool {
	n, err := parseID(field)
	return err == nil && n == id
}
