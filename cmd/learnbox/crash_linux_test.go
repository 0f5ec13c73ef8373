package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/learnbox/learnbox/internal/privtest"
	"github.com/learnbox/learnbox/sandbox"
)

// What kill -9 leaves behind, at every step of a run and on either side, and
// that the next command finds and removes it.
//
// The init tells the parent of every step that it begins, when somebody
// listens. strace(1) can send a signal at the N-th call of a kind, so "the
// N-th sendmsg of the init" is a step hit exactly: it never gets further.

// A bench is one data root, on which commands run one after the other.
type bench struct {
	t         *testing.T
	dir, root string
}

func newBench(t *testing.T) bench {
	t.Helper()
	privtest.Require(t, "root", "overlay", "cgroup", "tiny")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b := bench{t: t, dir: t.TempDir()}
	b.root = filepath.Join(b.dir, "root")
	for _, name := range []string{"learnbox", "learnbox-told"} {
		if err := os.Symlink(self, filepath.Join(b.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// command is learnbox, or a program that starts it, on the bench's root.
func (b bench) command(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), "LEARNBOX_ROOT="+b.root, "LEARNBOX_CONFIG=/nonexistent", "PATH="+b.dir+":"+os.Getenv("PATH"))
	if strings.HasPrefix(name, "learnbox") {
		cmd.Path, cmd.Err = filepath.Join(b.dir, name), nil
	}
	return cmd
}

// must runs a command of learnbox that has to succeed and returns its output.
func (b bench) must(t *testing.T, args ...string) string {
	t.Helper()
	cmd := b.command(t, "learnbox", args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil || errs.Len() > 0 {
		t.Fatalf("learnbox %q: %v\n%s%s", args, err, &out, &errs)
	}
	return out.String()
}

// atRest checks that the next command tells the truth about the container
// "crashed" and that nothing but it is left; then it removes it, and the name
// can be had again.
func (b bench) atRest(t *testing.T, kept bool) {
	t.Helper()
	list := strings.Fields(b.must(t, "ps", "-a", "--format", "{{.Names}} {{.State}}"))
	switch {
	case len(list) == 0:
	case kept && len(list) == 2 && list[0] == "crashed" && (list[1] == "exited" || list[1] == "created"):
		b.must(t, "rm", "-v", "crashed")
	default:
		t.Errorf("ps -a shows %q", list)
	}
	b.nothingLeft(t)
	b.must(t, "run", "--rm", "--name", "crashed", "tiny", "true")
	b.nothingLeft(t)
}

// nothingLeft checks the directories of containers; privtest.NoTrace sees to
// mounts, cgroups, links and processes.
func (b bench) nothingLeft(t *testing.T) {
	t.Helper()
	for _, dir := range []string{"run", "run/stops", "containers", "containers/names", "volumes"} {
		entries, err := os.ReadDir(filepath.Join(b.root, dir))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		for _, e := range entries {
			aName := dir == "volumes" && len(e.Name()) < 64 && e.Name()[0] != '.' // somebody gave it, so it stays
			kept := []string{"names", "stops", "events", "events.1"}              // and what is in the first two, by the other directories
			if !slices.Contains(kept, e.Name()) && !aName {
				t.Errorf("%s/%s is left", dir, e.Name())
			}
		}
	}
}

// settled waits until no container runs or is being made.
func (b bench) settled(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; <-time.After(5 * time.Millisecond) {
		b.must(t, "ps", "-q")
		running, err := filepath.Glob(filepath.Join(b.root, "run", strings.Repeat("[0-9a-f]", 64)))
		if err != nil || len(running) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("there is still %v", running)
		}
	}
}

// runOfAllSteps are command lines that leave no step out between them: one of a container
// that goes with its command and has no terminal, and one of a container that is kept by a
// monitor, and has.
func runOfAllSteps(kept bool) []string {
	args := []string{"learnbox-told", "run", "--name", "crashed"}
	if kept {
		args = append(args, "-t")
	} else {
		args = append(args, "--rm")
	}
	return append(args, "--read-only", "--oom-score-adj", "500", "--pids-limit", "50", "--security-opt", "no-new-privileges", "--sysctl", "net.ipv4.ip_forward=1",
		"--ulimit", "core=0", "-v", "./data:/data", "-v", "/home", "-u", "1000", "tiny", "true")
}

// strace runs the command line under strace(1).
func (b bench) strace(t *testing.T, options, args []string) *exec.Cmd {
	t.Helper()
	return b.command(t, "strace", append(append([]string{"-f", "-qq"}, options...), args...)...)
}

// needStrace also warms up: the image is unpacked, the filter compiled.
func (b bench) needStrace(t *testing.T) {
	t.Helper()
	privtest.Require(t, "strace")
	b.must(t, "run", "--rm", "tiny", "true")
}

// An undisturbed run, as strace and learnbox-told saw it.
type undisturbed struct {
	began    []string       // steps
	announce map[string]int // which sendmsg of the init announces a step; the parent's own steps are not in it
	others   map[string]int // the most messages that anybody else had sent until then
}

func (b bench) watch(t *testing.T, kept bool) undisturbed {
	t.Helper()
	trace, steps := filepath.Join(t.TempDir(), "trace"), filepath.Join(t.TempDir(), "steps")
	cmd := b.strace(t, []string{"-o", trace, "-s", "300", "-e", "trace=sendmsg,write"}, runOfAllSteps(kept))
	cmd.Env = append(cmd.Env, stepsEnv+"="+steps)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	u := undisturbed{began: strings.Fields(readText(t, steps)), announce: map[string]int{}, others: map[string]int{}}
	call := regexp.MustCompile(`^(\d+) +(sendmsg|write)\(`)
	sends := map[string]int{}
	for line := range strings.Lines(readText(t, trace)) {
		c := call.FindStringSubmatch(line)
		if c == nil {
			continue
		}
		if c[2] == "sendmsg" {
			sends[c[1]]++
		}
		if step := begun(line); step != "" {
			u.announce[step] = sends[c[1]]
			for thread, n := range sends {
				if thread != c[1] {
					u.others[step] = max(u.others[step], n)
				}
			}
		}
	}
	return u
}

// begun is the step whose begin a line of the trace announces: its id, then
// "begin" with its length before it, as a wire writes texts.
func begun(line string) string {
	for _, s := range sandbox.Steps() {
		if strings.Contains(line, s.ID+`\5begin`) {
			return s.ID
		}
	}
	return ""
}

func readText(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
