// Package arch holds no code, only tests of the repository's shape: who may import
// what, and that the documents name files which exist.
//
// The import table is not in Go. It stands in docs/architecture.md, where a reader
// looks for it, and the tests read it there: so the document is right or the
// build is red. They read every source file with go/parser. A test that asked
// "go list" would be answered from the test cache, which does not know about a
// file that was added since.
package arch
