package spec

import (
	"fmt"
	"path"
	"strings"

	"github.com/docker/go-units"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

func buildBlockIO(in *Input, res *Result) error {
	l := &in.Options.Limits
	if l.BlkioWeight == "" && len(l.DeviceReadBps)+len(l.DeviceWriteBps) == 0 {
		return nil
	}
	weight, err := count("--blkio-weight", l.BlkioWeight, 0)
	if err != nil {
		return err
	}
	if weight != 0 && (weight < 10 || weight > 1000) {
		return fmt.Errorf("--blkio-weight %d: Range of blkio weight is from 10 to 1000", weight)
	}
	io := &specs.LinuxBlockIO{Weight: given(uint16(weight))}
	if io.ThrottleReadBpsDevice, err = throttles(in, "--device-read-bps", l.DeviceReadBps); err != nil {
		return err
	}
	if io.ThrottleWriteBpsDevice, err = throttles(in, "--device-write-bps", l.DeviceWriteBps); err != nil {
		return err
	}
	if weight != 0 || len(io.ThrottleReadBpsDevice)+len(io.ThrottleWriteBpsDevice) > 0 {
		res.Spec.Linux.Resources.BlockIO = io
	}
	return nil
}

// throttles reads PATH:RATE, a rate in bytes per second.
func throttles(in *Input, flag string, words []string) ([]specs.LinuxThrottleDevice, error) {
	var all []specs.LinuxThrottleDevice
	for _, word := range words {
		device, rate, hasRate := strings.Cut(word, ":")
		if !hasRate {
			return nil, hinted("the form is DEVICE:RATE, as in /dev/sda:1mb", "%s %q: bad format: %s", flag, word, word)
		}
		if !strings.HasPrefix(path.Clean(device), "/dev/") || hasNUL(device) {
			return nil, hinted("the form is DEVICE:RATE, as in /dev/sda:1mb", "%s %q: bad format for device path: %s", flag, word, word)
		}
		n, err := units.RAMInBytes(rate)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("%s: invalid rate for device: %s. The correct format is <device-path>:<number>[<unit>]. "+
				"Number must be a positive integer. Unit is optional and can be kb, mb, or gb", flag, word)
		}
		nodes, err := devicesAt(in, path.Clean(device))
		if err != nil {
			return nil, fmt.Errorf("%s %q: %w", flag, word, err)
		}
		if len(nodes) != 1 || nodes[0].Type != "b" {
			return nil, hinted("lsblk lists the disks", "%s %q: %s is no disk", flag, word, device)
		}
		t := specs.LinuxThrottleDevice{Rate: uint64(n)}
		t.Major, t.Minor = nodes[0].Major, nodes[0].Minor
		all = append(all, t)
	}
	return all, nil
}
