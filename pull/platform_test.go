package pull

import (
	"strings"
	"testing"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

func plat(s string) v1.Platform {
	parts := append(strings.Split(s, "/"), "", "")
	return v1.Platform{OS: parts[0], Architecture: parts[1], Variant: parts[2]}
}

// The best of what an index has for a platform.
func TestChoosePlatform(t *testing.T) {
	for _, c := range []struct {
		want  string
		other bool // the machine's own, not one that the user named
		have  string
		best  string
	}{
		{"linux/amd64", true, "linux/386 linux/amd64", "linux/amd64"},
		{"linux/amd64", true, "linux/386 linux/arm64", "linux/386"},
		{"linux/amd64", false, "linux/386 linux/arm64", ""},
		{"linux/386", false, "linux/amd64 linux/386", "linux/386"},
		{"linux/386", true, "linux/amd64", ""},
		{"linux/amd64", true, "linux/amd64/v2 linux/amd64", "linux/amd64"},
		{"linux/amd64/v3", false, "linux/amd64 linux/amd64/v2", "linux/amd64/v2"},
		{"linux/amd64/v3", false, "linux/amd64/v4 linux/amd64/v1", "linux/amd64/v1"},
		{"linux/x86_64", false, "linux/amd64", "linux/amd64"},
		{"linux/arm64", true, "linux/arm64/v8", "linux/arm64/v8"},
		{"linux/arm64/v8", false, "linux/arm64", "linux/arm64"},
		{"linux/aarch64", false, "linux/arm/v7 linux/arm64", "linux/arm64"},
		{"linux/arm64", true, "linux/arm/v6 linux/arm/v7", "linux/arm/v7"},
		{"linux/arm64", false, "linux/arm/v7", ""},
		{"linux/arm", false, "linux/arm/v5 linux/arm/v6 linux/arm/v8", "linux/arm/v6"},
		{"linux/arm/7", false, "linux/arm/v5 linux/arm", "linux/arm"},
		{"linux/arm/v6", false, "linux/arm/v7", ""},
		{"linux/s390x", true, "linux/s390x", "linux/s390x"},
		{"linux/riscv64", true, "linux/amd64", ""},
		{"linux/amd64", true, "windows/amd64", ""},
	} {
		best, bestRank := "", -1
		for h := range strings.FieldsSeq(c.have) {
			if r := rank(choices(plat(c.want), c.other), plat(h)); r >= 0 && (bestRank < 0 || r < bestRank) {
				best, bestRank = h, r
			}
		}
		if best != c.best {
			t.Errorf("for %s (own: %v) of %s: %q, want %q", c.want, c.other, c.have, best, c.best)
		}
	}
}

func TestPlatformError(t *testing.T) {
	e := &PlatformError{Want: plat("linux/s390x"), Have: []v1.Platform{plat("linux/amd64"), plat("linux/386"), plat("linux/386")}}
	if got, want := e.Error(), "no image for linux/s390x; there is linux/amd64, linux/386"; got != want {
		t.Errorf("Error() = %q, want %q", got, want)
	}
	if got, want := e.Hint(), "to have another one: --platform linux/amd64"; got != want {
		t.Errorf("Hint() = %q, want %q", got, want)
	}
}
