package main

import (
	"context"
	"errors"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// interrupted is the cause of a context that a signal cancelled.
type interrupted struct{ sig unix.Signal }

func (i interrupted) Error() string { return "interrupted" }

// untilSignal returns a context that the first SIGINT or SIGTERM cancels, so that
// work in progress cleans up behind itself. The second one has its default
// action again and ends the process at once.
func untilSignal(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM)
	go func() {
		select {
		case s := <-signals:
			signal.Stop(signals)
			if sig, ok := s.(unix.Signal); ok {
				cancel(interrupted{sig})
			}
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel(nil)
	}
}

// endedBySignal gives an error that follows from a signal the exit code that a
// shell reports for that signal: 130 for SIGINT, 143 for SIGTERM (bash(1), EXIT STATUS).
func endedBySignal(ctx context.Context, err error) error {
	var i interrupted
	if err == nil || !errors.As(context.Cause(ctx), &i) {
		return err
	}
	return exitError{code: 128 + int(i.sig), err: i}
}
