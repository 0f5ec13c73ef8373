package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

// VersionCmd is "learnbox version".
type VersionCmd struct {
	Format string `short:"f" placeholder:"FORMAT" help:"json, or a Go template."`
}

// Help is printed below the flags.
func (VersionCmd) Help() string {
	return `Examples:
  learnbox version
  learnbox version --format '{{.Version}} on {{.KernelVersion}}'
  learnbox version --format json`
}

// versionInfo is what is known about this binary and the kernel below it.
type versionInfo struct {
	Version       string
	GitCommit     string
	Modified      bool // built from a work tree with changes that no commit has
	GoVersion     string
	Os, Arch      string
	KernelVersion string
}

// KeepsSignals spares a verb that only prints the cost of a handler.
func (VersionCmd) KeepsSignals() {}

// Run does the verb.
func (c *VersionCmd) Run(a *app) error {
	v := readVersion()
	if c.Format == "json" {
		text, err := toJSON(v)
		if err != nil {
			return fmt.Errorf("print JSON: %w", err)
		}
		_, err = fmt.Fprintln(a.stdout, text)
		return err
	}
	if c.Format != "" {
		return printTemplate(a.stdout, c.Format, v)
	}
	commit := firstOf(v.GitCommit, "unknown")
	if v.Modified {
		commit += ", with changes"
	}
	_, err := fmt.Fprintf(a.stdout, "learnbox %s\n commit:   %s\n go:       %s\n os/arch:  %s/%s\n kernel:   %s\n",
		v.Version, commit, v.GoVersion, v.Os, v.Arch, firstOf(v.KernelVersion, "unknown"))
	return err
}

// readVersion asks the binary (go version -m shows the same) and the kernel.
func readVersion() versionInfo {
	v := versionInfo{
		Version: "(devel)", GoVersion: runtime.Version(),
		Os: runtime.GOOS, Arch: runtime.GOARCH, KernelVersion: kernelVersion(),
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Version = strings.TrimPrefix(info.Main.Version, "v")
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.GitCommit = s.Value[:min(12, len(s.Value))]
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}
