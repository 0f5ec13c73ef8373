package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/privtest"
)

// TestLikeDocker types testdata/docker/commands.txt into Docker Engine and into
// learnbox, and compares what both answer.
func TestLikeDocker(t *testing.T) {
	privtest.Require(t, "docker")
	privtest.NoTrace(t)
	ours, docker := learnboxPeer(t), dockerPeer(t)
	for _, chapter := range readChapters(t) {
		t.Run(chapter.title, func(t *testing.T) {
			var answers [2][]answer
			var both sync.WaitGroup
			for i, p := range []peer{ours, docker} {
				both.Go(func() { answers[i] = p.answers(t, chapter.commands) })
			}
			both.Wait()
			for i, command := range chapter.commands {
				command.compare(t, answers[0][i], answers[1][i])
			}
		})
	}
}

// A peer is one of the two, as a shell sees it.
type peer struct {
	dir string // where the shell stands
	env []string
}

// An answer is what a command did.
type answer struct {
	code           int
	stdout, stderr string
	took           time.Duration
}

// answers runs the commands of a chapter, which begins without containers.
func (p peer) answers(t *testing.T, commands []command) []answer {
	t.Helper()
	p.run(t, `set -- $(docker ps -aq); test $# = 0 || docker rm -f "$@"`)
	var all []answer
	for _, c := range commands {
		all = append(all, p.run(t, c.line))
	}
	return all
}

func (p peer) run(t *testing.T, line string) answer {
	t.Helper()
	const patience = 20 * time.Second
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", line)
	cmd.Dir, cmd.Env, cmd.WaitDelay = p.dir, p.env, time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	start := time.Now()
	err := cmd.Run()
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		t.Errorf("%s: %v", line, err)
	}
	return answer{cmd.ProcessState.ExitCode(), alike(stdout.String()), stopsWaiting.ReplaceAllString(stderr.String(), ""), time.Since(start)}
}

// stopsWaiting is what Docker's client says now and then after "run -d", if it is done before it has
// given up to wait for the container's end. It means nothing.
var stopsWaiting = regexp.MustCompile(`(?m)^time="[^"]*" level=error msg="error waiting for container: context canceled"\n`)

// newPeer makes the directory of a peer, in which docker is the given shell command.
func newPeer(t *testing.T, docker string, env ...string) peer {
	t.Helper()
	dir := t.TempDir()
	work := filepath.Join(dir, "work")
	script := fmt.Sprintf("#!/bin/sh\nexec %s \"$@\"\n", docker)
	err := errors.Join(os.Mkdir(work, 0o755), os.WriteFile(filepath.Join(dir, "docker"), []byte(script), 0o755))
	if err != nil {
		t.Fatal(err)
	}
	return peer{work, append(append(os.Environ(), "HOME="+dir, "PATH="+dir+":"+os.Getenv("PATH")), env...)}
}

func learnboxPeer(t *testing.T) peer {
	t.Helper()
	b := newBench(t)
	b.must(t, "run", "--rm", "tiny", "true") // unpacks the image
	return newPeer(t, filepath.Join(b.dir, "learnbox"), "LEARNBOX_ROOT="+b.root, "LEARNBOX_CONFIG=/nonexistent")
}

// dockerPeer starts an engine of its own, in namespaces of its own: one that runs on the
// machine is not disturbed, and all it started ends with it.
func dockerPeer(t *testing.T) peer {
	t.Helper()
	dir, err := os.MkdirTemp("", "docker") //nolint:usetesting // a socket's path has 108 bytes, unix(7)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	group := fmt.Sprintf("learnbox-docker-%d", os.Getpid())
	config, log := filepath.Join(dir, "daemon.json"), filepath.Join(dir, "log")
	if err := os.WriteFile(config, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc",
		"dockerd", "--config-file", config, "--data-root", dir+"/data", "--exec-root", dir+"/exec", "--pidfile", dir+"/pid",
		"--host", "unix://"+dir+"/sock", "--cgroup-parent", "/"+group, "--exec-opt", "native.cgroupdriver=cgroupfs",
		"--bridge=none", "--iptables=false", "--ip6tables=false") // it may forward packets in its own network, or it warns of that
	out, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { endDocker(t, cmd, group) })
	client := "docker"
	if _, err := os.Stat("/usr/bin/docker"); err == nil {
		client = "/usr/bin/docker" // the one that came with the engine
	}
	p := newPeer(t, client, "DOCKER_HOST=unix://"+dir+"/sock", "DOCKER_CONFIG="+dir+"/config")
	p.loadTiny(t, log)
	return p
}

// endDocker ends the engine and all that is in its pid namespace with it.
func endDocker(t *testing.T, cmd *exec.Cmd, group string) {
	t.Helper()
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	for _, tree := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/*"} { // version 2, and 1
		groups, _ := filepath.Glob(filepath.Join(tree, group))
		for _, dir := range groups {
			removeGroup(t, dir)
		}
	}
}

// removeGroup removes a control group and those below it.
func removeGroup(t *testing.T, dir string) {
	t.Helper()
	below, _ := filepath.Glob(filepath.Join(dir, "*", "cgroup.procs"))
	for _, procs := range below {
		removeGroup(t, filepath.Dir(procs))
	}
	for deadline := time.Now().Add(5 * time.Second); ; <-time.After(10 * time.Millisecond) {
		err := os.Remove(dir)
		if err == nil {
			return
		}
		if time.Now().After(deadline) { // its processes were killed, and take that long to go?
			t.Error(err)
			return
		}
	}
}

// loadTiny waits for the engine and gives it the image that learnbox has embedded.
func (p peer) loadTiny(t *testing.T, log string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); p.run(t, "docker version").code != 0; {
		if time.Now().After(deadline) {
			t.Fatalf("dockerd does not start:\n%s", readText(t, log))
		}
		<-time.After(50 * time.Millisecond)
	}
	layout, err := filepath.Abs(filepath.Join("..", "..", "pull", "tiny", "image"))
	if err != nil {
		t.Fatal(err)
	}
	const name = "docker.io/library/tiny:latest"
	for _, line := range []string{fmt.Sprintf("skopeo copy -q oci:%s:%s docker-archive:tiny.tar:%s", layout, name, name), "docker load -qi tiny.tar", "rm tiny.tar"} {
		if a := p.run(t, line); a.code != 0 {
			t.Fatalf("%s: %s", line, a.stderr)
		}
	}
}

// compare looks at everything in which the answers may differ, and takes no difference
// that is not announced, nor announces one that is not there.
func (c command) compare(t *testing.T, ours, docker answer) {
	t.Helper()
	for _, look := range []struct{ what, diff string }{
		{"code", cmp.Diff(docker.code, ours.code)},
		{"stdout", cmp.Diff(docker.stdout, ours.stdout)},
		{"stderr", cmp.Diff(docker.stderr != "", ours.stderr != "")},
	} {
		switch name := c.differs[look.what]; {
		case look.diff != "" && name == "":
			t.Errorf("%s\n%s differs, docker -, learnbox +:\n%s\ndocker:   %slearnbox: %s", c.line, look.what, look.diff, docker.stderr, ours.stderr)
		case look.diff == "" && name != "":
			t.Errorf("%s\n%s does not differ, as %s says", c.line, look.what, name)
		}
	}
	const slack = 3 * time.Second // a loaded machine
	for who, took := range map[string]time.Duration{"docker": docker.took, "learnbox": ours.took} {
		if took < c.takes || c.takes > 0 && took > c.takes+slack {
			t.Errorf("%s\n%s took %s, want %s", c.line, who, took, c.takes)
		}
	}
}
