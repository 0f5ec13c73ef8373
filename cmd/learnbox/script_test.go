package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/learnbox/learnbox/explain/whatif"
	"github.com/learnbox/learnbox/internal/privtest"
)

// TestMain makes this test binary act as learnbox when it is called by one of
// its names. An unregistered name would run the whole suite inside the child.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"learnbox":         main,
		"learnbox-init":    main,
		"learnbox-monitor": main,
		"learnbox-told":    told,
		whatif.Name:        main,
	})
}

// TestScript runs testdata/script, one file for each verb. A script finds
//
//	$REGISTRY           host:port of a registry on loopback with the real images
//	$HANGING            host:port of one that accepts and never answers
//	LEARNBOX_ROOT       a root of its own
//	[images] [registry] [root] [cgroup] [overlay] [net] [tiny] [vm]  what this machine can do
func TestScript(t *testing.T) {
	privtest.NoTrace(t)
	has := map[string]bool{}
	for _, feature := range []string{"images", "registry", "root", "cgroup", "overlay", "net", "tiny", "vm"} {
		has[feature] = false
		t.Run("has "+feature, func(t *testing.T) {
			privtest.Require(t, feature)
			has[feature] = true
		})
	}
	registry := "127.0.0.1:1" // nobody listens there
	if has["images"] && has["registry"] {
		registry = startRegistry(t)
		push(t, privtest.Images(t), registry)
	} else {
		has["registry"] = false // without images it is of no use
	}
	hanging := startHanging(t)
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("LEARNBOX_UPDATE_SCRIPTS") != "",
		Condition: func(cond string) (bool, error) {
			known, ok := has[cond]
			if !ok {
				return false, fmt.Errorf("unknown condition %q", cond)
			}
			return known, nil
		},
		Setup: func(e *testscript.Env) error {
			e.Vars = slices.DeleteFunc(e.Vars, func(v string) bool { return strings.HasPrefix(v, "HOME=") })
			e.Vars = append(e.Vars,
				"HOME="+e.WorkDir,
				"REGISTRY="+registry,
				"HANGING="+hanging,
				"LEARNBOX_ROOT="+filepath.Join(e.WorkDir, "root"),
				"LEARNBOX_CONFIG="+filepath.Join(e.WorkDir, "no-such-config.yaml"),
				"LEARNBOX_REGISTRY_MIRRORS=http://"+registry,
			)
			e.Defer(func() { endContainers(e) })
			return nil
		},
	})
}

// endContainers ends what a script left running that failed: a busy loop would slow down
// all tests that follow.
func endContainers(e *testscript.Env) {
	if t, ok := e.T().(interface{ Failed() bool }); !ok || !t.Failed() {
		return
	}
	cmd := exec.Command("sh", "-c", `for id in $(learnbox ps -aq); do learnbox rm -f $id; done`)
	cmd.Env = e.Vars
	_ = cmd.Run() // it may have left nothing
}

// startRegistry runs Debian's docker-registry until the test ends and returns
// its host:port. The shell between them ends it even if the test is killed: then
// its standard input is at its end.
func startRegistry(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	addr := freePort(t)
	config := filepath.Join(dir, "config.yml")
	text := fmt.Sprintf("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: %s}\n",
		filepath.Join(dir, "data"), addr)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", `docker-registry serve "$0" </dev/null & read -r _; kill $!; wait $!`, config)
	alive, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		alive.Close()
		cmd.Wait() //nolint:errcheck // it was told to end
	})
	if err := answers(t.Context(), "http://"+addr+"/v2/"); err != nil {
		t.Fatalf("docker-registry: %v", err)
	}
	return addr
}

// startHanging listens until the test ends; the kernel accepts, and nobody reads.
func startHanging(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// freePort finds a port for a program that cannot choose one itself.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// answers waits until url can be read.
func answers(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			io.Copy(io.Discard, resp.Body) //nolint:errcheck // only the answer counts
			return resp.Body.Close()
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
	}
}

// push puts the images of an OCI layout into a registry, under their own names,
// and Docker Hub's also as latest, so that the bare names work.
func push(t *testing.T, dir, registry string) {
	t.Helper()
	path, err := layout.FromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	index, err := path.ImageIndex()
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range manifest.Manifests {
		full := d.Annotations["org.opencontainers.image.ref.name"]
		short := strings.TrimPrefix(full, "docker.io/")
		ref, err := name.NewTag(registry + "/" + short)
		if err != nil {
			t.Fatal(err)
		}
		var pushed remote.Taggable
		if d.MediaType.IsIndex() {
			ii, err := index.ImageIndex(d.Digest)
			if err != nil {
				t.Fatal(err)
			}
			pushed, err = ii, remote.WriteIndex(ref, ii)
			if err != nil {
				t.Fatalf("push %s: %v", full, err)
			}
		} else {
			img, err := index.Image(d.Digest)
			if err != nil {
				t.Fatal(err)
			}
			pushed, err = img, remote.Write(ref, img)
			if err != nil {
				t.Fatalf("push %s: %v", full, err)
			}
		}
		if strings.HasPrefix(short, "library/") {
			if err := remote.Tag(ref.Context().Tag("latest"), pushed); err != nil {
				t.Fatalf("tag %s as latest: %v", full, err)
			}
		}
	}
}
