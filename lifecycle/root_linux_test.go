package lifecycle

import (
	"os"
	"strings"
	"testing"
	"time"
)

// TestRootIsNeverTheMachines asks for the root of a container whose first process has
// not left the machine's yet, as that of an init which still builds its container.
func TestRootIsNeverTheMachines(t *testing.T) {
	c, err := Open(t.TempDir(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	d, err := c.New(t.Context(), "early")
	if err != nil {
		t.Fatal(err)
	}
	r := Record{ID: d.ID, Name: d.Name, Created: time.Now(), Args: []string{"true"}, AutoRemove: true}
	s := State{Status: Running, Pid: os.Getpid()}
	if err := d.save(r, nil, s); err != nil {
		t.Fatal(err)
	}
	root, _, err := c.Root(Container{Record: r, State: s})
	if err == nil || !strings.Contains(err.Error(), "no root file system of its own") {
		t.Errorf("Root = %v, %v, want an error", root, err)
	}
	s.Pid = os.Getppid() // the state says another one by now
	if root, _, err := c.Root(Container{Record: r, State: s}); err == nil {
		t.Errorf("Root = %v of a process that is not the container's", root)
	}
}
