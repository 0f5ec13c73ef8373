package lifecycle

import (
	"encoding/hex"

	"golang.org/x/sys/unix"
)

// newID draws an ID from the kernel. Package crypto/rand would be initialised in
// every monitor and init, which need no ID.
func newID() string {
	b := make([]byte, idLength/2)
	if _, err := unix.Getrandom(b, 0); err != nil {
		panic(err) // it has random numbers as soon as it has started
	}
	return hex.EncodeToString(b)
}
