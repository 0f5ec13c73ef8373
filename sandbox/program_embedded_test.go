//go:build embed_init

package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
)

// TestEmbeddedInit makes sure that the two embedded files are of one build: the
// digest is the name under which the program is kept and found again.
func TestEmbeddedInit(t *testing.T) {
	sum := sha256.Sum256([]byte(initProgram))
	if got := hex.EncodeToString(sum[:]); got != initDigest {
		t.Errorf("the init's SHA-256 is %s, its file says %q", got, initDigest)
	}
}
