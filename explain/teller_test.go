package explain

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/learnbox/learnbox/explain/stop"
	"github.com/learnbox/learnbox/narrate"
)

// steps of a run that exists only here; the ids are those of texts that exist.
var steps = []narrate.Step{{ID: "ns.uts", Title: "A hostname"}, {ID: "ns.net", Title: "A network"}, {ID: "process.exec", Title: "The program"}}

func teller(t *testing.T, o Options) (*Teller, *strings.Builder) {
	t.Helper()
	var out strings.Builder
	o.Out = &out
	for _, s := range steps {
		o.Steps = append(o.Steps, s.ID)
	}
	tell, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return tell, &out
}

func runSteps(n *narrate.Narrator) error {
	for _, s := range steps {
		if err := n.Run(s, func() error { return nil }); err != nil {
			return err
		}
	}
	return nil
}

func TestLevels(t *testing.T) {
	for _, c := range []struct {
		level  Level
		attend bool
		has    string
		hasNot string
	}{
		{Off, false, "", "ns.uts"},
		{Brief, false, "ns.uts            A hostname ", "docker"},
		{Full, true, "  docker  linux.namespaces[type=uts]", `"v":"1"`},
		{JSON, true, `{"v":"1","type":"step","id":"ns.uts","n":1,"phase":"done","title":"A hostname"`, "took"},
	} {
		t.Run(string(c.level), func(t *testing.T) {
			tell, out := teller(t, Options{Level: c.level})
			if got := tell.Narrator().Attend; got != c.attend {
				t.Errorf("attends: %v, want %v", got, c.attend)
			}
			if err := runSteps(tell.Narrator()); err != nil {
				t.Fatal(err)
			}
			<-tell.Running()
			tell.Close()
			if got := out.String(); !strings.Contains(got, c.has) || strings.Contains(got, c.hasNot) {
				t.Errorf("told:\n%s\nwant %q and no %q", got, c.has, c.hasNot)
			}
		})
	}
}

func TestParseLevel(t *testing.T) {
	if l, err := ParseLevel("full"); l != Full || err != nil {
		t.Errorf("ParseLevel = %q, %v", l, err)
	}
	if _, err := ParseLevel("loud"); err == nil {
		t.Error("loud is no level")
	}
}

func TestTheJournalHasWhatCameBeforeIt(t *testing.T) {
	tell, _ := teller(t, Options{Level: Brief, Hello: narrate.Record{Image: "tiny"}})
	n := tell.Narrator()
	if err := n.Run(steps[0], func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	tell.Know(Known{ID: "abc", Name: "box", Dir: dir, Needed: []string{"ns.uts", "process.exec"}})
	broken := errors.New("broken")
	if err := n.Run(steps[2], func() error { return broken }); !errors.Is(err, broken) {
		t.Fatal(err)
	}
	tell.Close()
	f, err := os.Open(filepath.Join(dir, JournalName))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	records, err := narrate.Read(f)
	if err != nil || len(records) != 3 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	if h := records[0]; h.Type != narrate.TypeHello || h.Container != "abc" || h.Name != "box" || h.Image != "tiny" {
		t.Errorf("hello: %+v", h)
	}
	if r := records[2]; r.ID != "process.exec" || r.Phase != narrate.Fail || r.Error != "broken" || r.N != 2 || r.Container != "abc" {
		t.Errorf("the failed step: %+v", r)
	}
}

func TestStopsAndVerdicts(t *testing.T) {
	keys := make(chan stop.Verdict, 8)
	points, err := stop.Parse([]string{"ns.uts"}, []string{"ns.net"}, []string{"ns.uts", "ns.net", "process.exec"})
	if err != nil {
		t.Fatal(err)
	}
	tell, out := teller(t, Options{
		Level: Off, Points: points, Gate: t.TempDir(),
		Keys: func() (<-chan stop.Verdict, func()) { return keys, func() {} },
	})
	keys <- stop.Next     // before ns.uts
	keys <- stop.Continue // before ns.net, because of next
	keys <- stop.Abort    // after ns.net
	if err := runSteps(tell.Narrator()); !errors.Is(err, ErrAborted) {
		t.Errorf("the run ended with %v, want ErrAborted", err)
	}
	tell.Close()
	var stops []string
	for line := range strings.Lines(out.String()) {
		if at, ok := strings.CutPrefix(line, "stopped "); ok {
			at, who, _ := strings.Cut(at, ";")
			if want := fmt.Sprintf(" it has no process yet, learnbox itself is %d\n", os.Getpid()); who != want {
				t.Errorf("the stop names%q, want%q", who, want)
			}
			stops = append(stops, at)
		}
	}
	if look := fmt.Sprintf("  look      cat /proc/%d/mountinfo\n", os.Getpid()); strings.Count(out.String(), look) != 3 {
		t.Errorf("not each stop says %q:\n%s", look, out)
	}
	if got := strings.Join(stops, ", "); got != "before ns.uts, before ns.net, after ns.net" {
		t.Errorf("stopped %s", got)
	}
}

func TestTheEndOfTheContextEndsAStop(t *testing.T) {
	points, err := stop.Parse([]string{"ns.uts"}, nil, []string{"ns.uts"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupted := errors.New("interrupted")
	time.AfterFunc(20*time.Millisecond, func() { cancel(interrupted) })
	tell, err := New(ctx, Options{Out: new(strings.Builder), Points: points, Gate: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer tell.Close()
	if err := runSteps(tell.Narrator()); !errors.Is(err, interrupted) {
		t.Errorf("the run ended with %v", err)
	}
}

func TestExpand(t *testing.T) {
	v := Variables{"PID": "7", "ID": "abc", "ROOT": "/r", "MERGED": ""}
	if got := v.Expand("cat /proc/$PID/x $ROOT/$ID $RUN $MERGED/dev"); got != "cat /proc/7/x /r/abc $RUN /dev" {
		t.Errorf("Expand = %q", got)
	}
}
