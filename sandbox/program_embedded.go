//go:build embed_init

package sandbox

import _ "embed"

// initProgram is cmd/learnbox-init, and initDigest its SHA-256 in hex, both
// made by scripts/build just before.
var (
	//go:embed program/learnbox-init
	initProgram string
	//go:embed program/learnbox-init.sha256
	initDigest string
)
