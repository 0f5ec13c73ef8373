package sandbox

import (
	"testing"

	"github.com/learnbox/learnbox/internal/linux"
	"github.com/learnbox/learnbox/narrate"
)

func TestCallsThatAreLikeTheOneBeforeCount(t *testing.T) {
	drop := narrate.Call{Call: "prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN)", Result: "ok"}
	write := narrate.Call{Call: `write("/a/tasks", "0")`, Result: "ok"}
	for _, c := range []struct {
		name string
		a    narrate.Call
		b    linux.Call
		want bool
	}{
		{"the same operation of prctl", drop, linux.Call{Call: "prctl(PR_CAPBSET_DROP, CAP_MKNOD)", Result: "ok"}, true},
		{"another operation", drop, linux.Call{Call: "prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)", Result: "ok"}, false},
		{"another result", drop, linux.Call{Call: "prctl(PR_CAPBSET_DROP, CAP_MKNOD)", Result: "EPERM"}, false},
		{"a file of the same name", write, linux.Call{Call: `write("/b/tasks", "0")`, Result: "ok"}, true},
		{"a file of another name", write, linux.Call{Call: `write("/a/cpu.max", "0")`, Result: "ok"}, false},
		{"a call that is told each time", narrate.Call{Call: `mkdir("/a", 0755)`, Result: "ok"}, linux.Call{Call: `mkdir("/b", 0755)`, Result: "ok"}, false},
	} {
		if got := repeats(c.a, c.b); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestACallThatWasShownBeforeItFailedIsShownOnce(t *testing.T) {
	var calls []narrate.Call
	stop := traceCalls(&calls)
	linux.ShowExecve("/no/such", []string{"such"}, nil)
	if err := linux.Execve("/no/such", []string{"such"}, nil); err == nil {
		t.Fatal("executed what is not there")
	}
	stop()
	if len(calls) != 1 || calls[0].Result != "ENOENT" {
		t.Errorf("got %+v, want one call that failed", calls)
	}
}
