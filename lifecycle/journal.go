package lifecycle

import (
	"encoding/json"
	"errors"
	"os"

	"github.com/learnbox/learnbox/internal/atomicfile"
)

// A Journal is the file RUN/events, to which whoever changes something adds a line.
// There is no daemon that everybody could listen to; but everybody can read a file,
// and inotify(7) wakes who waits for the next line (journal_linux.go). Like the events
// of Docker's daemon it does not outlive a boot.
//
// A line is one write(2) under the file's lock, so lines are whole and in the order of
// their times. Whoever is killed in the middle of it leaves a torn line, which the
// next one ends, and which nobody reads.
type Journal struct{ path string }

// journalLimit is the size in bytes at which a journal begins anew; the one before is
// kept beside it.
const journalLimit = 1 << 20

// Tell adds events. What cannot be written is lost: nothing fails because of it.
func (j Journal) Tell(events ...Event) {
	for range 10 { // it may begin anew between the opening and the locking
		f, err := os.OpenFile(j.path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
		if err != nil {
			return
		}
		told := j.tell(f, events)
		f.Close() // with it goes the lock
		if told {
			return
		}
	}
}

func (j Journal) tell(f *os.File, events []Event) (told bool) {
	if atomicfile.LockFileBriefly(f) != nil || !atomicfile.Linked(f, j.path) {
		return false
	}
	info, err := f.Stat()
	if err != nil {
		return false
	}
	var lines []byte
	last := []byte{'\n'}
	if size := info.Size(); size > 0 {
		_, _ = f.ReadAt(last, size-1) // else it looks whole
	}
	if last[0] != '\n' {
		lines = append(lines, '\n')
	}
	for _, e := range events {
		line, err := json.Marshal(e)
		if err != nil {
			return true // nobody could read it
		}
		lines = append(append(lines, line...), '\n')
	}
	n, err := f.Write(lines)
	if err == nil && info.Size()+int64(n) > journalLimit {
		_ = os.Rename(j.path, j.path+".1") // or the next one does it
	}
	return true
}

// Read tells each event so far, the oldest first. Lines that nobody can read are
// passed over.
func (j Journal) Read(each func(Event)) error {
	t := tail[Event]{path: j.path}
	defer t.close()
	err := t.before(each)
	return errors.Join(err, t.read(each))
}
