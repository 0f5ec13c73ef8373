package main

import (
	"fmt"
	"io"

	"github.com/learnbox/learnbox/unpack"
)

// skips collects what of an image was left out, to be told when no progress bar
// is in the way any more.
type skips struct {
	first []unpack.Skip
	count int
}

// toldSkips is how many are told one by one; a strange image may have thousands.
const toldSkips = 5

func (s *skips) add(skip unpack.Skip) {
	s.count++
	if len(s.first) < toldSkips {
		s.first = append(s.first, skip)
	}
}

func (s *skips) warn(w io.Writer) {
	for _, k := range s.first {
		fmt.Fprintf(w, "warning: layer %s: %q is left out: %s\n", shortID(k.Layer), k.Name, k.Why)
	}
	if more := s.count - len(s.first); more > 0 {
		fmt.Fprintf(w, "warning: %d more entries are left out\n", more)
	}
}
