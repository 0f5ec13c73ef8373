// Program assemble makes the image that learnbox embeds: an OCI image layout around
// one statically linked busybox. scripts/tiny finds the busybox and calls it.
//
// The result depends on the busybox, its version, the time given and this source,
// and on nothing else: built twice it is the same, byte by byte.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:], os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "assemble:", err)
		os.Exit(1)
	}
}

// run parses the flags and writes the layout.
func run(args []string, stderr io.Writer) error {
	flags := flag.NewFlagSet("assemble", flag.ContinueOnError)
	flags.SetOutput(stderr)
	busybox := flags.String("busybox", "/bin/busybox", "the statically linked `program`")
	copyright := flags.String("copyright", "", "the `file` with its licence")
	version := flags.String("version", "unknown", "the `version` of the package it comes from")
	epoch := flags.Int64("time", 0, "the time of every file, in `seconds` since 1970")
	out := flags.String("out", "", "the `directory` that becomes the layout; what it holds is replaced")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *out == "" || flags.NArg() > 0 {
		return fmt.Errorf("-out is needed, and nothing but flags")
	}
	program, err := os.ReadFile(*busybox)
	if err != nil {
		return err
	}
	applets, err := listApplets(context.Background(), *busybox)
	if err != nil {
		return err
	}
	s := source{program: program, applets: applets, version: *version, time: time.Unix(*epoch, 0).UTC()}
	if *copyright != "" {
		if s.copyright, err = os.ReadFile(*copyright); err != nil {
			return err
		}
	}
	return writeLayout(*out, s)
}

// listApplets asks busybox for the paths it wants to be called by: bin/ls, sbin/ip.
func listApplets(ctx context.Context, busybox string) ([]string, error) {
	list, err := exec.CommandContext(ctx, busybox, "--list-full").Output()
	if err != nil {
		return nil, fmt.Errorf("%s --list-full: %w", busybox, err)
	}
	return strings.Fields(string(list)), nil
}
