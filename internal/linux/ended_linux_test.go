package linux

import (
	"context"
	"os/exec"
	"testing"
	"time"
)

func TestEnded(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	unheard := Ended(ctx, cmd.Process.Pid)
	cancel()
	ended := Ended(t.Context(), cmd.Process.Pid)
	select {
	case <-ended:
		t.Fatal("it is said to have ended, and sleeps")
	case <-time.After(50 * time.Millisecond):
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ended: // a zombie has ended
	case <-time.After(10 * time.Second):
		t.Fatal("nobody heard that it was killed")
	}
	_ = cmd.Wait()
	select {
	case <-unheard:
		t.Error("heard after the end of the context")
	default:
	}
	select {
	case <-Ended(t.Context(), cmd.Process.Pid):
	case <-time.After(10 * time.Second):
		t.Error("a process that does not exist has not ended")
	}
}
