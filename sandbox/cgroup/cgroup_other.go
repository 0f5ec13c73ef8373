//go:build !linux

package cgroup

import (
	"errors"
	"time"
)

var errLinux = errors.New("control groups exist on Linux only")

// A Group cannot be made here.
type Group struct{}

// Detect needs Linux.
func Detect() (Hierarchy, error) { return Hierarchy{}, errLinux }

// Open needs Linux.
func Open(Hierarchy, string) (*Group, error) { return nil, errLinux }

// Stats needs Linux.
func (g *Group) Stats() (Stats, error) { return Stats{}, errLinux }

// CPU needs Linux.
func (g *Group) CPU() (time.Duration, error) { return 0, errLinux }

// Period is none.
func (g *Group) Period() time.Duration { return 0 }

// OOMKills are none.
func (g *Group) OOMKills() int64 { return 0 }

// BelowOthers is false.
func (g *Group) BelowOthers() bool { return false }

// Exists is false.
func (g *Group) Exists() bool { return false }

// Dirs are none.
func (g *Group) Dirs() []string { return nil }

// Kill needs Linux.
func (g *Group) Kill() error { return errLinux }

// Remove needs Linux.
func (g *Group) Remove() error { return errLinux }
