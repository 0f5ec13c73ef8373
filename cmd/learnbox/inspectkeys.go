package main

import (
	"encoding/json"

	"github.com/learnbox/learnbox/lifecycle"
)

// containerReport is a container in Docker's words: the keys of its API
// (ContainerInspect) in the order in which it prints them, and one of our own.
type containerReport struct {
	Id              string //nolint:revive // the key is Docker's, and templates name it
	Created         string
	Path            string
	Args            []string
	State           stateReport
	Image           string
	ResolvConfPath  string
	HostnamePath    string
	HostsPath       string
	LogPath         string
	Name            string // with a slash before it
	RestartCount    int
	Driver          string
	Platform        string
	MountLabel      string
	ProcessLabel    string
	AppArmorProfile string
	ExecIDs         []string
	HostConfig      hostConfig
	GraphDriver     graphDriver
	SizeRw          *int64 `json:",omitempty"` // bytes
	SizeRootFs      *int64 `json:",omitempty"` // bytes
	Mounts          []mountPoint
	Config          imageConfig
	NetworkSettings networkSettings
	Learnbox        learnboxReport
}

// ID is the other name that Docker's templates may use.
func (r containerReport) ID() string { return r.Id }

type stateReport struct {
	Status     string
	Running    bool
	Paused     bool
	Restarting bool
	OOMKilled  bool
	Dead       bool
	Pid        int
	ExitCode   int
	Error      string
	StartedAt  string
	FinishedAt string
	Health     *lifecycle.Health `json:",omitempty"`
}

// hostConfig is how a container is tied to the machine. Keys for what learnbox
// does not have yet are there with the value that says so, because scripts and
// templates read them.
type hostConfig struct {
	Binds           []string
	ContainerIDFile string
	LogConfig       logConfig
	NetworkMode     string
	PortBindings    map[string]json.RawMessage
	RestartPolicy   restartPolicy
	AutoRemove      bool
	VolumeDriver    string
	VolumesFrom     []string
	CapAdd          []string
	CapDrop         []string
	CgroupnsMode    string
	Dns             []string //nolint:revive // the key is Docker's
	DnsOptions      []string //nolint:revive // the key is Docker's
	DnsSearch       []string //nolint:revive // the key is Docker's
	ExtraHosts      []string
	GroupAdd        []string
	IpcMode         string
	Cgroup          string
	Links           []string
	OomScoreAdj     int
	PidMode         string
	Privileged      bool
	PublishAllPorts bool
	ReadonlyRootfs  bool
	SecurityOpt     []string
	Tmpfs           map[string]string `json:",omitempty"`
	UTSMode         string
	UsernsMode      string
	ShmSize         int64             // bytes
	Sysctls         map[string]string `json:",omitempty"`
	Runtime         string
	ConsoleSize     [2]int
	Isolation       string
	resourceLimits
	MaskedPaths   []string
	ReadonlyPaths []string
	Init          *bool `json:",omitempty"`
}

// resourceLimits are those of the control group. Docker prints 0 for "none".
type resourceLimits struct {
	CpuShares    uint64 //nolint:revive // the key is Docker's, as are those below
	Memory       int64  // bytes
	NanoCpus     int64
	CgroupParent string
	BlkioWeight  uint16
	blkioLimits
	CpuPeriod                     uint64 //nolint:revive // the key is Docker's
	CpuQuota                      int64  //nolint:revive // the key is Docker's
	CpuRealtimePeriod             int64  //nolint:revive // the key is Docker's
	CpuRealtimeRuntime            int64  //nolint:revive // the key is Docker's
	CpusetCpus                    string
	CpusetMems                    string
	Devices                       []deviceMapping
	DeviceCgroupRules             []string
	DeviceRequests                []json.RawMessage
	KernelMemory, KernelMemoryTCP int64
	MemoryReservation             int64 // bytes
	MemorySwap                    int64 // bytes
	MemorySwappiness              *uint64
	OomKillDisable                bool
	PidsLimit                     *int64
	Ulimits                       []ulimit
	windowsLimits
}

// blkioLimits has no counterpart here.
type blkioLimits struct {
	BlkioWeightDevice, BlkioDeviceReadBps, BlkioDeviceWriteBps, BlkioDeviceReadIOps, BlkioDeviceWriteIOps []json.RawMessage
}

// windowsLimits are 0 on Linux, in Docker too.
type windowsLimits struct {
	CpuCount, CpuPercent, IOMaximumIOps, IOMaximumBandwidth int64 //nolint:revive // the keys are Docker's
}

type logConfig struct {
	Type   string
	Config map[string]string
}

type restartPolicy struct {
	Name              string
	MaximumRetryCount int
}

type deviceMapping struct{ PathOnHost, PathInContainer, CgroupPermissions string }

type ulimit struct {
	Name string
	Hard uint64
	Soft uint64
}

type mountPoint struct {
	Type        string
	Name        string `json:",omitempty"` // of a volume
	Source      string
	Destination string
	Driver      string `json:",omitempty"`
	Mode        string
	RW          bool
	Propagation string
}

type networkSettings struct {
	Bridge                 string
	SandboxID              string
	HairpinMode            bool
	LinkLocalIPv6Address   string
	LinkLocalIPv6PrefixLen int
	Ports                  map[string]json.RawMessage
	SandboxKey             string // the namespace, while it is there
	SecondaryIPAddresses   []string
	SecondaryIPv6Addresses []string
	networkAddresses
	Networks map[string]networkEndpoint
}

type networkAddresses struct {
	EndpointID          string
	Gateway             string
	GlobalIPv6Address   string
	GlobalIPv6PrefixLen int
	IPAddress           string
	IPPrefixLen         int
	IPv6Gateway         string
	MacAddress          string
}

type networkEndpoint struct {
	IPAMConfig     *struct{}
	Links, Aliases []string
	NetworkID      string
	networkAddresses
	DriverOpts map[string]string
}

// learnboxReport is what Docker has no key for: where to look next.
type learnboxReport struct {
	Directory  string // all the container's files
	Config     string // the config.json that ran, without its seccomp profile
	Rootfs     string // the flattened image
	Command    []string
	Init       bool              // a small init is PID 1
	Seccomp    string            // "default", "unconfined" or the profile's path
	Namespaces map[string]string // by kind, read from /proc/PID/ns
	Shared     []string          // those that are the machine's
	Cgroups    []string          // directories that exist
	Journal    string            `json:",omitempty"` // the story of its run, if it was explained
}
