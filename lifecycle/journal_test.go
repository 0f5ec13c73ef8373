package lifecycle

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/learnbox/learnbox/internal/privtest"
)

// actions are what a journal tells of one container, in order.
func actions(t *testing.T, j Journal, id string) []string {
	t.Helper()
	var all []string
	if err := j.Read(func(e Event) {
		if e.Actor.ID == id {
			all = append(all, e.Action)
		}
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestAJournalKeepsTheOrder(t *testing.T) {
	j := OpenJournal(t.TempDir())
	var writers sync.WaitGroup
	for w := range 8 {
		writers.Go(func() {
			for i := range 50 {
				j.Tell(NewEvent("container", fmt.Sprint(i), fmt.Sprint(w)))
			}
		})
	}
	writers.Wait()
	for w := range 8 {
		got := actions(t, j, fmt.Sprint(w))
		if len(got) != 50 || got[0] != "0" || got[49] != "49" {
			t.Errorf("writer %d: %v", w, got)
		}
	}
}

// Whoever is killed while he writes leaves a part of a line.
func TestATornLineHidesNoOther(t *testing.T) {
	j := OpenJournal(t.TempDir())
	j.Tell(NewEvent("container", "one", "id"))
	f, err := os.OpenFile(j.path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"Type":"container","Action":"torn","Actor":{"ID":"id`); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if got := actions(t, j, "id"); !slices.Equal(got, []string{"one"}) {
		t.Errorf("beside the torn line: %v", got)
	}
	j.Tell(NewEvent("container", "two", "id"))
	if got := actions(t, j, "id"); !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("behind the torn line: %v", got)
	}
}

// A journal that has grown too large begins anew, for many writers as for one, and the
// reader finds all that was told since the time before.
func TestAJournalBeginsAnew(t *testing.T) {
	j := OpenJournal(t.TempDir())
	long := strings.Repeat("x", 64<<10)
	for range journalLimit / len(long) {
		j.Tell(NewEvent("container", "fill", "other", "long", long))
	}
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for range 100 {
				j.Tell(NewEvent("container", "more", "id"))
			}
		})
	}
	writers.Wait()
	if got := actions(t, j, "id"); len(got) != 400 {
		t.Errorf("%d of 400 are left", len(got))
	}
	for path, least := range map[string]int64{j.path: 1, j.path + ".1": journalLimit} {
		if info, err := os.Stat(path); err != nil || info.Size() < least {
			t.Errorf("%s: %v, %v", path, info, err)
		}
	}
}

// Whoever opened the file before it was renamed must open the new one: who follows is there
// by then.
func TestNobodyWritesToTheFileBefore(t *testing.T) {
	j := OpenJournal(t.TempDir())
	j.Tell(NewEvent("container", "one", "id"))
	f, err := os.OpenFile(j.path, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Rename(j.path, j.path+".1"); err != nil {
		t.Fatal(err)
	}
	if j.tell(f, []Event{NewEvent("container", "two", "id")}) {
		t.Error("it was told there")
	}
}

// Somebody who may not write there loses his events, and nothing else.
func TestEventsThatCannotBeWrittenAreLost(t *testing.T) {
	Journal{}.Tell(NewEvent("image", "pull", "alpine"))
	j := Journal{t.TempDir() + "/missing/events"}
	j.Tell(NewEvent("image", "pull", "alpine"))
	if err := j.Read(func(Event) { t.Error("there is an event") }); err != nil {
		t.Error(err)
	}
}

// The end of a container whose monitor was killed is told once, by the next command,
// wherever the monitor was when it was killed.
func TestTheEndIsToldOnce(t *testing.T) {
	privtest.Require(t, "cgroup")
	for what, tt := range map[string]struct {
		told []string // by the monitor
		rm   bool
		want string
	}{
		"before it could tell":        {[]string{"start"}, false, "start die"},
		"when it had told":            {[]string{"start", "die"}, false, "start die"},
		"the second time":             {[]string{"start", "die", "start"}, false, "start die start die"},
		"what came afterwards is not": {[]string{"start", "die", "rename"}, false, "start die rename"},
		"one that is to go":           {[]string{"start"}, true, "start die destroy"},
	} {
		t.Run(what, func(t *testing.T) {
			c := open(t)
			d := begin(t, c, "box", State{Status: Running, Pid: 4711}, tt.rm)
			for _, action := range tt.told {
				c.Report(Record{ID: d.ID, Name: "box"}, action)
			}
			die(t, d)
			for range 2 {
				if err := c.Repair(); err != nil {
					t.Fatal(err)
				}
			}
			if got := strings.Join(actions(t, c.Journal(), d.ID), " "); got != tt.want {
				t.Errorf("told: %s, want %s", got, tt.want)
			}
		})
	}
}

func TestInterfacesAreAddedUp(t *testing.T) {
	const dev = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:  999999    8000    0    0    0     0          0         0   999999    8000    0    0    0     0       0          0
  eth0:    1296      16    0    0    0     0          0         0      560       8    0    0    0     0       0          0
  eth1:12345678     100    0    0    0     0          0         0 87654321       8    0    0    0     0       0          0
`
	in, out, err := sumInterfaces(strings.NewReader(dev))
	if in != 12346974 || out != 87654881 || err != nil {
		t.Errorf("received %d, sent %d, %v", in, out, err)
	}
}
