package main

import (
	"runtime"
	"slices"
	"strings"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/learnbox/learnbox/pull/store"
)

// parsePlatform reads os[/arch[/variant]], or an architecture alone, as Docker
// does. Empty means this machine and gives nil.
func parsePlatform(s string) (*v1.Platform, error) {
	if s == "" {
		return nil, nil //nolint:nilnil // nil is pull's word for this machine
	}
	parts := strings.Split(strings.ToLower(s), "/")
	if slices.Contains(parts, "") {
		return nil, usageError("platform %q: a part is empty; it reads linux/arm64 or linux/arm/v7", s)
	}
	p := v1.Platform{OS: "linux", Architecture: runtime.GOARCH}
	switch {
	case len(parts) > 3:
		return nil, usageError("platform %q: too many parts; it reads linux/arm64 or linux/arm/v7", s)
	case len(parts) == 1 && parts[0] != "linux":
		p.Architecture, p.Variant = architecture(parts[0])
	case len(parts) > 1:
		p.OS = parts[0]
		p.Architecture, p.Variant = architecture(parts[1])
	}
	if len(parts) == 3 {
		p.Variant = parts[2]
	}
	return &p, nil
}

// architecture translates the kernel's names (uname -m) into those of Go, which
// the image specification uses (image-spec, image-index.md, platform).
func architecture(s string) (arch, variant string) {
	switch s {
	case "x86_64", "x86-64":
		return "amd64", ""
	case "i386", "i486", "i586", "i686":
		return "386", ""
	case "aarch64":
		return "arm64", ""
	case "armhf", "armv7", "armv7l":
		return "arm", "v7"
	case "armel", "armv6l":
		return "arm", "v6"
	default:
		return s, ""
	}
}

// fitsPlatform reports whether img is for the platform that was asked for; an
// empty word fits every image.
func fitsPlatform(img store.Image, platform string) (bool, error) {
	want, err := parsePlatform(platform)
	if err != nil || want == nil {
		return true, err
	}
	have := img.Config.Platform
	return have.OS == want.OS && have.Architecture == want.Architecture &&
		(want.Variant == "" || have.Variant == want.Variant), nil
}
