package sandbox

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
	"github.com/learnbox/learnbox/narrate"
)

// A message is what the init tells the parent. Exactly one part is set.
type message struct {
	Event    *eventMessage
	Warning  string
	Terminal bool           // the pty master comes with this message
	Born     int            // who becomes the program, by a PID of the parent's namespace
	Keeps    bool           // with Born: the init stays and holds the program's terminal
	Exec     bool           // the next thing is the execve; if then the socket closes, it succeeded
	Calls    []narrate.Call // with Exec: those of its step, of which nobody will be left to tell
	Failure  *StepError

	PidsLimit bool // set it now, and say when it is set
}

type eventMessage struct {
	Step  string
	Phase narrate.Phase
	Took  time.Duration
	Calls []narrate.Call
}

// A channel carries messages over a stream socket: four bytes of length, then
// the fields. A descriptor travels with the length (SCM_RIGHTS, unix(7)). The
// socket blocks; both ends have nothing else to do meanwhile.
type channel struct{ f *os.File }

// newChannel makes both ends. Neither is inherited unless passed on purpose.
func newChannel() (parent, child channel, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return channel{}, channel{}, linux.Failed(err, "socketpair(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0)")
	}
	return channel{os.NewFile(uintptr(fds[0]), "socket to the init")}, channel{os.NewFile(uintptr(fds[1]), "socket to the parent")}, nil
}

func (c channel) close() error { return c.f.Close() }

// maxMessage bounds what is read into memory; command lines and environments
// are at most a few MiB (execve(2), "Limits on size of arguments").
const maxMessage = 16 << 20

// whole is a message as it travels.
func whole(v wired) []byte {
	body := encode(v)
	return append(binary.NativeEndian.AppendUint32(nil, uint32(len(body))), body...)
}

// send sends a message in one call, if it can: a receiver that wakes up for a length alone
// would have to wait again.
func (c channel) send(v wired, pass *os.File) error {
	var rights []byte
	if pass != nil {
		rights = unix.UnixRights(int(pass.Fd()))
	}
	for data := whole(v); len(data) > 0; {
		n, err := unix.SendmsgN(int(c.f.Fd()), data, rights, nil, unix.MSG_NOSIGNAL)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return linux.Failed(err, "sendmsg(%s)", c.f.Name())
		}
		if err == nil {
			data, rights = data[n:], nil
		}
	}
	return nil
}

// receive reads one message into v; io.EOF says that the other end is gone.
func (c channel) receive(v wired) (passed *os.File, err error) {
	head, rights := make([]byte, 4), make([]byte, unix.CmsgSpace(4))
	n, rightsLen, err := recvmsg(int(c.f.Fd()), head, rights)
	switch {
	case errors.Is(err, unix.ECONNRESET), err == nil && n == 0:
		return nil, io.EOF
	case err != nil:
		return nil, linux.Failed(err, "recvmsg(%s)", c.f.Name())
	case n < len(head):
		return nil, io.ErrUnexpectedEOF
	}
	if rightsLen > 0 {
		if passed, err = descriptor(rights[:rightsLen]); err != nil {
			return nil, err
		}
	}
	size := binary.NativeEndian.Uint32(head)
	if size > maxMessage {
		return passed, fmt.Errorf("a message of %d bytes is too long", size)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(c.f, body); err != nil {
		return passed, io.ErrUnexpectedEOF
	}
	return passed, decode(body, v)
}

func recvmsg(fd int, head, rights []byte) (n, rightsLen int, err error) {
	for {
		n, rightsLen, _, _, err = unix.Recvmsg(fd, head, rights, unix.MSG_CMSG_CLOEXEC|unix.MSG_WAITALL)
		if err != unix.EINTR {
			return n, rightsLen, err
		}
	}
}

func descriptor(rights []byte) (*os.File, error) {
	msgs, err := unix.ParseSocketControlMessage(rights)
	if err != nil || len(msgs) != 1 {
		return nil, fmt.Errorf("a descriptor was announced but did not come: %w", err)
	}
	fds, err := unix.ParseUnixRights(&msgs[0])
	if err != nil || len(fds) != 1 {
		return nil, fmt.Errorf("a descriptor was announced but did not come: %w", err)
	}
	if err := unix.SetNonblock(fds[0], true); err != nil { // so that a Close wakes a Read
		return nil, errors.Join(linux.Failed(err, "fcntl(%d, F_SETFL, O_NONBLOCK)", fds[0]), unix.Close(fds[0]))
	}
	return os.NewFile(uintptr(fds[0]), "pty master"), nil
}
