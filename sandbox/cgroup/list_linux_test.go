package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// List names the groups right below path, or below the mount points if path is
// empty, in whichever tree they stand.
func List(h Hierarchy, path string) ([]string, error) {
	var found []string
	for _, t := range h.Trees {
		entries, err := os.ReadDir(filepath.Join(t.Dir, path))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("list cgroups: %w", err)
		}
		for _, e := range entries {
			if e.IsDir() {
				found = append(found, filepath.Join(path, e.Name()))
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}
