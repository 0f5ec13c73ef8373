package main

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/privtest"
)

// An outage is a chaos in which every shell has a container of its own, so that what
// must be there is known at any moment.
type outage struct {
	chaos

	kept map[string]bool // the IDs of containers that were reported, and that nobody has begun to remove
}

// TestPowerLoss stands still all who write files, at random moments, and copies the files. That
// is what a machine finds that lost its power then, but for what the disk had not written
// yet; and its run root is empty. It must be told from it what there was, and no more.
func TestPowerLoss(t *testing.T) {
	privtest.NoTrace(t)
	seed, length := chaosSettings(t)
	t.Logf("%s=%d types the same commands again", chaosSeed, seed)
	o := &outage{chaos: chaos{bench: newBench(t), commands: map[int]string{}, killed: map[int]bool{}}, kept: map[string]bool{}}
	o.must(t, "run", "--rm", "tiny", "true") // unpacks the image
	o.until = time.Now().Add(length / 3)
	var all sync.WaitGroup
	for i := range uint64(3) {
		all.Go(func() { o.live(t, fmt.Sprintf("box%d", i), rand.New(rand.NewPCG(seed, i))) })
	}
	random, copies := rand.New(rand.NewPCG(seed, 99)), 0
	for ; time.Now().Before(o.until) && !t.Failed(); copies++ {
		<-time.After(time.Duration(random.IntN(100)) * time.Millisecond)
		o.lose(t)
	}
	all.Wait()
	t.Logf("%d commands, %d losses of power", o.typed, copies)
	if ids := strings.Fields(o.must(t, "ps", "-aq")); len(ids) > 0 {
		o.must(t, append([]string{"rm", "-f"}, ids...)...)
	}
	o.nothingLeft(t)
}

// live leads one container after the other through its life.
func (o *outage) live(t *testing.T, name string, random *rand.Rand) {
	t.Helper()
	for time.Now().Before(o.until) && !t.Failed() {
		if random.IntN(3) == 0 {
			o.run(t, "run", "-d", "--rm", "--name", name, "tiny", "sleep", "1000")
			o.run(t, "rm", "-f", name)
			continue
		}
		id := o.run(t, "create", "--name", name, "tiny", "sleep", "1000")
		o.mu.Lock()
		o.kept[id] = true
		o.mu.Unlock()
		for range random.IntN(5) {
			verbs := [][]string{
				{"start", id},
				{"stop", "-t", "0", id},
				{"restart", "-t", "0", id},
				{"rename", id, fmt.Sprintf("%s-%d", name, random.IntN(1e9))},
			}
			o.run(t, verbs[random.IntN(len(verbs))]...)
		}
		o.mu.Lock()
		delete(o.kept, id)
		o.mu.Unlock()
		o.run(t, "rm", "-f", id)
	}
}

// run is must for a command that can be made to stand still.
func (o *outage) run(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	cmd := o.command(t, "learnbox", args...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	o.mu.Lock()
	err := cmd.Start()
	if err == nil {
		o.typed++
		o.commands[cmd.Process.Pid] = strings.Join(args, " ")
	}
	o.mu.Unlock()
	if err == nil {
		err = cmd.Wait()
		o.end(cmd.Process.Pid, "")
	}
	if err != nil || errs.Len() > 0 {
		t.Errorf("learnbox %q: %v\n%s", args, err, &errs)
	}
	return strings.TrimSpace(out.String())
}

// lose copies what is on disk, and looks at the copy.
func (o *outage) lose(t *testing.T) {
	t.Helper()
	after := bench{t: t, dir: o.dir, root: filepath.Join(t.TempDir(), "root")}
	if err := os.Mkdir(after.root, 0o700); err != nil {
		t.Fatal(err)
	}
	o.mu.Lock()
	goOn := o.standStill()
	kept, under := maps.Clone(o.kept), strings.Join(slices.Collect(maps.Values(o.commands)), "; ")
	out, err := o.command(t, "cp", "-a", filepath.Join(o.root, "containers"), after.root).CombinedOutput()
	goOn()
	o.mu.Unlock()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	giveOtherIDs(t, filepath.Join(after.root, "containers"))
	names := map[string]bool{}
	for line := range strings.Lines(after.must(t, "ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.State}} {{.Names}}")) {
		f := strings.Fields(line)
		if f[1] != "created" && f[1] != "exited" {
			t.Errorf("after a loss of power during %s: %s is %s", under, f[0], f[1])
		}
		if names[f[2]] {
			t.Errorf("after a loss of power during %s: two are called %s", under, f[2])
		}
		names[f[2]] = true
		after.must(t, "inspect", f[2])
		delete(kept, otherID(f[0]))
	}
	if len(kept) > 0 {
		t.Errorf("after a loss of power during %s: %v are lost", under, kept)
	}
	for name := range names {
		after.must(t, "rm", name)
	}
	after.nothingLeft(t)
}

// standStill stops all commands and monitors where they are. One may bear another in this
// moment, so it looks again until there is nobody new. The caller holds o.mu, so nobody
// types anything.
func (o *outage) standStill() (goOn func()) {
	still := map[int]bool{}
	for found := true; found; {
		found = false
		pids := o.monitors()
		for pid := range o.commands {
			pids = append(pids, pid)
		}
		for _, pid := range pids {
			if !still[pid] {
				still[pid], found = true, true
				_ = unix.Kill(pid, unix.SIGSTOP) // it may have ended
			}
		}
		<-time.After(time.Millisecond)
	}
	return func() {
		for pid := range still {
			_ = unix.Kill(pid, unix.SIGCONT)
		}
	}
}

// giveOtherIDs gives the copied containers other IDs: those that they are copies of still run,
// in control groups of that name, and a machine that has lost its power has none.
func giveOtherIDs(t *testing.T, containers string) {
	t.Helper()
	var errs []error
	dirs, _ := filepath.Glob(filepath.Join(containers, "[.0-9a-f]*"))
	for _, dir := range dirs {
		id := dir[strings.LastIndexAny(dir, "/-")+1:] // it may be .gone-ID
		for _, file := range []string{"container.json", "config.json"} {
			file = filepath.Join(dir, file)
			if text, err := os.ReadFile(file); err == nil {
				errs = append(errs, os.WriteFile(file, bytes.ReplaceAll(text, []byte(id), []byte(otherID(id))), 0o600))
			}
		}
		errs = append(errs, os.Rename(dir, strings.TrimSuffix(dir, id)+otherID(id)))
	}
	links, _ := filepath.Glob(filepath.Join(containers, "names", "*"))
	for _, link := range links {
		to, err := os.Readlink(link)
		errs = append(errs, err, os.Remove(link), os.Symlink("../"+otherID(filepath.Base(to)), link))
	}
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// otherID is an ID that belongs to this one, and the other way round.
func otherID(id string) string {
	return strings.Map(func(digit rune) rune {
		const digits = "0123456789abcdef"
		return rune(digits[len(digits)-1-strings.IndexRune(digits, digit)])
	}, id)
}
