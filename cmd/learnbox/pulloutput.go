package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/docker/go-units"
	digest "github.com/opencontainers/go-digest"
	"golang.org/x/term"

	"github.com/learnbox/learnbox/pull"
	"github.com/learnbox/learnbox/pull/name"
)

// A pullOutput tells about one pull in Docker's words: on a terminal one line
// a layer that changes in place, elsewhere one line for each thing that happened.
type pullOutput struct {
	w     io.Writer
	quiet bool
	onWay bool // part of a run, which has an answer of its own
	width int  // columns of the terminal; 0 if there is none

	mu     sync.Mutex // progress comes from several goroutines
	layers []layerLine
	moved  bool            // something happened that is worth telling
	held   []pull.Progress // layers that were there already: no news if all were
}

// A layerLine is what is known about one layer.
type layerLine struct {
	id      digest.Digest
	status  string
	current int64
	total   int64
	drawn   time.Time
}

// redraw is how long a moving bar stands still at least. Faster than this the
// eye sees nothing but the terminal has work.
const redraw = 50 * time.Millisecond

func newPullOutput(w io.Writer, quiet bool) *pullOutput {
	return &pullOutput{w: w, quiet: quiet, width: terminalWidth(w)}
}

// terminalWidth returns how many columns w has, 0 if it is no terminal.
func terminalWidth(w io.Writer) int {
	f := fileBehind(w)
	if f == nil || !term.IsTerminal(int(f.Fd())) {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width <= 0 {
		return 80
	}
	return width
}

// begin says what is asked for. word is the name as typed.
func (o *pullOutput) begin(word string, ref name.Ref) {
	if o.quiet {
		return
	}
	what := ref.Tag
	if ref.Digest != "" {
		what = ref.Repository() + "@" + ref.Digest.String()
	} else if !o.onWay && !strings.HasSuffix(word, ":"+what) {
		fmt.Fprintf(o.w, "Using default tag: %s\n", what)
	}
	fmt.Fprintf(o.w, "%s: Pulling from %s\n", what, ref.Path)
}

// progress is pull's report about one layer.
func (o *pullOutput) progress(p pull.Progress) {
	if o.quiet {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if p.Phase == pull.Exists && !o.moved {
		o.held = append(o.held, p)
		return
	}
	o.release()
	o.show(p)
}

// release shows the layers that were there already, now that something is new.
func (o *pullOutput) release() {
	o.moved = true
	for _, p := range o.held {
		o.show(p)
	}
	o.held = nil
}

// show brings one layer's line up to date.
func (o *pullOutput) show(p pull.Progress) {
	i := o.line(p.Layer)
	l := &o.layers[i]
	if rank(string(p.Phase)) < rank(l.status) || l.status == string(pull.Exists) {
		return // two goroutines report, and the later word stands
	}
	if l.status == "" && o.width == 0 && p.Phase != pull.Exists && p.Phase != pull.PullDone {
		fmt.Fprintf(o.w, "%s: Pulling fs layer\n", shortID(l.id))
	}
	news := l.status != string(p.Phase)
	l.status, l.current, l.total = string(p.Phase), p.Current, p.Total
	switch {
	case o.width > 0:
		if news || time.Since(l.drawn) >= redraw {
			o.draw(i)
		}
	case news && p.Phase != pull.Waiting && p.Phase != pull.Downloading:
		o.say(l)
	}
}

// unpacked is unpack's report that a layer is in the root filesystem.
func (o *pullOutput) unpacked(layer digest.Digest) {
	o.progress(pull.Progress{Layer: layer, Phase: pull.PullDone})
}

// line finds the place of a layer on the screen, and makes it if it is new.
func (o *pullOutput) line(id digest.Digest) int {
	for i := range o.layers {
		if o.layers[i].id == id {
			return i
		}
	}
	o.layers = append(o.layers, layerLine{id: id})
	i := len(o.layers) - 1
	if o.width > 0 {
		fmt.Fprintln(o.w)
	}
	return i
}

// rank orders the words that a layer's line may show; a line never goes back.
func rank(status string) int {
	switch pull.Phase(status) {
	case pull.Waiting:
		return 1
	case pull.Downloading:
		return 2
	case pull.Verifying:
		return 3
	case pull.Complete:
		return 4
	case pull.Exists, pull.PullDone:
		return 5
	default:
		return 0
	}
}

func (o *pullOutput) say(l *layerLine) {
	fmt.Fprintf(o.w, "%s: %s\n", shortID(l.id), l.status)
}

// draw writes line i anew: up to it, clear it, write it, and back down
// (console_codes(4), CSI A, CSI K, CSI B).
func (o *pullOutput) draw(i int) {
	l := &o.layers[i]
	l.drawn = time.Now()
	up := len(o.layers) - i
	fmt.Fprintf(o.w, "\x1b[%dA\x1b[2K\r%s\x1b[%dB\r", up, l.text(o.width), up)
}

// text is one line for a terminal, never wider than it: a wrapped line would
// shift all the others.
func (l *layerLine) text(width int) string {
	s := shortID(l.id) + ": " + l.status
	if pull.Phase(l.status) == pull.Downloading && l.total > 0 {
		numbers := fmt.Sprintf(" %8s/%s", units.HumanSize(float64(l.current)), units.HumanSize(float64(l.total)))
		if cells := min(50, width-len(s)-len(numbers)-5); cells >= 10 {
			s += " " + bar(l.current, l.total, cells)
		}
		s += numbers
	}
	if len(s) >= width {
		s = s[:max(width-1, 0)]
	}
	return s
}

// bar is "[=====>     ]" with room for cells characters.
func bar(current, total int64, cells int) string {
	full := int(min(current, total) * int64(cells) / total)
	if full >= cells {
		return "[" + strings.Repeat("=", cells-1) + ">]"
	}
	return "[" + strings.Repeat("=", full) + ">" + strings.Repeat(" ", cells-1-full) + "]"
}

// flush shows the last state of every bar.
func (o *pullOutput) flush() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.width == 0 || o.quiet {
		return
	}
	for i := range o.layers {
		o.draw(i)
	}
}

// end says what came of it.
func (o *pullOutput) end(ref name.Ref, r pull.Result) {
	if !o.quiet {
		if !r.UpToDate {
			o.release()
		}
		fmt.Fprintf(o.w, "Digest: %s\n", r.Digest)
		verdict := "Downloaded newer image for "
		if r.UpToDate {
			verdict = "Image is up to date for "
		}
		fmt.Fprintf(o.w, "Status: %s%s\n", verdict, ref.Familiar())
	}
	o.last(ref.String())
}

// last is the one line that -q leaves: the name in full.
func (o *pullOutput) last(name string) {
	if !o.onWay {
		fmt.Fprintln(o.w, name)
	}
}

// shortID is the first twelve digits of a digest, as Docker shows it.
func shortID(d digest.Digest) string {
	_, hex, ok := strings.Cut(d.String(), ":")
	if !ok {
		hex = d.String()
	}
	return hex[:min(12, len(hex))]
}
