package pull

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// A PlatformError reports an image that has nothing for the platform wanted.
type PlatformError struct {
	Want v1.Platform
	Have []v1.Platform
}

func (e *PlatformError) Error() string {
	return fmt.Sprintf("no image for %s; there is %s", platformString(e.Want), e.have())
}

// Hint names what could be asked for instead.
func (e *PlatformError) Hint() string {
	if len(e.Have) == 0 {
		return ""
	}
	return "to have another one: --platform " + platformString(e.Have[0])
}

func (e *PlatformError) have() string {
	if len(e.Have) == 0 {
		return "none for any known platform"
	}
	var names []string
	for _, p := range e.Have {
		if n := platformString(p); !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return strings.Join(names, ", ")
}

func platformString(p v1.Platform) string {
	s := printable(p.OS + "/" + p.Architecture)
	if p.Variant != "" {
		s += printable("/" + p.Variant)
	}
	return s
}

// hostPlatform is what containers on this machine run on: always Linux.
func hostPlatform() v1.Platform {
	p := v1.Platform{OS: "linux", Architecture: runtime.GOARCH}
	if p.Architecture == "arm" {
		p.Variant = armVariant()
	}
	return p
}

// armVariant reads the version of the instruction set that the kernel reports.
func armVariant() string {
	data, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range bytes.Lines(data) {
		key, value, _ := bytes.Cut(line, []byte(":"))
		if string(bytes.TrimSpace(key)) == "CPU architecture" {
			return "v" + strings.TrimSuffix(string(bytes.TrimSpace(value)), "TEJ")
		}
	}
	return ""
}

// normalize writes platforms that mean the same the same way. Variants that
// are an architecture's floor (arm64/v8, amd64/v1) are left out.
func normalize(p v1.Platform) v1.Platform {
	p = v1.Platform{
		OS: strings.ToLower(p.OS), Architecture: strings.ToLower(p.Architecture), Variant: strings.ToLower(p.Variant),
	}
	if p.Variant != "" && p.Variant[0] >= '0' && p.Variant[0] <= '9' {
		p.Variant = "v" + p.Variant
	}
	switch p.Architecture {
	case "x86_64", "x86-64":
		p.Architecture = "amd64"
	case "i386", "i486", "i586", "i686":
		p.Architecture = "386"
	case "aarch64":
		p.Architecture = "arm64"
	case "armhf":
		p.Architecture, p.Variant = "arm", "v7"
	case "armel":
		p.Architecture, p.Variant = "arm", "v6"
	}
	switch p.Architecture + "/" + p.Variant {
	case "arm64/v8", "amd64/v1":
		p.Variant = ""
	case "arm/":
		p.Variant = "v7"
	}
	return p
}

// choices returns the platforms whose programs run on p, best first: p itself,
// then the variants below it. Beyond that an amd64 machine runs 386 programs
// and an arm64 one, usually, those of arm; that is offered for the machine's own
// platform (other) and not to someone who named one.
func choices(p v1.Platform, other bool) []v1.Platform {
	p = normalize(p)
	with := func(arch string, variants ...string) (ps []v1.Platform) {
		for _, v := range variants {
			ps = append(ps, v1.Platform{OS: p.OS, Architecture: arch, Variant: v})
		}
		return ps
	}
	from := func(variants ...string) []string {
		if i := slices.Index(variants, p.Variant); i >= 0 {
			return variants[i:]
		}
		return []string{p.Variant}
	}
	switch p.Architecture {
	case "arm":
		return with("arm", from("v8", "v7", "v6", "v5")...)
	case "arm64":
		ps := with("arm64", from("v9", "")...)
		if other {
			ps = append(ps, with("arm", "v8", "v7", "v6", "v5")...)
		}
		return ps
	case "amd64":
		ps := with("amd64", from("v4", "v3", "v2", "")...)
		if other {
			ps = append(ps, with("386", "")...)
		}
		return ps
	default:
		return []v1.Platform{p}
	}
}

// rank returns the place of have among choices, -1 if it is not there. An image
// that does not say what it is for (some hand-made ones) is taken as the worst
// choice rather than refused.
func rank(choices []v1.Platform, have v1.Platform) int {
	if have.OS == "" && have.Architecture == "" {
		return len(choices)
	}
	have = normalize(have)
	return slices.IndexFunc(choices, func(c v1.Platform) bool {
		return c.OS == have.OS && c.Architecture == have.Architecture && c.Variant == have.Variant
	})
}
