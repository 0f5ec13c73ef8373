package lifecycle

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// An Event is one thing that happened to a container or an image, in the JSON that
// Docker has for it: a line of RUN/events, see journal.go.
type Event struct {
	Status   string `json:"status,omitempty"` // the action, once more: Docker's older form
	ID       string `json:"id,omitempty"`     // likewise
	From     string `json:"from,omitempty"`   // likewise: the container's image
	Type     string // "container", "image", "volume"
	Action   string // "start"
	Actor    Actor
	Scope    string `json:"scope"`
	Time     int64  `json:"time"`     // Unix, seconds
	TimeNano int64  `json:"timeNano"` // Unix, nanoseconds
}

// An Actor is who it happened to.
type Actor struct {
	ID         string
	Attributes map[string]string
}

// NewEvent is an event of now. Attributes are keys and values by turns.
func NewEvent(kind, action, id string, attributes ...string) Event {
	now := time.Now()
	e := Event{Type: kind, Action: action, Actor: Actor{id, map[string]string{}}, Scope: "local", Time: now.Unix(), TimeNano: now.UnixNano()}
	for i := 0; i+1 < len(attributes); i += 2 {
		e.Actor.Attributes[attributes[i]] = attributes[i+1]
	}
	if kind == "container" || kind == "image" {
		e.Status, e.ID = action, id
	}
	return e
}

// event is one of a container. Its labels are attributes, as in Docker; what learnbox
// says stands above what they say.
func (c *Containers) event(r Record, action string, attributes ...string) Event {
	e := NewEvent("container", action, r.ID)
	e.From = r.Image
	maps.Copy(e.Actor.Attributes, r.Labels)
	for i := 0; i+1 < len(attributes); i += 2 {
		e.Actor.Attributes[attributes[i]] = attributes[i+1]
	}
	e.Actor.Attributes["image"], e.Actor.Attributes["name"] = r.Image, c.currentName(r)
	return e
}

// currentName is what the container of a record, which may have been read a while ago,
// is called now.
func (c *Containers) currentName(r Record) string {
	owner, err := os.Readlink(filepath.Join(c.names(), r.Name))
	if err == nil && filepath.Base(owner) == r.ID {
		return r.Name
	}
	var now Record
	if readJSON(c.file(r.ID, "container.json"), &now) == nil {
		return now.Name
	}
	return r.Name
}

// Report tells of something that happened to a container.
func (c *Containers) Report(r Record, action string, attributes ...string) {
	c.Journal().Tell(c.event(r, action, attributes...))
}

// reportDie tells that a container's program has ended, once: a monitor that was killed may
// have told it already.
func (c *Containers) reportDie(r Record, s State) {
	died := false
	_ = c.Journal().Read(func(e Event) { // what cannot be read was not told
		if e.Actor.ID == r.ID {
			died = e.Action == "die" || died && e.Action != "start"
		}
	})
	if !died {
		c.Report(r, "die", "exitCode", strconv.Itoa(s.ExitCode))
	}
}

// report tells of something that happened to the monitor's container.
func (m *Monitor) report(action string, attributes ...string) {
	m.all.Report(m.record, action, attributes...)
}

// Journal is where these containers' events stand.
func (c *Containers) Journal() Journal { return Journal{filepath.Join(c.run, "events")} }

// OpenJournal is the journal of a run root, which is made if it is missing.
func OpenJournal(run string) Journal {
	if err := os.MkdirAll(run, 0o711); errors.Is(err, os.ErrPermission) {
		return Journal{} // somebody who may not write there
	}
	return Journal{filepath.Join(run, "events")}
}
