package whatif

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
)

// Standing is the argument with which a shield that is built goes on.
const Standing = "standing"

// Inside is all that a shield does: it builds itself and executes itself again,
// so that all its threads are where the first one is, or, that done, verifies
// it, and has do run each job. do is called with the job as it was given to
// [Shield.Do], and what it returns is the result.
func Inside(args []string, do func(job json.RawMessage) any) error {
	if err := linux.DieWithParent(); err != nil {
		return err
	}
	talk := os.NewFile(talkFD, "socket to the starter")
	lines := bufio.NewReader(talk)
	answer := json.NewEncoder(talk)
	if len(args) < 2 || args[1] != Standing {
		err := buildTold(lines)
		_ = answer.Encode(struct{ Error string }{err.Error()})
		return err
	}
	if err := Verify(); err != nil {
		_ = answer.Encode(struct{ Error string }{err.Error()}) // there may be nobody
		return err
	}
	unix.CloseOnExec(talkFD)
	if err := answer.Encode(struct{ Error string }{}); err != nil {
		return err
	}
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := answer.Encode(do(line)); err != nil {
			return err
		}
	}
}

// buildTold builds what it is told and returns only with an error.
func buildTold(lines *bufio.Reader) error {
	line, err := lines.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("hear what to build: %w", err)
	}
	var s Setup
	if err := json.Unmarshal(line, &s); err != nil {
		return err
	}
	if err := unexpected(); err != nil { // it would be the machine that is rebuilt
		return err
	}
	if err := Build(s); err != nil {
		return err
	}
	return linux.Execve("/proc/self/exe", []string{Name, Standing}, os.Environ())
}

// Verify makes sure that this process is the first one of a shield: it shares
// no namespace with the one that started it, whose namespaces it was given as
// open files, and cannot write to its root.
func Verify() error {
	if err := differ(kinds()...); err != nil {
		return err
	}
	var st unix.Statfs_t
	if err := unix.Statfs("/", &st); err != nil || st.Flags&unix.ST_RDONLY == 0 {
		return errors.Join(errors.New("this is no shield: its root can be written"), err)
	}
	for i := range kinds() {
		unix.CloseOnExec(namespaceFD + i)
	}
	return nil
}

// unexpected refuses to build in namespaces that are somebody else's; the one of
// control groups is made on the way.
func unexpected() error { return differ("mnt", "uts", "ipc", "net", "pid") }

func differ(some ...string) error {
	if os.Getpid() != 1 {
		return errors.New("this is no shield: its process is not the first of a pid namespace")
	}
	for _, kind := range some {
		if err := differs(kind); err != nil {
			return fmt.Errorf("this is no shield: %w", err)
		}
	}
	return nil
}

// differs compares the namespace of a kind with the one that was shown.
func differs(kind string) error {
	// A copy: the original has to outlive the next execve, whatever is collected here.
	fd, err := unix.FcntlInt(uintptr(namespaceFD+slices.Index(kinds(), kind)), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("nobody showed the %s namespace that it is to protect", kind)
	}
	theirs := os.NewFile(uintptr(fd), "the starter's "+kind)
	defer theirs.Close()
	if !linux.IsNamespace(theirs) {
		return fmt.Errorf("what was shown as the %s namespace is none", kind)
	}
	ours, err := linux.Open("/proc/self/ns/"+kind, unix.O_RDONLY)
	if err != nil {
		return err
	}
	defer ours.Close()
	if same, err := linux.SameFile(ours, theirs); err != nil || same {
		return errors.Join(fmt.Errorf("its %s namespace is the machine's", kind), err)
	}
	return nil
}
