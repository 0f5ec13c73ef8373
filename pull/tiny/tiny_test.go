package tiny

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
)

func TestLayout(t *testing.T) {
	built := fstest.MapFS{
		"image/.placeholder": {Data: []byte("x")},
		"image/oci-layout":   {Data: []byte("{}")},
		"image/index.json":   {Data: []byte("{}")},
	}
	image, err := layout(built)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fs.Stat(image, "oci-layout"); err != nil {
		t.Errorf("the layout does not begin at its top: %v", err)
	}
}

func TestLayoutOfABinaryWithoutImage(t *testing.T) {
	_, err := layout(fstest.MapFS{"image/.placeholder": {Data: []byte("x")}})
	missing, ok := errors.AsType[*MissingError](err)
	if !ok {
		t.Fatalf("error %v, want a *MissingError", err)
	}
	if !strings.Contains(missing.Hint(), "scripts/tiny") {
		t.Errorf("hint %q does not name scripts/tiny", missing.Hint())
	}
}

// TestEmbedded looks at this very binary: with an image or without, nothing between.
func TestEmbedded(t *testing.T) {
	image, err := Layout()
	if _, ok := errors.AsType[*MissingError](err); ok {
		t.Skip("built without the image: run scripts/tiny first")
	}
	if err != nil {
		t.Fatal(err)
	}
	index, err := fs.ReadFile(image, "index.json")
	if err != nil || !strings.Contains(string(index), Name) {
		t.Errorf("index.json = %s (%v), want one that names %s", index, err, Name)
	}
}
