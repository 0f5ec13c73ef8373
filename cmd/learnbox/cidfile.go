package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// freeCidfile looks at the place for the ID before anything is pulled.
func (c *containerFlags) freeCidfile() error {
	if _, err := os.Lstat(c.Cidfile); c.Cidfile == "" || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return c.writeCidfile("") // which says what is wrong
}

// writeCidfile writes the ID to a file that must be new, as Docker wants it.
func (c *containerFlags) writeCidfile(id string) error {
	if c.Cidfile == "" {
		return nil
	}
	f, err := os.OpenFile(c.Cidfile, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) // scripts of other users read it
	if errors.Is(err, fs.ErrExist) {
		return hintedError{fmt.Errorf("write the container's ID: %w", err), "another container may have written it; remove the file if that one is gone"}
	}
	if err != nil {
		return fmt.Errorf("write the container's ID: %w", err)
	}
	_, err = f.WriteString(id)
	return errors.Join(err, f.Close())
}
