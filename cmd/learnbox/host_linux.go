package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/explain/byhand"
	"github.com/learnbox/learnbox/internal/linux"
	"github.com/learnbox/learnbox/sandbox"
	"github.com/learnbox/learnbox/sandbox/caps"
	"github.com/learnbox/learnbox/sandbox/cgroup"
	"github.com/learnbox/learnbox/sandbox/rootfs"
	"github.com/learnbox/learnbox/sandbox/spec"
)

// hostFacts asks the kernel what shapes a config.json on this machine.
func hostFacts() (spec.Host, error) {
	bounding, err := caps.Bounding()
	if err != nil {
		return spec.Host{}, err
	}
	last, err := caps.Last()
	if err != nil {
		return spec.Host{}, err
	}
	h, err := cgroup.Detect()
	if err != nil {
		return spec.Host{}, err
	}
	hostname, err := os.Hostname()
	if err != nil {
		return spec.Host{}, err
	}
	throttle, err := filepath.Glob("/sys/devices/system/cpu/cpu[0-9]*/thermal_throttle")
	if err != nil {
		return spec.Host{}, err
	}
	return spec.Host{
		CgroupVersion: h.Version, CgroupCommon: h.Common, Capabilities: bounding.Names(), LastCapability: last,
		Environ: os.Environ(), Hostname: hostname, ThermalThrottle: throttle,
		Hosts: readIfThere("/etc/hosts"), ResolvConf: readIfThere("/etc/resolv.conf"),
		HasSysctl: hasSysctl, Processors: h.Processors,
	}, nil
}

// machine adds to the input of a script what is this machine's.
func machine(in *byhand.Input) error {
	h, err := cgroup.Detect()
	if err != nil {
		return err
	}
	in.Steps, in.CgroupVersion, in.CgroupCommon = sandbox.Steps(), h.Version, h.Common
	for _, t := range h.Trees {
		in.Trees = append(in.Trees, byhand.Tree{Dir: t.Dir, Controllers: t.Controllers})
	}
	return nil
}

func readIfThere(name string) string {
	data, err := os.ReadFile(name)
	if err != nil {
		return "" // a machine without the file has nothing to hand on
	}
	return string(data)
}

func hasSysctl(name string) bool {
	_, err := os.Stat("/proc/sys/" + strings.ReplaceAll(name, ".", "/"))
	return err == nil
}

func hostDevices(path string) ([]specs.LinuxDevice, error) { return rootfs.HostDevices(path) }

// imageFile opens a file of the flattened image, through the links that the
// image has but never out of it.
func imageFile(rootfs, name string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) {
		root, err := linux.Open(rootfs, unix.O_PATH|unix.O_DIRECTORY)
		if err != nil {
			return nil, err
		}
		defer root.Close()
		f, err := linux.OpenIn(root, name, unix.O_RDONLY|unix.O_NONBLOCK, 0, unix.RESOLVE_IN_ROOT)
		if err != nil {
			return nil, err
		}
		info, err := f.Stat()
		if err == nil && !info.Mode().IsRegular() {
			err = fmt.Errorf("/%s in the image is no regular file: %w", name, fs.ErrInvalid)
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		return f, nil
	}
}
