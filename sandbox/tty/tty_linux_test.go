package tty

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func openPair(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	slave, err = Peer(master)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slave.Close() })
	return master, slave
}

func TestPairIsConnected(t *testing.T) {
	master, slave := openPair(t)
	if _, err := master.WriteString("typed\n"); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 64)
	if n, err := slave.Read(buf); string(buf[:n]) != "typed\n" {
		t.Errorf("the program reads %q, %v", buf[:n], err)
	}
	if n, err := master.Read(buf); strings.TrimRight(string(buf[:n]), "\r\n") != "typed" {
		t.Errorf("the echo is %q, %v", buf[:n], err)
	}
}

func TestBothEndsHaveOneSize(t *testing.T) {
	master, slave := openPair(t)
	want := Size{Rows: 31, Cols: 97}
	if err := SetSize(master, want); err != nil {
		t.Fatal(err)
	}
	if got, err := GetSize(slave); got != want || err != nil {
		t.Errorf("GetSize = %+v, %v, want %+v", got, err, want)
	}
}

func TestNoTerminalIsAnError(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if _, err := GetSize(null); err == nil || !strings.Contains(err.Error(), "TIOCGWINSZ") {
		t.Errorf("GetSize(/dev/null) = %v", err)
	}
}
