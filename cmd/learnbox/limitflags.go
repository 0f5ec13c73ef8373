package main

import "github.com/learnbox/learnbox/sandbox/spec"

// limitFlags are Docker's flags for what a container may use up. What they mean is
// decided in sandbox/spec.
type limitFlags struct {
	changeableFlags
	DeviceReadBps  []string `name:"device-read-bps" sep:"none" placeholder:"DISK:RATE" help:"Bytes a second it may read from a disk, as in /dev/sda:1mb."`
	DeviceWriteBps []string `name:"device-write-bps" sep:"none" placeholder:"DISK:RATE" help:"Bytes a second it may write to a disk."`
	OOMScoreAdj    string   `name:"oom-score-adj" placeholder:"NUMBER" help:"How soon the kernel kills it when memory gets short, -1000 to 1000."`
	OOMKillDisable bool     `name:"oom-kill-disable" help:"Have it wait instead of killing it at its limit (cgroup v1 only)."`
	CgroupParent   string   `name:"cgroup-parent" placeholder:"PATH" help:"Make its control group below this one."`
}

// changeableFlags are those of them that update can change later.
type changeableFlags struct {
	Memory            string `short:"m" placeholder:"SIZE" help:"How much memory it may use, as in 64m."`
	MemorySwap        string `placeholder:"SIZE" help:"The same with swap, together; -1 is any (default twice the memory)."`
	MemoryReservation string `placeholder:"SIZE" help:"What is left to it when memory gets short."`
	CPUs              string `name:"cpus" placeholder:"NUMBER" help:"How many processors' time it may use, as in 0.5."`
	CPUShares         string `name:"cpu-shares" short:"c" placeholder:"NUMBER" help:"Its share of processor time beside others' (1024 is the default of all)."`
	CPUQuota          string `name:"cpu-quota" placeholder:"MICROSECONDS" help:"Processor time it may use in each period."`
	CPUPeriod         string `name:"cpu-period" placeholder:"MICROSECONDS" help:"Length of a period (default 100000)."`
	CpusetCPUs        string `name:"cpuset-cpus" placeholder:"LIST" help:"The processors it may run on, as in 0-2,4."`
	CpusetMems        string `name:"cpuset-mems" placeholder:"LIST" help:"The memory nodes it may use."`
	PidsLimit         string `name:"pids-limit" placeholder:"NUMBER" help:"How many processes and threads it may have; -1 is any."`
	BlkioWeight       string `name:"blkio-weight" placeholder:"NUMBER" help:"Its share of the disks beside others', 10 to 1000."`
}

func (f limitFlags) limits() spec.Limits {
	l := f.changeableFlags.limits()
	l.DeviceReadBps, l.DeviceWriteBps = f.DeviceReadBps, f.DeviceWriteBps
	l.OOMScoreAdj, l.OOMKillDisable, l.CgroupParent = f.OOMScoreAdj, f.OOMKillDisable, f.CgroupParent
	return l
}

func (f changeableFlags) limits() spec.Limits {
	return spec.Limits{
		Memory: f.Memory, MemorySwap: f.MemorySwap, MemoryReservation: f.MemoryReservation,
		CPUs: f.CPUs, CPUShares: f.CPUShares, CPUQuota: f.CPUQuota, CPUPeriod: f.CPUPeriod,
		CpusetCPUs: f.CpusetCPUs, CpusetMems: f.CpusetMems, PidsLimit: f.PidsLimit, BlkioWeight: f.BlkioWeight,
	}
}
