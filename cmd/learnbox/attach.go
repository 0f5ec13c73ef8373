package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"sync"

	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/learnbox/learnbox/lifecycle"
	"github.com/learnbox/learnbox/narrate"
	"github.com/learnbox/learnbox/sandbox"
	"github.com/learnbox/learnbox/sandbox/tty"
)

// attach connects the user's streams with the program's until it has ended,
// and returns its exit code.
func attach(a *app, live *lifecycle.Live, proxy *signalProxy, interactive, terminal bool) (code int, err error) {
	if terminal && interactive {
		restore, err := makeRaw(a.stdin)
		if err != nil {
			_ = live.Signal(unix.SIGKILL)
			_, waitErr := live.Oversee(nil, nil, nil).Wait()
			return 0, errors.Join(err, waitErr)
		}
		defer restore()
	}
	var stdin io.Reader
	if interactive {
		stdin = a.stdin
	}
	monitor := live.Oversee(stdin, a.stdout, a.stderr)
	proxy.to(a, heldProgram{live.Process})
	status, err := monitor.Wait()
	if err == nil && a.narrate != nil {
		err = a.narrate.Hear(narrate.Event{
			Step: lifecycle.ExitStep(), Phase: narrate.Done, Pid: live.Pid, Took: status.Tidied, Calls: status.Calls,
		})
	}
	return status.Code, err
}

// makeRaw turns off all that the user's terminal does with keys: the
// container's terminal does it now.
func makeRaw(f *os.File) (restore func(), err error) {
	state, err := term.MakeRaw(int(f.Fd()))
	if err != nil {
		return nil, err
	}
	return func() { _ = term.Restore(int(f.Fd()), state) }, nil
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// terminalSize is the size of the user's terminal, or zero if there is none.
func (a *app) terminalSize() tty.Size {
	size, err := tty.GetSize(a.stdin)
	if out := fileBehind(a.stdout); err != nil && out != nil {
		size, err = tty.GetSize(out)
	}
	if err != nil {
		return tty.Size{}
	}
	return size
}

// A signalProxy receives signals for the program. Before it runs, SIGINT,
// SIGTERM and SIGHUP cancel what is under way and others wait; from then on all
// go to it.
type signalProxy struct {
	cancel  context.CancelCauseFunc
	signals chan os.Signal
	ready   chan struct{} // closed when all signals are received

	mu      sync.Mutex
	a       *app
	target  signalTarget
	waiting []os.Signal
}

// A signalTarget is a program, held by this command or by a monitor. It may have ended:
// whoever waits for it is told.
type signalTarget interface {
	Signal(sig unix.Signal) error
	Resize(size tty.Size) error
	hasTerminal() bool
	hangUp() // the user's terminal is gone
}

// A heldProgram is one that this command is the parent of.
type heldProgram struct{ *sandbox.Process }

func (p heldProgram) hasTerminal() bool { return p.Terminal != nil }

// hangUp has the kernel hang up on it, too.
func (p heldProgram) hangUp() { p.Terminal.Close() }

func newSignalProxy(parent context.Context) (*signalProxy, context.Context) {
	ctx, cancel := context.WithCancelCause(parent)
	p := &signalProxy{cancel: cancel, signals: make(chan os.Signal, 64), ready: make(chan struct{})}
	go p.loop()
	return p, ctx
}

// newSizeProxy passes on the size of the terminal only.
func newSizeProxy() *signalProxy {
	p := &signalProxy{signals: make(chan os.Signal, 1), ready: make(chan struct{})}
	signal.Notify(p.signals, unix.SIGWINCH)
	close(p.ready)
	go p.pass()
	return p
}

// newProgramProxy passes everything on to a program that runs already.
func newProgramProxy() *signalProxy {
	p := &signalProxy{cancel: func(error) {}, signals: make(chan os.Signal, 64), ready: make(chan struct{})}
	p.receiveAll()
	go p.pass()
	return p
}

func (p *signalProxy) loop() {
	if !signal.Ignored(unix.SIGHUP) {
		signal.Notify(p.signals, unix.SIGHUP)
	}
	signal.Notify(p.signals, unix.SIGINT, unix.SIGTERM)
	p.pass()
}

func (p *signalProxy) pass() {
	for s := range p.signals {
		p.mu.Lock()
		p.handle(s)
		p.mu.Unlock()
	}
}

// to names the program that signals are for. What came meanwhile is passed on, also
// a new size of the terminal.
func (p *signalProxy) to(a *app, target signalTarget) {
	<-p.ready
	p.mu.Lock()
	defer p.mu.Unlock()
	p.a, p.target = a, target
	p.resize()
	for _, s := range p.waiting {
		p.handle(s)
	}
}

func (p *signalProxy) handle(s os.Signal) {
	switch sig, ok := s.(unix.Signal); {
	case !ok || ourOwn(s):
	case sig == unix.SIGWINCH:
		p.resize()
	case p.target != nil:
		_ = p.target.Signal(sig)
		if sig == unix.SIGHUP && p.target.hasTerminal() {
			p.target.hangUp()
		}
	default:
		p.waiting = append(p.waiting, s)
		if sig == unix.SIGINT || sig == unix.SIGTERM || sig == unix.SIGHUP {
			p.cancel(interrupted{sig}) // in vain if the program runs already; then it is passed on
		}
	}
}

func (p *signalProxy) resize() {
	if p.target == nil || !p.target.hasTerminal() {
		return
	}
	if size := p.a.terminalSize(); size != (tty.Size{}) {
		_ = p.target.Resize(size)
	}
}

// receiveAll receives the other signals too. The Go runtime takes ten
// microseconds for each of 65, so this is done when nobody waits for it.
func (p *signalProxy) receiveAll() {
	hangUp := signal.Ignored(unix.SIGHUP) // nohup(1)
	signal.Notify(p.signals)
	if hangUp {
		signal.Ignore(unix.SIGHUP)
	}
	signal.Reset(unix.SIGTTIN, unix.SIGTTOU) // in the background, the shell is to stop us at the terminal
	close(p.ready)
}

// stop leaves signals to the kernel: they do to this command what they do to any.
func (p *signalProxy) stop() { signal.Stop(p.signals) }

// ourOwn reports whether a signal is learnbox's affair, and not for the program.
func ourOwn(s os.Signal) bool { return s == unix.SIGCHLD || s == unix.SIGURG || s == unix.SIGPIPE }
