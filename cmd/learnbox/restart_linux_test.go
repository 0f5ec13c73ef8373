package main

import (
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/privtest"
)

// until waits for a line of ps that contains all words.
func (b bench) until(t *testing.T, words ...string) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		list := b.must(t, "ps", "-a")
		for line := range strings.Lines(list) {
			all := true
			for _, w := range words {
				all = all && strings.Contains(line, w)
			}
			if all {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("ps never showed %q; it shows\n%s", words, list)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestMonitorIsKilledBetween: while the program does not run, and while it is being
// started, nothing but the files tells of a container.
func TestMonitorIsKilledBetween(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	b.must(t, "run", "-d", "--name", "box", "--restart=always", "tiny", "sh", "-c", "sleep 0.3; exit 4")
	monitor := parentOf(t, b.pidOf(t))
	b.until(t, "box", "Restarting (4)")
	_ = unix.Kill(monitor, unix.SIGKILL)
	b.until(t, "box", "Exited (4)")
	if said := b.must(t, "inspect", "-f", "{{.State.Error}}", "box"); !strings.Contains(said, "monitor was killed") {
		t.Errorf("inspect says %q", said)
	}
	b.must(t, "rm", "box")
	b.nothingLeft(t)

	for pause := range 12 { // somewhere in the second start
		b.must(t, "run", "-d", "--name", "box", "--restart=always", "tiny", "sh", "-c", "sleep 0.2; exit 4")
		monitor := parentOf(t, b.pidOf(t))
		b.until(t, "box", "Restarting (4)")
		time.Sleep(90*time.Millisecond + time.Duration(pause)*3*time.Millisecond)
		_ = unix.Kill(monitor, unix.SIGKILL)
		b.until(t, "box", "Exited")
		b.must(t, "rm", "box")
		b.nothingLeft(t)
	}
}

// TestMonitorIsKilledDuringACheck: with the check's control group nothing is left.
func TestMonitorIsKilledDuringACheck(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	for pause := range 12 {
		b.must(t, "run", "-d", "--name", "box", "--health-cmd", "sleep 0.01", "--health-interval", "10ms", "tiny", "sleep", "1000")
		monitor := parentOf(t, b.pidOf(t))
		time.Sleep(100*time.Millisecond + time.Duration(pause)*3*time.Millisecond)
		_ = unix.Kill(monitor, unix.SIGKILL)
		b.until(t, "box", "Exited (137)")
		b.must(t, "rm", "box")
		b.nothingLeft(t)
	}
}

// TestAProgramEndsDuringACheck, and the container is pulled down while a check builds
// its control group.
func TestAProgramEndsDuringACheck(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	for pause := range 12 {
		b.must(t, "run", "-d", "--name", "box", "--health-cmd", "sleep 0.01", "--health-interval", "10ms", "tiny", "sleep", "1000")
		time.Sleep(100*time.Millisecond + time.Duration(pause)*3*time.Millisecond)
		b.must(t, "rm", "-f", "box")
		b.nothingLeft(t)
	}
}

// TestChecksThatAreCutShort: a timeout comes while the command is on its way in, and
// the process that would have become it must not stay as a zombie, for which
// the kernel would keep the container.
func TestChecksThatAreCutShort(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	for ms := 4; ms < 28; ms += 2 {
		b.must(t, "run", "-d", "--name", "box", "--health-cmd", "sleep 1", "--health-interval", "2ms", "--health-timeout", fmt.Sprintf("%dms", ms), "tiny", "sleep", "1000")
		time.Sleep(500 * time.Millisecond)
		b.must(t, "rm", "-f", "box")
		b.nothingLeft(t)
	}
}

// TestStopWhileItStarts: whenever stop comes, it ends the container for good.
func TestStopWhileItStarts(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	for pause := range 12 {
		b.must(t, "run", "-d", "--name", "box", "--restart=always", "tiny", "sh", "-c", "sleep 0.2; exit 4")
		b.until(t, "box", "Restarting (4)")
		time.Sleep(90*time.Millisecond + time.Duration(pause)*3*time.Millisecond)
		begin := time.Now()
		b.must(t, "stop", "-t", "0", "box")
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("stop took %v", took)
		}
		if list := b.must(t, "ps", "-a"); !strings.Contains(list, "Exited (4)") && !strings.Contains(list, "Exited (137)") {
			t.Errorf("ps says\n%s", list)
		}
		b.must(t, "rm", "box")
		b.nothingLeft(t)
	}
}

// TestRestartInATerminal: the program is at the user's terminal, and the next one
// has a terminal of the same size.
func TestRestartInATerminal(t *testing.T) {
	privtest.NoTrace(t)
	b := newBench(t)
	first := startCommand(t, b.command(t, "learnbox", "run", "-it", "--name", "box", "--restart=always", "tiny", "sh"))
	first.typeIn("stty size; tty; echo $((40 + 2))\r")
	first.see("31 97")
	first.see("/dev/pts/0")
	first.see("42\r\n")
	first.typeIn("exit 6\r")
	if code := first.end(); code != 6 {
		t.Errorf("run ends with %d, want the program's 6", code)
	}
	b.until(t, "box", "Up")
	second := startCommand(t, b.command(t, "learnbox", "attach", "box"))
	second.typeIn("stty size\r")
	second.see("31 97")
	second.typeIn("\x10\x11")
	if code := second.end(); code != 0 {
		t.Errorf("the keys that detach end with %d", code)
	}
	b.must(t, "kill", "box")
	b.must(t, "rm", "box")

	keys := startCommand(t, b.command(t, "learnbox", "run", "-it", "--name", "box", "--health-cmd", "true", "tiny", "sh"))
	keys.typeIn("echo $((40 + 2))\r")
	keys.see("42\r\n") // the story has numbers, too
	keys.typeIn("\x10\x11")
	if code := keys.end(); code != 0 {
		t.Errorf("the keys that detach end with %d", code)
	}
	b.until(t, "box", "Up")
	b.must(t, "rm", "-f", "box")
	b.nothingLeft(t)
}

// TestHealthOfAnImage runs images with a HEALTHCHECK.
func TestHealthOfAnImage(t *testing.T) {
	privtest.Require(t, "net")
	privtest.NoTrace(t)
	b := newBench(t)
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	base, host := tinyImage(t), strings.TrimPrefix(server.URL, "http://")
	for what, c := range map[string]struct {
		check *v1.HealthConfig
		shell []string
		flags []string
		want  string // ps; the check as inspect shows it; the output of the first check
	}{
		"a command":   {&v1.HealthConfig{Test: []string{"CMD", "echo", "a b"}, Interval: 1e8}, nil, nil, `(healthy) {"Test":["CMD","echo","a b"],"Interval":100000000} a b`},
		"a line":      {&v1.HealthConfig{Test: []string{"CMD-SHELL", "echo $0"}, Interval: 1e8}, []string{"/bin/sh", "-ec"}, nil, `(healthy) {"Test":["CMD-SHELL","echo $0"],"Interval":100000000} /bin/sh`},
		"more often":  {&v1.HealthConfig{Test: []string{"CMD", "echo", "c"}, Retries: 7}, nil, []string{"--health-interval=100ms"}, `(healthy) {"Test":["CMD","echo","c"],"Interval":100000000,"Retries":7} c`},
		"another one": {&v1.HealthConfig{Test: []string{"CMD", "false"}, Interval: 1e8}, nil, []string{"--health-cmd=echo mine"}, `(healthy) {"Test":["CMD-SHELL","echo mine"],"Interval":100000000} mine`},
	} {
		t.Run(what, func(t *testing.T) {
			ref := fmt.Sprintf("%s/checked:%s", host, strings.ReplaceAll(what, " ", "-"))
			pushWith(t, ref, base, c.check, c.shell)
			b.must(t, append(append([]string{"run", "-dq", "--name", "box"}, c.flags...), ref, "sleep", "1000")...)
			b.until(t, "box", "(healthy)")
			got := "(healthy) " + b.must(t, "inspect", "-f", "{{json .Config.Healthcheck}} {{(index .State.Health.Log 0).Output}}", "box")
			if strings.TrimSpace(got) != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			b.must(t, "rm", "-f", "box")
		})
	}
	for what, c := range map[string]struct {
		check *v1.HealthConfig
		flag  string
	}{
		"NONE":             {&v1.HealthConfig{Test: []string{"NONE"}}, "-q"},
		"--no-healthcheck": {&v1.HealthConfig{Test: []string{"CMD", "false"}}, "--no-healthcheck"},
	} {
		t.Run(what, func(t *testing.T) {
			ref := host + "/checked:" + strings.ToLower(strings.Trim(what, "-"))
			pushWith(t, ref, base, c.check, nil)
			b.must(t, "run", "-dq", c.flag, "--name", "box", ref, "sleep", "1000")
			if state := readText(t, stateOf(t, b)); strings.Contains(state, "Health") {
				t.Errorf("the state has a health: %s", state)
			}
			b.must(t, "rm", "-f", "box")
		})
	}
	t.Run("a damaged one", func(t *testing.T) {
		ref := host + "/checked:damaged"
		pushWith(t, ref, base, &v1.HealthConfig{Test: []string{"CMD", "true"}, Interval: 5}, nil)
		if _, stderr, code := b.run(t, "run", "-q", ref); code != 125 || !strings.Contains(stderr, "the image's health check: Interval in Healthcheck cannot be less than 1ms") {
			t.Errorf("code %d, %s", code, stderr)
		}
	})
	b.nothingLeft(t)
}

func stateOf(t *testing.T, b bench) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(b.root, "containers", "[0-9a-f]*", "state"))
	if err != nil || len(files) != 1 {
		t.Fatalf("states: %v, %v", files, err)
	}
	return files[0]
}

// pushWith pushes an image with a health check.
func pushWith(t *testing.T, word string, base v1.Image, check *v1.HealthConfig, shell []string) {
	t.Helper()
	file, err := base.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config := *file.Config.DeepCopy()
	config.Healthcheck, config.Shell = check, shell
	img, err := mutate.Config(base, config)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.NewTag(word)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, img); err != nil {
		t.Fatal(err)
	}
}
