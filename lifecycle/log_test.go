package lifecycle

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
)

// What a program says is read in chunks that end anywhere.
func TestLogCutsNoCharacter(t *testing.T) {
	const said, want = "aä€\n😀\xffb\n\xe2\x82", "aä€\n😀\ufffdb\n\ufffd\ufffd"
	for size := 1; size <= len(said); size++ {
		t.Run(fmt.Sprintf("%d bytes at once", size), func(t *testing.T) {
			l := logWriter{path: filepath.Join(t.TempDir(), LogName), cut: map[string][]byte{}}
			for chunk := range slices.Chunk([]byte(said), size) {
				l.write("stdout", chunk)
				l.write("stderr", []byte("€\n"))
			}
			l.close()
			got := map[string]string{}
			in := tail[Entry]{path: l.path}
			if err := in.read(func(e Entry) { got[e.Stream] += e.Log }); err != nil {
				t.Fatal(err)
			}
			if got["stdout"] != want {
				t.Errorf("the log has %q, want %q", got["stdout"], want)
			}
		})
	}
}
