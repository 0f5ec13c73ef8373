package spec

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// namesInHint is how many of the names in a file a hint offers.
const namesInHint = 8

// buildUser finds who runs the program: -u, else the image's User, else root, each as
// USER[:GROUP] by name or number. Without a group the user has those of the image's
// /etc/group; --group-add adds to either. The primary group stands in the list too: a
// process could otherwise step out of it and read what is closed to it (CVE-2022-36109).
func buildUser(in *Input, res *Result) error {
	who := in.Options.User
	if who == "" {
		who = in.Image.User
	}
	if hasNUL(who) {
		return fmt.Errorf("user %q contains a NUL byte", who)
	}
	name, groupName, _ := strings.Cut(who, ":")
	user, err := findUser(in, name)
	if err != nil {
		return fmt.Errorf("user %q: %w", who, err)
	}
	var groups []uint32
	if groupName != "" {
		if user.gid, err = findGroup(in, groupName); err != nil {
			return fmt.Errorf("user %q: %w", who, err)
		}
	} else if groups, err = groupsOf(in, user.name); err != nil {
		return fmt.Errorf("user %q: %w", who, err)
	}
	ids := append([]uint32{user.gid}, groups...)
	for _, g := range in.Options.GroupAdd {
		gid, err := findGroup(in, g)
		if err != nil {
			return fmt.Errorf("--group-add %q: %w", g, err)
		}
		ids = append(ids, gid)
	}
	res.Spec.Process.User = specs.User{UID: user.uid, GID: user.gid, AdditionalGids: unique(ids)}
	res.home = user.home
	return nil
}

// An identity is an account, parsed. Name is empty for a number that no line of the
// file has.
type identity struct {
	name     string
	uid, gid uint32
	home     string
}

// findUser looks for a name or number; nothing is root. The first line that fits counts.
func findUser(in *Input, name string) (identity, error) {
	if name == "" {
		name = "0"
	}
	id, isNumber, err := number(name)
	if err != nil {
		return identity{}, err
	}
	var (
		hit   *account
		names []string
	)
	exists, err := eachLine("/etc/passwd", in.Passwd, func(f []string) bool {
		a := accountOf(f)
		if isNumber && sameID(a.uid, id) || !isNumber && a.name == name {
			hit = &a
			return false
		}
		names = remember(names, a.name)
		return true
	})
	switch {
	case err != nil:
		return identity{}, err
	case hit != nil:
		return hit.parse()
	case isNumber:
		return identity{uid: id, home: "/"}, nil
	case !exists && name == "root":
		return identity{home: "/"}, nil
	case !exists:
		return identity{}, hinted("use a number, as in -u 1000", "the image has no /etc/passwd to find %s in", name)
	}
	return identity{}, hinted(offer(names), "no entry %s in the image's /etc/passwd", name)
}

// parse is strict about the one line that is used.
func (a *account) parse() (identity, error) {
	uid, err := parseID(a.uid)
	if err != nil {
		return identity{}, fmt.Errorf("entry %s of the image's /etc/passwd: user ID %w", a.name, err)
	}
	gid, err := parseID(a.gid)
	if err != nil {
		return identity{}, fmt.Errorf("entry %s of the image's /etc/passwd: group ID %w", a.name, err)
	}
	home := a.home
	if !strings.HasPrefix(home, "/") || hasNUL(home) {
		home = "/"
	}
	return identity{name: a.name, uid: uid, gid: gid, home: home}, nil
}

// findGroup looks for a name or number.
func findGroup(in *Input, name string) (uint32, error) {
	id, isNumber, err := number(name)
	if err != nil || isNumber {
		return id, err
	}
	var (
		hit   *group
		names []string
	)
	exists, err := eachLine("/etc/group", in.Group, func(f []string) bool {
		g := groupOf(f)
		if g.name == name {
			hit = &g
			return false
		}
		names = remember(names, g.name)
		return true
	})
	switch {
	case err != nil:
		return 0, err
	case hit != nil:
		gid, err := parseID(hit.gid)
		if err != nil {
			return 0, fmt.Errorf("entry %s of the image's /etc/group: group ID %w", name, err)
		}
		return gid, nil
	case !exists:
		return 0, hinted("use a number, as in 1000:1000", "the image has no /etc/group to find %s in", name)
	}
	return 0, hinted(offer(names), "no entry %s in the image's /etc/group", name)
}

// groupsOf returns the groups that list the user as a member.
func groupsOf(in *Input, user string) ([]uint32, error) {
	if user == "" {
		return nil, nil
	}
	var (
		ids []uint32
		bad error
	)
	_, err := eachLine("/etc/group", in.Group, func(f []string) bool {
		g := groupOf(f)
		if !slices.Contains(g.members, user) {
			return true
		}
		gid, err := parseID(g.gid)
		if err != nil {
			bad = fmt.Errorf("entry %s of the image's /etc/group: group ID %w", g.name, err)
			return false
		}
		ids = append(ids, gid)
		return true
	})
	return ids, errors.Join(err, bad)
}

// number tells a number from a name. What looks like a number but is none that we
// accept is an error, not a name to look for.
func number(word string) (id uint32, isNumber bool, err error) {
	if !isDigits(strings.TrimLeft(word, "+-")) {
		return 0, false, nil
	}
	id, err = parseID(word)
	if err != nil {
		return 0, true, hinted(fmt.Sprintf("user and group IDs go from 0 to %d", 1<<31-1), "bad ID: %w", err)
	}
	return id, true, nil
}

func unique(ids []uint32) []uint32 {
	var out []uint32
	for _, id := range ids {
		if !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

// remember keeps as many names as a hint shows, and one more to know that there are more.
func remember(names []string, name string) []string {
	if len(names) > namesInHint {
		return names
	}
	return append(names, strconv.Quote(name))
}

// offer lists what the file does have.
func offer(names []string) string {
	if len(names) == 0 {
		return "the file is empty; a number always works"
	}
	if len(names) > namesInHint {
		names[namesInHint] = "…"
	}
	return "the image has " + strings.Join(names, ", ") + "; a number always works"
}
