//go:build !embed_init

package sandbox

// Both are empty: this program itself acts as the init, slower but the same. It
// is so in tests and after a plain "go build", which could otherwise embed an
// init that is older than the source.
const initProgram, initDigest = "", ""
