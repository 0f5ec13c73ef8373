package main

import (
	"bytes"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/privtest"
)

// Four shells type at random over a handful of names, and somebody kills commands,
// monitors, inits and programs at random. Whatever happens, the next ps tells the
// truth, and when all containers are removed nothing is left of them.

// Who wants to see a failure again, or to look for longer, sets these two. The same seed
// types the same commands; how they interleave is the machine's.
const (
	chaosSeed = "LEARNBOX_CHAOS_SEED"
	chaosTime = "LEARNBOX_CHAOS_TIME" // as in 10m; 15s without it
)

// chaosVerbs is what the shells type. NAME and OTHER are any of the names, PROGRAM any
// of chaosPrograms; a command with INTERRUPT is interrupted after a while, as it may wait for ever.
const chaosVerbs = `
run -d --name NAME tiny PROGRAM
run -d --name NAME tiny PROGRAM
run -d --rm --name NAME tiny PROGRAM
run --rm --name NAME tiny echo hello
run --rm tiny sleep 0.2
INTERRUPT run --name NAME tiny PROGRAM
create --name NAME tiny PROGRAM
start NAME
start NAME OTHER
INTERRUPT start -a NAME
stop -t 0 NAME
stop -t 1 NAME
restart -t 0 NAME
kill NAME
kill -s TERM NAME
pause NAME
unpause NAME
unpause OTHER
rename NAME OTHER
exec NAME true
exec NAME sleep 0.2
exec -d NAME sleep 1000
cp NAME:/etc/passwd -
cp /etc/hostname NAME:/tmp
rm NAME
rm -f NAME
rm -f NAME OTHER
logs NAME
INTERRUPT logs -f NAME
INTERRUPT attach NAME
INTERRUPT wait NAME
ps
ps -a -s
inspect NAME
top NAME
diff NAME
container prune -f
`

const chaosPrograms = `
sleep 1000
sleep 0.3
true
/nosuch
sh -c 'trap "exit 3" TERM; while :; do echo here; sleep 0.05; done'
sh -c 'trap "" TERM; while :; do date > /now; sleep 0.05; done'
`

// refusals are the errors that a user may see who works with containers while somebody else
// removes and kills them. Everything else is a bug.
var refusals = regexp.MustCompile(`^learnbox: [a-z ]+: (` + strings.Join([]string{
	`(warning: )?(\w+: )?no such (container|object)`,
	`no such container or image: \w+`,
	`(\w+: )?the container is (not )?(running|paused|created|exited)`,
	`exec.start: start in cgroup learnbox-[0-9a-f]+: it is frozen`,
	`the container has ended in this moment`,
	`the container is being started or removed`,
	`\w+ does not run: it is \w+`,
	`\w+ is paused`,
	`the name "\w+" is taken by container [0-9a-f]{12}`,
	`the container has that name already`,
	`(\w+: )?process.exec: /nosuch is not in the image`,
	// These tell of what the killer did.
	`(\w+: )?the monitor ended before the program could start`,
	`(\w+: )?the container's monitor is gone`,
	`(\w+: )?[a-z.]+: the init ended before the program could start`,
}, "|") + ")")

// A chaos is a bench on which several commands run at once.
type chaos struct {
	bench

	until time.Time
	names []string

	mu       sync.Mutex
	commands map[int]string // those that run, by their PID
	killed   map[int]bool   // what the killer hit
	typed    int
	story    []string // what happened last
	problems []string
}

func TestChaos(t *testing.T) {
	privtest.NoTrace(t)
	seed, length := chaosSettings(t)
	t.Logf("%s=%d types the same commands again", chaosSeed, seed)
	c := &chaos{bench: newBench(t), names: []string{"ant", "bee", "cat", "dog", "eel"}, commands: map[int]string{}, killed: map[int]bool{}}
	c.must(t, "run", "--rm", "tiny", "true") // unpacks the image
	c.until = time.Now().Add(length)
	var all sync.WaitGroup
	for i := range uint64(4) {
		all.Go(func() { c.shell(rand.New(rand.NewPCG(seed, i))) })
	}
	all.Go(func() { c.killer(rand.New(rand.NewPCG(seed, 99))) })
	all.Wait()
	t.Logf("%d commands, %d kills", c.typed, len(c.killed))
	for _, p := range c.problems {
		t.Error(p)
	}
	c.listTellsTheTruth(t)
	if ids := strings.Fields(c.must(t, "ps", "-aq")); len(ids) > 0 {
		c.must(t, append([]string{"rm", "-f"}, ids...)...)
	}
	c.nothingLeft(t)
}

func chaosSettings(t *testing.T) (seed uint64, length time.Duration) {
	t.Helper()
	seed, length = rand.Uint64(), 15*time.Second
	var err error
	if s := os.Getenv(chaosSeed); s != "" {
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	if s := os.Getenv(chaosTime); s != "" {
		if length, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
	}
	return seed, length
}

// shell types commands, one after the other.
func (c *chaos) shell(random *rand.Rand) {
	pick := func(lines string) string {
		all := strings.Split(strings.TrimSpace(lines), "\n")
		return all[random.IntN(len(all))]
	}
	for time.Now().Before(c.until) {
		line := strings.NewReplacer(
			"NAME", c.names[random.IntN(len(c.names))],
			"OTHER", c.names[random.IntN(len(c.names))],
			"PROGRAM", pick(chaosPrograms),
		).Replace(pick(chaosVerbs))
		patience := time.Duration(random.IntN(1000)) * time.Millisecond
		if line, waits := strings.CutPrefix(line, "INTERRUPT "); waits {
			c.do(line, patience)
		} else {
			c.do(line, 0)
		}
	}
}

// do runs one command and judges it. It must end within half a minute.
func (c *chaos) do(line string, interrupt time.Duration) {
	const patience = 30 * time.Second
	var out, errs bytes.Buffer
	cmd := c.command(c.t, "sh", "-c", "exec learnbox "+line)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		c.problem("%v", err)
		return
	}
	pid := cmd.Process.Pid
	c.begin(pid, line)
	if interrupt > 0 {
		timer := time.AfterFunc(interrupt, func() { c.kill(pid) })
		defer timer.Stop()
	}
	stuck := time.AfterFunc(patience, func() { _ = unix.Kill(pid, unix.SIGQUIT) }) // Go prints all stacks then
	_ = cmd.Wait()
	inTime := stuck.Stop()
	switch killed := c.end(pid, cmd.ProcessState.String()); {
	case !inTime:
		c.problem("learnbox %s: not done after %s:\n%s", line, patience, &errs)
	case killed:
	case cmd.ProcessState.ExitCode() < 0 && !strings.HasPrefix(line, "exec "): // that one can be hit while it enters a group that is killed
		c.problem("learnbox %s: %s, and it was not the killer", line, cmd.ProcessState)
	default:
		c.judge(line, errs.String())
	}
}

// judge looks for errors that nobody should see.
func (c *chaos) judge(line, errs string) {
	for l := range strings.Lines(errs) {
		// A shell in a container says "Killed" when its sleep was.
		if !strings.HasPrefix(l, "hint: ") && l != "Killed\n" && !refusals.MatchString(l) {
			c.problem("learnbox %s: %s", line, errs)
			return
		}
	}
}
