// Package whatif shows what a step of a run is for, by leaving it out.
//
// What a step protects is then unprotected, and if that is the machine's
// hostname, the machine has another one afterwards. So the run takes place in a
// shield: a process in namespaces of its own, of every kind that a container
// has, which for the container are the machine's. Its root is the machine's,
// read-only as a whole; what has to be written is in memory. It lies in a
// control group of its own, and whoever started it holds a lock; so it ends
// with all that is in it, whatever happens, and nothing of it is left.
//
//	machine                    shield                        container
//	learnbox whatif --clone--> pid 1: build, exec,
//	   |   <---- ready -----   verify that it is a shield
//	   |   ----- a job ---->   learnbox run  ----clone--->   without the step
//	   |   <--- a result ---     |                             |
//	   reads from outside what became of the shield
//
// The same is done once more with the step, in another shield, and both are put
// side by side: table.go knows what to ask for which step, and reasons.go why
// some steps cannot be left out.
//
// What a shield cannot do: some things belong to no namespace, such as the
// kernel's clock, its modules and most of /proc/sys. A program that reaches
// those reaches the machine's. A shield is for accidents, not for attackers.
package whatif

// Name is the argv[0] under which learnbox acts as a shield.
const Name = "learnbox-shield"

// A Setup is what a shield is built from. All paths are absolute.
type Setup struct {
	Root   string   // learnbox's data root: its images are shown, all else of it is new
	Place  string   // an empty directory, where the new root is put together
	Groups []Mapped // control groups, shown at the mount point of their tree
	Marker string   // what the file Root/MarkerName says, which stands for all files of the machine
}

// A Mapped is a directory that is seen at another place.
type Mapped struct{ Source, At string }

// What there is in a shield to be seen or changed.
const (
	Hostname   = "shield"
	Link       = "shield0"
	MarkerName = "marker"
	Marker     = "a file of the machine"
)

// A Device is one that no machine has, so that it can be allowed: whoever may
// open it hears ENXIO (no such device), and whoever may not EPERM. Its major
// number is one that the kernel leaves to local use (admin-guide/devices.txt).
const (
	DeviceMajor = 60
	DeviceMinor = 7
)

// A Comparison is a run with a step and one without it, side by side.
type Comparison struct {
	Without []string `json:"without"`
	Title   string   `json:"title"`
	Why     string   `json:"why"`
	Run     []string `json:"run"`               // the flags, the image, the command
	Tripped []Trip   `json:"tripped,omitempty"` // steps that could not be taken without the others, and were left out too
	Answers []Answer `json:"answers"`
	Means   string   `json:"means"`
	Careful string   `json:"careful,omitempty"` // what the shield does not hold off
	Try     []string `json:"try,omitempty"`     // flags with which the step does more than in this run
}

// A Trip is a step that failed because of one left out before it.
type Trip struct {
	Step  string `json:"step"`
	Error string `json:"error"`
}

// An Answer is what one question got from both runs.
type Answer struct {
	What    string `json:"what"`
	How     string `json:"how"` // a command in the container, or what was read from outside
	With    string `json:"with"`
	Without string `json:"without"`
}

// Differs reports whether the step made a difference to any question.
func (c Comparison) Differs() bool {
	for _, a := range c.Answers {
		if a.With != a.Without {
			return true
		}
	}
	return false
}
