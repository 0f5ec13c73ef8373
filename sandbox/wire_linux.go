package sandbox

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/narrate"
	"github.com/learnbox/learnbox/sandbox/cgroup"
)

// This file says how parent and init write down what they send each other: the
// fields of a value in a fixed order, numbers as varints, a length before
// whatever has one. Both ends are of one build, so neither names nor versions
// are needed. JSON would do, but encoding/json studies every type that it
// meets for the first time, and in these two processes each is met once: a
// millisecond of every run.

// A wired value names its fields to a wire, which writes or reads them.
type wired interface{ fields(w *wire) }

// A wire writes values one after the other, or reads them in the same order.
// One list of fields serves both, so that the two sides cannot disagree.
type wire struct {
	bytes   []byte // written so far, or still to be read
	reading bool
	err     error // the first; from then on all that is read is zero
}

func encode(v wired) []byte {
	var w wire
	v.fields(&w)
	return w.bytes
}

func decode(data []byte, v wired) error {
	w := wire{bytes: data, reading: true}
	v.fields(&w)
	if w.err == nil && len(w.bytes) > 0 {
		return fmt.Errorf("a message is %d bytes too long", len(w.bytes))
	}
	return w.err
}

func number[T ~int | ~int64 | ~uint | ~uint16 | ~uint32 | ~uint64](w *wire, v *T) {
	if !w.reading {
		w.bytes = binary.AppendUvarint(w.bytes, uint64(*v))
		return
	}
	n, size := binary.Uvarint(w.bytes)
	if size <= 0 {
		w.fail()
		return
	}
	*v, w.bytes = T(n), w.bytes[size:]
}

func text[T ~string | ~[]byte](w *wire, v *T) {
	length := len(*v)
	number(w, &length)
	switch {
	case !w.reading:
		w.bytes = append(w.bytes, *v...)
	case length < 0 || length > len(w.bytes):
		w.fail()
	default:
		*v, w.bytes = T(w.bytes[:length]), w.bytes[length:]
	}
}

func flag(w *wire, v *bool) {
	var n uint
	if *v {
		n = 1
	}
	number(w, &n)
	*v = n == 1
}

// list is a slice. Each element takes a byte at least, which bounds what a
// length can make us allocate.
func list[T any](w *wire, v *[]T, each func(*wire, *T)) {
	length := len(*v)
	number(w, &length)
	if w.reading && (length < 0 || length > len(w.bytes)) {
		w.fail()
		return
	}
	if w.reading && length > 0 {
		*v = make([]T, length)
	}
	for i := range *v {
		each(w, &(*v)[i])
	}
}

// optional is what may be missing.
func optional[T any](w *wire, v **T, each func(*wire, *T)) {
	there := *v != nil
	flag(w, &there)
	if !there {
		return
	}
	if w.reading {
		*v = new(T)
	}
	each(w, *v)
}

// pairs is a map of strings, in the order of its keys.
func pairs(w *wire, v *map[string]string) {
	keys := slices.Sorted(maps.Keys(*v))
	list(w, &keys, text)
	if w.reading && len(keys) > 0 {
		*v = make(map[string]string, len(keys))
	}
	for _, k := range keys {
		value := (*v)[k]
		text(w, &value)
		(*v)[k] = value
	}
}

func (w *wire) fail() {
	w.err, w.bytes = errors.New("a message ends too early"), nil
}

// fields are all of a plan. Of the types of the OCI specification they are
// those that the init acts on.
func (p *plan) fields(w *wire) {
	text(w, &p.Hostname)
	optional(w, &p.Process, processFields)
	flag(w, &p.ReadOnly)
	list(w, &p.Mounts, func(w *wire, m *specs.Mount) {
		text(w, &m.Destination)
		text(w, &m.Type)
		text(w, &m.Source)
		list(w, &m.Options, text)
	})
	list(w, &p.Namespaces, func(w *wire, n *specs.LinuxNamespace) {
		text(w, &n.Type)
		text(w, &n.Path)
	})
	list(w, &p.Devices, deviceFields)
	pairs(w, &p.Sysctl)
	list(w, &p.MaskedPaths, text)
	list(w, &p.ReadonlyPaths, text)
	text(w, &p.Overlay.Lower)
	text(w, &p.Overlay.Upper)
	text(w, &p.Overlay.Work)
	flag(w, &p.Overlay.Volatile)
	text(w, &p.Merged)
	list(w, &p.Cgroups, func(w *wire, m *cgroup.Mount) {
		text(w, &m.Source)
		text(w, &m.Name)
		list(w, &m.Links, text)
	})
	flag(w, &p.PidsLimit)
	flag(w, &p.Reaper)
	number(w, &p.Size.Rows)
	number(w, &p.Size.Cols)
	flag(w, &p.Narrate)
	flag(w, &p.Attend)
	flag(w, &p.Gated)
	list(w, &p.Without, text)
	flag(w, &p.Enters)
	flag(w, &p.Stay)
	flag(w, &p.Unconfined)
	flag(w, &p.OwnFilter)
}

func processFields(w *wire, p *specs.Process) {
	flag(w, &p.Terminal)
	number(w, &p.User.UID)
	number(w, &p.User.GID)
	optional(w, &p.User.Umask, number)
	list(w, &p.User.AdditionalGids, number)
	list(w, &p.Args, text)
	list(w, &p.Env, text)
	text(w, &p.Cwd)
	optional(w, &p.Capabilities, func(w *wire, c *specs.LinuxCapabilities) { list(w, &c.Bounding, text) })
	list(w, &p.Rlimits, func(w *wire, l *specs.POSIXRlimit) {
		text(w, &l.Type)
		number(w, &l.Soft)
		number(w, &l.Hard)
	})
	flag(w, &p.NoNewPrivileges)
	optional(w, &p.OOMScoreAdj, number)
}

func deviceFields(w *wire, d *specs.LinuxDevice) {
	text(w, &d.Path)
	text(w, &d.Type)
	number(w, &d.Major)
	number(w, &d.Minor)
	optional(w, &d.FileMode, number)
	optional(w, &d.UID, number)
	optional(w, &d.GID, number)
}

func (f *Filter) fields(w *wire) {
	text(w, &f.Program)
	list(w, &f.Flags, text)
}

func (o *order) fields(w *wire) {
	optional(w, &o.Filter, func(w *wire, f *Filter) { f.fields(w) })
}

func callFields(w *wire, c *narrate.Call) {
	text(w, &c.Call)
	text(w, &c.Result)
	text(w, &c.At)
	number(w, &c.Repeat)
}

func (m *message) fields(w *wire) {
	optional(w, &m.Event, func(w *wire, e *eventMessage) {
		text(w, &e.Step)
		text(w, &e.Phase)
		number(w, &e.Took)
		list(w, &e.Calls, callFields)
	})
	text(w, &m.Warning)
	flag(w, &m.Terminal)
	flag(w, &m.PidsLimit)
	number(w, &m.Born)
	flag(w, &m.Keeps)
	flag(w, &m.Exec)
	list(w, &m.Calls, callFields)
	optional(w, &m.Failure, func(w *wire, f *StepError) {
		text(w, &f.Step)
		text(w, &f.Text)
		text(w, &f.Way)
		number(w, &f.Code)
	})
}
