// Package privtest gates tests on what the machine can do, and checks that
// they leave it as it was.
//
// A container runtime cannot be tested without a kernel that lets it work:
// root, cgroups, overlayfs, network namespaces. Where one of them is missing a
// test has nothing to say, so it skips and tells why. But a test that skips
// everywhere proves nothing, so whoever promises a feature (CI does) names it in
// LEARNBOX_TEST_REQUIRE, and then its absence is a failure.
//
// Features are tried, never derived from versions or user ids: a probe makes a
// cgroup, mounts an overlay, unshares a network namespace, each where nobody else
// can see it, and takes it away again.
//
// The second half is [NoTrace]: it compares the machine's mounts, cgroups, network
// links and processes before and after a test. "Nothing left behind" is a promise
// of learnbox to its users, so every test with privileges keeps it too.
//
// What it leaves out: it does not look at files (tests use t.TempDir) and it
// cannot tell two programs apart that use learnbox at the same moment.
package privtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// requireEnv lists, separated by commas, the features whose absence is a failure.
const requireEnv = "LEARNBOX_TEST_REQUIRE"

// imagesEnv names the OCI image layout with real images.
const imagesEnv = "LEARNBOX_TEST_IMAGES"

// features are the names that Require and LEARNBOX_TEST_REQUIRE know.
//
//	root        CAP_SYS_ADMIN, without which there is no namespace and no mount
//	cgroup      a cgroup can be made, version 1 or 2
//	overlay     overlayfs can be mounted on the temporary directory
//	net         a network namespace can be made and its loopback raised
//	images      the OCI layout with real images is there, see Images
//	registry    Debian's docker-registry is installed
//	tiny        scripts/tiny has made the image that is embedded
//	strace      strace is installed
//	skopeo      skopeo is installed
//	shellcheck  shellcheck is installed
//	docker      Docker Engine 20.10 is installed; nobody needs to have started it
//	vm          this is a machine of scripts/vm: cgroup v2, all capabilities
func features() []string {
	return []string{"root", "cgroup", "overlay", "net", "images", "registry", "tiny", "strace", "skopeo", "shellcheck", "docker", "vm"}
}

// Require skips the test, with the reason, when the machine lacks one of the named
// features, and fails it when LEARNBOX_TEST_REQUIRE promises that feature.
func Require(t testing.TB, names ...string) {
	t.Helper()
	promised := promises(t)
	for _, name := range names {
		if !slices.Contains(features(), name) {
			t.Fatalf("privtest: no feature is called %q; there are %s", name, strings.Join(features(), ", "))
		}
		if err := probe(name); err != nil {
			miss(t, promised, name, err)
		}
	}
}

// Images returns the absolute path of the OCI image layout with real images:
// LEARNBOX_TEST_IMAGES, or the nearest shared/images beside or above the working
// directory. It skips or fails like Require(t, "images").
func Images(t testing.TB) string {
	t.Helper()
	dir, err := findImages()
	if err != nil {
		miss(t, promises(t), "images", err)
	}
	return dir
}

// miss ends the test: a failure if the feature is promised, otherwise a skip.
func miss(t testing.TB, promised []string, name string, err error) {
	t.Helper()
	if slices.Contains(promised, name) {
		t.Fatalf("%s promises %s, but: %v", requireEnv, name, err)
	}
	t.Skipf("needs %s: %v", name, err)
}

// promises reads LEARNBOX_TEST_REQUIRE. A misspelt name would silently turn
// failures back into skips, so it fails the test.
func promises(t testing.TB) []string {
	t.Helper()
	var promised []string
	for name := range strings.SplitSeq(os.Getenv(requireEnv), ",") {
		name = strings.TrimSpace(name)
		if name == "" {
			continue
		}
		if !slices.Contains(features(), name) {
			t.Fatalf("%s: no feature is called %q; there are %s", requireEnv, name, strings.Join(features(), ", "))
		}
		promised = append(promised, name)
	}
	return promised
}

// probe tries one feature; nil means that it is there.
func probe(name string) error {
	switch name {
	case "images":
		_, err := findImages()
		return err
	case "registry":
		return installed("docker-registry")
	case "tiny":
		_, err := findUp("pull/tiny/image")
		return err
	case "strace", "skopeo", "shellcheck":
		return installed(name)
	case "docker":
		return engine()
	case "vm":
		return insideVM()
	default:
		return probeKernel(name)
	}
}

// installed says how to get a program of Debian that is not there.
func installed(program string) error {
	if _, err := exec.LookPath(program); err != nil {
		return fmt.Errorf("%w (Debian and Ubuntu: scripts/test installs it)", err)
	}
	return nil
}

// engine looks for the version of Docker Engine that learnbox is compared with: others
// differ from it, too.
func engine() error {
	if err := errors.Join(installed("dockerd"), installed("docker"), installed("skopeo")); err != nil {
		return err
	}
	version, err := exec.Command("dockerd", "--version").Output() //nolint:noctx // it prints and ends
	if err == nil && !strings.Contains(string(version), " 20.10.") {
		err = fmt.Errorf("it takes Docker Engine 20.10, and here is %s", strings.TrimSpace(string(version)))
	}
	return err
}

// insideVM reports whether scripts/vm has booted this machine: it leaves its job there.
func insideVM() error {
	if _, err := os.Stat("/run/vm/session"); err != nil {
		return fmt.Errorf("this is no machine of scripts/vm: %w", err)
	}
	return nil
}

// findImages looks for the layout in the environment, then up the directory tree.
func findImages() (string, error) {
	if dir := os.Getenv(imagesEnv); dir != "" {
		if !isLayout(dir) {
			return "", fmt.Errorf("%s=%s holds no oci-layout file", imagesEnv, dir)
		}
		return filepath.Abs(dir)
	}
	dir, err := findUp("shared/images")
	if err != nil {
		return "", fmt.Errorf("%w, and %s is not set", err, imagesEnv)
	}
	return dir, nil
}

// findUp returns the OCI image layout of that name that is nearest to the
// working directory, or above it.
func findUp(name string) (string, error) {
	wd, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := wd; ; dir = filepath.Dir(dir) {
		if layout := filepath.Join(dir, name); isLayout(layout) {
			return layout, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no %s with an oci-layout file at or above %s", name, wd)
		}
	}
}

// isLayout reports whether dir is an OCI image layout (image-spec, image-layout.md).
func isLayout(dir string) bool {
	fi, err := os.Stat(filepath.Join(dir, "oci-layout"))
	return err == nil && fi.Mode().IsRegular()
}
