package main

import (
	"os"
	"path/filepath"

	"github.com/learnbox/learnbox/sandbox/spec"
)

// writeEtc writes the three files of /etc that belong to the run, not to the image.
func writeEtc(dir string, etc spec.Etc) error {
	for name, content := range map[string]string{
		"hosts": etc.Hosts, "hostname": etc.Hostname, "resolv.conf": etc.ResolvConf,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil { // the program reads it as any user
			return err
		}
	}
	return nil
}
