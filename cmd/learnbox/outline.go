package main

import (
	"path/filepath"
	"strings"

	"github.com/learnbox/learnbox/sandbox"
	"github.com/learnbox/learnbox/sandbox/rootfs"
	"github.com/learnbox/learnbox/sandbox/spec"
)

// outlineOf tells which steps of the table a container takes, and on what. dir
// is the container's directory, which need not exist.
func outlineOf(hostPIDs bool, built spec.Result, dir, lower string) ([]sandbox.Outlined, error) {
	return sandbox.Outline(
		sandbox.Config{
			Spec:    built.Spec,
			Overlay: rootfs.Overlay{Lower: lower, Upper: filepath.Join(dir, "upper"), Work: filepath.Join(dir, "work")},
			Merged:  filepath.Join(dir, "merged"), Reaper: built.Init,
			Unconfined: built.SeccompProfile == spec.SeccompUnconfined,
		},
		sandbox.CloneOptions{Cgroup: strings.TrimPrefix(built.Spec.Linux.CgroupsPath, "/"), HostPIDs: hostPIDs},
	)
}
