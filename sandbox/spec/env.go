package spec

import (
	"fmt"
	"slices"
	"strings"
)

// defaultPath is Docker's PATH for an image that sets none.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// defaultTerm is Docker's for a program with a terminal.
const defaultTerm = "TERM=xterm"

// buildEnv sets the environment in Docker's order: the defaults, then the user's
// variables, then the image's that the user did not name, each replacing a default of
// its name in its place; HOME last, unless it is there with a value.
func buildEnv(in *Input, res *Result) error {
	env := environment{}
	env.set("PATH=" + defaultPath)
	env.set("HOSTNAME=" + res.Hostname)
	if in.Options.TTY {
		env.set(defaultTerm)
	}
	named := map[string]bool{}
	if err := env.setAll(in.Options.Env, in.Host.Environ, named); err != nil {
		return err
	}
	for _, e := range in.Image.Env {
		name, _, hasValue := strings.Cut(e, "=")
		switch {
		case name == "" || hasNUL(e):
			return fmt.Errorf("environment variable %q of the image: want NAME=VALUE", e)
		case named[name]:
		case !hasValue:
			env.unset(name)
		default:
			env.set(e)
		}
	}
	if home := res.home; env.get("HOME") == "" {
		env.set("HOME=" + home)
	}
	res.Spec.Process.Env = env
	return nil
}

// An environment is a list of NAME=VALUE with each name once.
type environment []string

func (e environment) index(name string) int {
	return slices.IndexFunc(e, func(v string) bool {
		n, _, _ := strings.Cut(v, "=")
		return n == name
	})
}

func (e environment) get(name string) string {
	v, _ := lookupEnv(e, name)
	return strings.TrimPrefix(v, name+"=")
}

// set takes NAME=VALUE; a variable that is there keeps its place.
func (e *environment) set(v string) {
	name, _, _ := strings.Cut(v, "=")
	if i := e.index(name); i >= 0 {
		(*e)[i] = v
		return
	}
	*e = append(*e, v)
}

// setAll sets what was typed as NAME=VALUE. A NAME alone takes its value from environ, and
// is taken away where that has none, as in Docker. The names are noted.
func (e *environment) setAll(typed, environ []string, named map[string]bool) error {
	for _, v := range typed {
		name, _, hasValue := strings.Cut(v, "=")
		if name == "" || hasNUL(v) {
			return fmt.Errorf("environment variable %q: want NAME=VALUE or NAME", v)
		}
		if named != nil {
			named[name] = true
		}
		if !hasValue {
			if v, hasValue = lookupEnv(environ, name); !hasValue {
				e.unset(name)
				continue
			}
		}
		e.set(v)
	}
	return nil
}

func (e *environment) unset(name string) {
	if i := e.index(name); i >= 0 {
		*e = slices.Delete(*e, i, i+1)
	}
}

// lookupEnv returns NAME=VALUE of the first variable of that name, as os.LookupEnv does.
func lookupEnv(environ []string, name string) (string, bool) {
	for _, e := range environ {
		if strings.HasPrefix(e, name+"=") {
			return e, true
		}
	}
	return "", false
}

func hasNUL(s string) bool { return strings.IndexByte(s, 0) >= 0 }
