package lifecycle

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/learnbox/learnbox/sandbox/cgroup"
)

// A Meter reads what containers use.
type Meter struct {
	all     *Containers
	groups  cgroup.Hierarchy
	memory  int64  // of the machine, bytes
	network string // the machine's network namespace, "net:[4026531840]"
}

// A Usage is what a container uses, or has used since it was started. What nobody
// counts is cgroup.Uncounted.
type Usage struct {
	cgroup.Stats       // MemoryLimit is at most what the machine has
	Received     int64 // bytes, by all interfaces but loopback; 0 with the machine's network
	Sent         int64
}

// Meter prepares what is the same for all containers.
func (c *Containers) Meter() (*Meter, error) {
	h, err := cgroup.Detect()
	if err != nil {
		return nil, err
	}
	m := &Meter{all: c, groups: h}
	if m.memory, err = machineMemory(); err != nil {
		return nil, err
	}
	m.network, err = os.Readlink("/proc/self/ns/net")
	return m, err
}

// CPU is the processor time that a running container has used, and the period of its
// quota, or 0. An error says that it has ended.
func (m *Meter) CPU(ct Container) (used, period time.Duration, err error) {
	g, err := cgroup.Open(m.groups, m.all.Cgroup(ct.ID))
	if err != nil {
		return 0, 0, err
	}
	used, err = g.CPU()
	return used, g.Period(), err
}

// Usage reads what a running container uses. An error says that it has ended. The group
// is read last: as long as it stands the PID is the container's.
func (m *Meter) Usage(ct Container) (u Usage, err error) {
	received, sent, err := m.networkBytes(ct.State.Pid)
	if err != nil {
		return u, err
	}
	g, err := cgroup.Open(m.groups, m.all.Cgroup(ct.ID))
	if err != nil {
		return u, err
	}
	u.Stats, err = g.Stats()
	u.Received, u.Sent = received, sent
	if u.MemoryLimit != cgroup.Uncounted {
		u.MemoryLimit = min(u.MemoryLimit, m.memory)
	}
	return u, err
}

// OOMKilled reports whether the kernel has killed a process of a running container because a
// limit of memory was reached, its own in r or that of a group above. Of a container at rest
// its state tells that.
func (c *Containers) OOMKilled(id string, r *specs.LinuxResources) bool {
	h, err := cgroup.Detect()
	if err != nil {
		return false
	}
	g, err := cgroup.Open(h, c.Cgroup(id))
	if err != nil {
		return false
	}
	limited := r != nil && r.Memory != nil && r.Memory.Limit != nil
	return (limited || g.BelowOthers()) && g.OOMKills() > 0
}

// networkBytes reads /proc/PID/net/dev, which shows the network namespace of the process.
// What went over the machine's own network is not the container's alone.
func (m *Meter) networkBytes(pid int) (received, sent int64, err error) {
	network, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/net", pid))
	if err != nil || network == m.network {
		return 0, 0, err
	}
	f, err := os.Open(fmt.Sprintf("/proc/%d/net/dev", pid))
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	return sumInterfaces(f)
}

// sumInterfaces adds up what the interfaces of /proc/PID/net/dev have received and
// sent, proc_pid_net(5). Loopback leads nowhere and does not count.
//
//	Inter-|   Receive                            |  Transmit
//	 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets …
//	  eth0:    1296      16    0    0    0     0          0         0      560       8 …
func sumInterfaces(dev io.Reader) (received, sent int64, err error) {
	const sentColumn = 8
	lines := bufio.NewScanner(dev)
	for lines.Scan() {
		name, numbers, found := strings.Cut(lines.Text(), ":")
		fields := strings.Fields(numbers)
		if !found || strings.TrimSpace(name) == "lo" || len(fields) <= sentColumn {
			continue
		}
		in, inErr := strconv.ParseInt(fields[0], 10, 64)
		out, outErr := strconv.ParseInt(fields[sentColumn], 10, 64)
		if inErr == nil && outErr == nil {
			received, sent = received+in, sent+out
		}
	}
	return received, sent, lines.Err()
}

// machineMemory reads /proc/meminfo: "MemTotal:        8140560 kB".
func machineMemory() (int64, error) {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if kB, found := strings.CutPrefix(lines.Text(), "MemTotal:"); found {
			n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(kB, "kB")), 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("/proc/meminfo has no MemTotal")
}
