package privtest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// settle is how long NoTrace waits for the machine to come to rest: the kernel
// takes network namespaces and cgroups apart after the last process is gone.
const settle = 3 * time.Second

// The first words of two kinds of things in a trace.
const (
	processWord = "process "
	cgroupWord  = "cgroup "
)

// A trace counts what stands on the machine, each thing in words that stay the
// same while it stands there.
type trace map[string]int

// NoTrace fails the test if, after everything it registered with t.Cleanup later
// than this call is done, the machine's mounts, learnbox cgroups, network links or
// learnbox processes are not what they are now. Call it first.
//
// It sees the whole machine, so tests that use it take turns, also across the
// packages of one "go test ./...". Such a test must not be parallel.
func NoTrace(t testing.TB) {
	t.Helper()
	takeTurn(t)
	before, err := snapshot()
	if err != nil {
		t.Fatalf("look at the machine before the test: %v", err)
	}
	t.Cleanup(func() {
		t.Helper()
		if diff := waitSame(before, snapshot, settle); diff != "" {
			t.Errorf("the machine is not as it was before this test:\n%s", diff)
		}
	})
}

// waitSame looks again until nothing differs or the time is over, and returns the
// last difference, empty when there is none.
func waitSame(before trace, look func() (trace, error), limit time.Duration) string {
	deadline := time.Now().Add(limit)
	for pause := time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		after, err := look()
		if err != nil {
			return err.Error()
		}
		diff := difference(before, after)
		if diff == "" || time.Now().After(deadline) {
			return diff
		}
		<-time.After(pause)
	}
}

// difference lists what is gone and what is new, one thing a line. A process or a
// cgroup may go: that was another program's, whose end fell into this test.
func difference(before, after trace) string {
	all := maps.Clone(before)
	maps.Copy(all, after)
	var b strings.Builder
	for _, thing := range slices.Sorted(maps.Keys(all)) {
		switch was, is := before[thing], after[thing]; {
		case is > was:
			fmt.Fprintf(&b, "  left behind: %s\n", thing)
		case is < was && !strings.HasPrefix(thing, processWord) && !strings.HasPrefix(thing, cgroupWord):
			fmt.Fprintf(&b, "  gone: %s\n", thing)
		}
	}
	return b.String()
}
