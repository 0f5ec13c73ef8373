package byhand

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/learnbox/learnbox/internal/privtest"
	"github.com/learnbox/learnbox/sandbox/spec"
)

var update = flag.Bool("update", false, "write the golden files anew")

// cases are the scripts that are kept in testdata.
func cases() map[string]func(*spec.Input) {
	return map[string]func(*spec.Input){
		"plain":      func(*spec.Input) {},
		"everything": everything,
		"shared":     shared,
		"limited":    limited,
	}
}

func TestGolden(t *testing.T) {
	for name, change := range cases() {
		t.Run(name, func(t *testing.T) {
			got := Script(build(t, change))
			golden := filepath.Join("testdata", name+".golden.sh")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("Script gives another text (- wanted, + got; go test -update writes it down):\n%s", diff)
			}
		})
	}
}

// parts are the script and the scripts inside it.
func parts(t *testing.T, script string) []string {
	t.Helper()
	all := []string{script}
	for _, m := range regexp.MustCompile(`(?m)^cat >\S+ <<'(\w+)'$`).FindAllStringSubmatchIndex(script, -1) {
		text, _, found := strings.Cut(script[m[1]+1:], "\n"+script[m[2]:m[3]]+"\n")
		if !found {
			t.Fatalf("the text that begins with %s has no end", script[m[0]:m[1]])
		}
		all = append(all, text+"\n")
	}
	if len(all) != 3 {
		t.Errorf("%d scripts in one, want the one outside, the init's and its plan", len(all))
	}
	return all
}

// TestShellReadsIt has a shell parse every part, and shellcheck look at it.
func TestShellReadsIt(t *testing.T) {
	for name, change := range cases() {
		for i, part := range parts(t, Script(build(t, change))) {
			if out, err := check(t, part, "sh", "-n"); err != nil {
				t.Errorf("%s, part %d: sh -n: %v\n%s", name, i, err, out)
			}
		}
	}
	privtest.Require(t, "shellcheck")
	for name, change := range cases() {
		for i, part := range parts(t, Script(build(t, change))) {
			command := []string{"shellcheck", "-s", "sh", "-"}
			if i > 0 { // $dir and others come in their environment, and words in single quotes are for the program
				command = append(command, "-e", "SC2154,SC2016")
			}
			if out, err := check(t, part, command...); err != nil {
				t.Errorf("%s, part %d: shellcheck: %v\n%s", name, i, err, out)
			}
		}
	}
}

func check(t *testing.T, script string, command ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command[0], command[1:]...)
	cmd.Stdin = strings.NewReader(script)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestQuote has a shell read back what was quoted.
func TestQuote(t *testing.T) {
	for _, want := range []string{
		"", "plain", "/a/path-1.0", "two words", "it's", `"$HOME"`, "`id`", `back\slash`, "two\nlines\n\n", "*", "~", "-n", "a=b",
		"'", "''", "#", "!", "é", "\x01\x81\x88\xff", "$(exit 1)", "a;b&c|d<e>f(g)h{i}j[k]l",
	} {
		out, err := check(t, "printf %s "+quote(want)+"; printf .", "sh", "-s")
		if err != nil || out != want+"." {
			t.Errorf("the shell reads %s as %q, %v; want %q", quote(want), out, err, want)
		}
	}
}

// TestCommentsStayComments: no word of a user may end the line that it is printed on,
// or speak to the terminal.
func TestCommentsStayComments(t *testing.T) {
	got := comment("a\nrm -rf /\r\vx\u2028y\x1b[31m " + strings.Repeat("word ", 30))
	want := []string{"# a?rm -rf /??x?y?[31m" + strings.Repeat(" word", 15), "#" + strings.Repeat(" word", 15)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the lines (- wanted, + got):\n%s", diff)
	}
}

// TestHereDocEnds where it should, whatever the text is.
func TestHereDocEnds(t *testing.T) {
	text := []string{"echo 'x", "END", "END_", "$HOME'"}
	out, err := check(t, strings.Join(hereDoc("cat", "END", text), "\n")+"\necho after\n", "sh", "-s")
	if want := "echo 'x\nEND\nEND_\n$HOME'\nafter\n"; err != nil || out != want {
		t.Errorf("the shell reads %q, %v; want %q", out, err, want)
	}
}

// TestEveryStep: each has lines in a run that needs it, and stands in the script in
// the order of the table, but for the pivot and what follows it outside.
func TestEveryStep(t *testing.T) {
	ids := strings.Fields(tableOfSteps)
	around := []string{"container.create", "process.exit"} // of which the script has the lines, but no heading
	if got, want := Steps(), slices.Sorted(slices.Values(append(around, ids...))); !slices.Equal(got, want) {
		t.Errorf("Steps() = %q, want %q", got, want)
	}
	in := build(t, everything)
	script := strings.ReplaceAll(Script(in), "\n    ", "\n")
	for _, id := range append(around, ids...) {
		lines := Lines(in)(id)
		if len(lines) == 0 {
			t.Errorf("Lines(%q) is empty in a run that needs all steps", id)
		}
		for _, l := range lines {
			if slices.Contains(around, id) && !strings.Contains(script, strings.TrimLeft(l, " ")+"\n") {
				t.Errorf("%s: the script does not have the line %q", id, l)
			}
		}
	}
	if got := Lines(in)("no.such"); got != nil {
		t.Errorf(`Lines("no.such") = %q, want none`, got)
	}
	var got []string
	for _, m := range regexp.MustCompile(`(?m)^# == ([a-z_.]+): `).FindAllStringSubmatch(Script(in), -1) {
		got = append(got, m[1])
	}
	// init.plan holds the steps of the init, which follow init.go in the table.
	at := slices.Index(ids, "container.save")
	rest := slices.Index(ids, "ns.uts")
	inside := slices.DeleteFunc(slices.Clone(ids[rest:]), func(id string) bool { return id == "limits.pids" })
	want := slices.Concat(ids[:at], inside, []string{"container.save", "rootfs.pivot", "limits.pids", "init.go"})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the order of the steps (- wanted, + got):\n%s", diff)
	}
}

