package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/learnbox/learnbox/internal/linux"
	"github.com/learnbox/learnbox/sandbox/caps"
)

// examine tries everything.
func (a *app) examine() []checkup {
	return slices.Concat(examineKernel(), examineNamespaces(), examineUsers(), a.examineFiles(), examineCgroups())
}

// judge makes an answer of what a probe returned. What only root may try is not
// told by a refusal.
func judge(c checkup, err error) checkup {
	switch {
	case err == nil:
		c.Answer, c.Do = found, ""
		return c
	case os.Geteuid() != 0 && (errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES)):
		c.Answer, c.Do = unclear, "ask again as root"
	default:
		c.Answer = missing
	}
	c.Found = err.Error()
	return c
}

func examineKernel() []checkup {
	const about = "The kernel and what it lets us do"
	return []checkup{
		judge(checkup{
			About: about, Name: "system calls", For: "paths that cannot lead out of an image (openat2), no leaked files (close_range)", Required: true,
			Do: "a kernel from 5.10 on has them",
		}, linux.TryCalls()),
		judge(checkup{
			About: about, Name: "seccomp", For: "the filter for system calls, which is Docker's", Required: true,
			Do: "build the kernel with CONFIG_SECCOMP_FILTER; run --security-opt seccomp=unconfined does without",
		}, linux.TrySeccomp()),
		examineCapabilities(about),
		examineSysResource(about),
		judge(checkup{
			About: about, Name: "nftables", For: "a bridge and published ports, when learnbox has them",
			Do: "modprobe nf_tables, or build the kernel with CONFIG_NF_TABLES",
		}, linux.TryNftables()),
	}
}

// neededCapabilities are what the steps of a run call for.
const neededCapabilities = "SYS_ADMIN NET_ADMIN MKNOD SETUID SETGID SETPCAP CHOWN DAC_OVERRIDE FOWNER KILL"

func examineCapabilities(about string) checkup {
	c := checkup{About: about, Name: "capabilities", Answer: found, For: "namespaces, mounts, device nodes, becoming another user", Required: true}
	have, err := caps.Effective()
	if err != nil {
		return judge(c, err)
	}
	var lacking []string
	for name := range strings.FieldsSeq(neededCapabilities) {
		if want, err := caps.Parse(name); err != nil || !have.Has(want) {
			lacking = append(lacking, "CAP_"+name)
		}
	}
	if len(lacking) > 0 {
		c.Answer, c.Found = missing, "not held: "+strings.Join(lacking, " ")
		c.Do = "run learnbox as root, outside of other containers"
	}
	return c
}

func examineSysResource(about string) checkup {
	c := checkup{About: about, Name: "CAP_SYS_RESOURCE", Answer: found, For: "raising hard limits with --ulimit, a lower --oom-score-adj, --privileged in full"}
	have, err := caps.Effective()
	if want, parseErr := caps.Parse("SYS_RESOURCE"); err != nil || parseErr != nil || !have.Has(want) {
		c.Answer, c.Found, c.Do = missing, "not held", "nothing, if these are not wanted: a run gives a warning and goes on"
	}
	return c
}

func examineNamespaces() []checkup {
	const about = "Namespaces"
	var all []checkup
	for _, ns := range []struct {
		name     string
		kind     int
		purpose  string
		required bool
	}{
		{"mount", unix.CLONE_NEWNS, "a file system of its own", true},
		{"pid", unix.CLONE_NEWPID, "processes of its own", true},
		{"uts", unix.CLONE_NEWUTS, "a hostname of its own", true},
		{"ipc", unix.CLONE_NEWIPC, "message queues and shared memory of its own", true},
		{"net", unix.CLONE_NEWNET, "a network of its own", true},
		{"cgroup", unix.CLONE_NEWCGROUP, "a view of the control groups of its own (always on version 2, else --cgroupns private)", false},
		{"time", unix.CLONE_NEWTIME, "clocks of its own; no run has them yet", false},
	} {
		c := judge(checkup{
			About: about, Name: ns.name, For: ns.purpose, Required: ns.required,
			Do: "build the kernel with CONFIG_NAMESPACES and CONFIG_" + strings.ToUpper(ns.name) + "_NS, or raise /proc/sys/user/max_*_namespaces",
		}, linux.TryNamespace(ns.kind))
		all = append(all, c)
	}
	return all
}

// examineUsers is about user namespaces, which some systems have and forbid.
func examineUsers() []checkup {
	const about = "User namespaces: root inside, nobody outside; no run has them yet"
	made := judge(checkup{
		About: about, Name: "user", For: "containers without root",
		Do: "raise /proc/sys/user/max_user_namespaces, and where it exists write 1 to /proc/sys/kernel/unprivileged_userns_clone",
	}, linux.TryNamespace(unix.CLONE_NEWUSER))
	rights := judge(checkup{
		About: about, Name: "rights inside", For: "being root in one",
		Do: "Ubuntu takes them away since 23.10: sysctl kernel.apparmor_restrict_unprivileged_userns=0, or a profile for learnbox",
	}, linux.TryUserNamespaceRights())
	for _, file := range []string{"user/max_user_namespaces", "kernel/unprivileged_userns_clone", "kernel/apparmor_restrict_unprivileged_userns"} {
		if value := strings.TrimSpace(readIfThere("/proc/sys/" + file)); value != "" {
			made.Found = strings.TrimPrefix(made.Found+"; "+strings.ReplaceAll(file, "/", ".")+" = "+value, "; ")
		}
	}
	return []checkup{made, rights}
}

// examineFiles tries what lies below the root directory, or would.
func (a *app) examineFiles() []checkup {
	const about = "File systems"
	dir := a.root
	for !isDir(dir) {
		dir = filepath.Dir(dir)
	}
	c := judge(checkup{
		About: about, Name: "overlay", For: "the image and the container's own layer, joined", Required: true,
		Do: "modprobe overlay; and put --root on an ordinary file system (ext4, xfs, btrfs, tmpfs)",
	}, linux.TryOverlay(dir))
	if c.Answer == found {
		c.Found = fmt.Sprintf("tried in %s", dir)
	}
	return []checkup{c}
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
