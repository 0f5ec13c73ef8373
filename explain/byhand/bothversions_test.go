package byhand

import (
	"strings"
	"testing"

	"github.com/learnbox/learnbox/sandbox/spec"
)

// TestBothVersions: whatever the machine has, each limit has a line for either version.
func TestBothVersions(t *testing.T) {
	for _, version := range []int{1, 2} {
		in := build(t, func(in *spec.Input) { in.Host.CgroupVersion = version })
		for step, files := range map[string]string{
			"cgroup.limit": `devices.deny devices.allow cgroup.subtree_control
				memory.limit_in_bytes memory.memsw.limit_in_bytes memory.soft_limit_in_bytes memory.oom_control
				cpu.shares cpu.cfs_period_us cpu.cfs_quota_us cpuset.cpus cpuset.mems
				blkio.bfq.weight blkio.weight blkio.throttle.read_bps_device blkio.throttle.write_bps_device
				memory.max memory.swap.max memory.low cpu.weight cpu.max io.bfq.weight io.weight io.max`,
			"limits.pids": "pids.max",
		} {
			lines := strings.Join(BothVersions(in, step), "\n")
			for file := range strings.FieldsSeq(files) {
				if !strings.Contains(lines, "/"+file) {
					t.Errorf("on version %d there is no line for %s in\n%s", version, file, lines)
				}
			}
			if strings.Contains(lines, "pids.max") != (step == "limits.pids") {
				t.Errorf("on version %d the lines of %s are\n%s", version, step, lines)
			}
		}
	}
}