// TestUnneededStepsAreAbsent in a container that shares nearly everything.
func TestUnneededStepsAreAbsent(t *testing.T) {
	in := build(t, shared)
	for _, id := range []string{
		"ns.uts", "ns.ipc", "ns.net", "net.loopback", "ns.cgroup", "rootfs.volumes", "tty.open", "host.sysctl",
		"rootfs.mask", "rootfs.readonly", "host.name", "limits.rlimits", "limits.oom", "limits.pids", "privs.no_new", "seccomp.load",
	} {
		if got := Lines(in)(id); len(got) > 0 {
			t.Errorf("Lines(%q) = %q, want none", id, got)
		}
	}
	if clone := strings.Join(Lines(in)("init.clone"), "\n"); strings.Contains(clone, "--kill-child --pid") {
		t.Errorf("--pid host, and yet there is a pid namespace:\n%s", clone)
	}
}

// TestRefusals: what learnbox refuses, the script refuses.
func TestRefusals(t *testing.T) {
	for what, volume := range map[string]string{
		"shared propagation":   "/data:/data:rshared",
		"a volume inside proc": "/data:/proc/sys",
	} {
		in := build(t, func(in *spec.Input) { in.Options.Volumes = []string{volume} })
		lines := strings.Join(Lines(in)("rootfs.volumes"), "\n")
		if !strings.Contains(lines, "\ndie ") || strings.Contains(lines, "mount --") {
			t.Errorf("%s: the lines are\n%s", what, lines)
		}
	}
}

// TestVolumes: those with a name are learnbox's, the others the script's own.
func TestVolumes(t *testing.T) {
	const data = "/var/lib/learnbox/volumes/data/_data"
	for volume, want := range map[string][]string{
		"data:/d":           {"[ -d " + data + " ] || die ", `[ -n "$(ls -A ` + data + `)" ] || cp -a "$at/." ` + data, "mount --rbind " + data + ` "$at"`},
		"data:/d:nocopy,ro": {"mount --rbind " + data + ` "$at"`, "remount,bind,ro"},
		"/d":                {`mkdir -p "$dir/volumes/0fe1"`, `cp -a "$at/." "$dir/volumes/0fe1"`, `mount --rbind "$dir/volumes/0fe1" "$at"`},
	} {
		in := build(t, func(in *spec.Input) { in.Options.Volumes = []string{volume} })
		lines := strings.Join(Lines(in)("rootfs.volumes"), "\n")
		for _, w := range want {
			if !strings.Contains(lines, w) {
				t.Errorf("-v %s: no %q in\n%s", volume, w, lines)
			}
		}
		if strings.Contains(lines, "cp -a") == strings.Contains(volume, "nocopy") {
			t.Errorf("-v %s: copied, or not, in\n%s", volume, lines)
		}
	}
	in := build(t, func(in *spec.Input) { in.Options.Mounts = []string{"src=data,dst=/d,volume-subpath=a/b"} })
	if lines := strings.Join(Lines(in)("rootfs.volumes"), "\n"); !strings.Contains(lines, "mount --rbind "+data+"/a/b ") || strings.Contains(lines, "x-subpath") {
		t.Errorf("a part of a volume:\n%s", lines)
	}
}

// TestDeviceRules as devices.allow reads them, on version 1.
func TestDeviceRules(t *testing.T) {
	lines := Lines(build(t, func(in *spec.Input) { in.Options.Devices = []string{"/dev/dir:/dev/x:r"} }))("cgroup.limit")
	group := `/sys/fs/cgroup/devices/"$group"/devices.`
	for _, want := range []string{
		"echo a >" + group + "deny", "echo 'c *:* m' >" + group + "allow", "echo 'c 136:* rwm' >" + group + "allow",
		"echo 'c 10:229 r' >" + group + "allow", "echo 'b 8:0 r' >" + group + "allow",
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("there is no line %q in\n%s", want, strings.Join(lines, "\n"))
		}
	}
	if lines[0] != "echo a >"+group+"deny" {
		t.Errorf("the first rule is %q, want that all is forbidden", lines[0])
	}
	privileged := Lines(build(t, func(in *spec.Input) { in.Options.Privileged = true }))("cgroup.limit")
	if strings.Contains(strings.Join(privileged, "\n"), "echo") {
		t.Errorf("a privileged container has rules: %q", privileged)
	}
}
