package lifecycle

import (
	"os"
)

// streams are the pipes between a container without a terminal and its parent.
// The program never gets the parent's own descriptors: whoever holds a
// terminal can type into it (TIOCSTI, ioctl_tty(2)).
type streams struct {
	childIn, childOut, childErr *os.File // the program's ends; nil: /dev/null, or a terminal
	in, out, err                *os.File // ours
}

func newStreams(terminal, stdin bool) (_ *streams, err error) {
	s := &streams{}
	if terminal {
		return s, nil
	}
	defer func() {
		if err != nil {
			s.closeChildEnds()
			s.close()
		}
	}()
	if stdin {
		if s.childIn, s.in, err = os.Pipe(); err != nil {
			return nil, err
		}
	}
	if s.out, s.childOut, err = os.Pipe(); err != nil {
		return nil, err
	}
	s.err, s.childErr, err = os.Pipe()
	return s, err
}

func (s *streams) closeChildEnds() { closeAll(s.childIn, s.childOut, s.childErr) }
func (s *streams) close()          { closeAll(s.in, s.out, s.err) }

func closeAll(files ...*os.File) {
	for _, f := range files {
		if f != nil {
			f.Close()
		}
	}
}
