//go:build !linux

package lifecycle

import (
	"crypto/rand"
	"encoding/hex"
)

func newID() string {
	b := make([]byte, idLength/2)
	rand.Read(b)
	return hex.EncodeToString(b)
}
