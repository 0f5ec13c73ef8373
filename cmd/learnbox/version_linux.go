package main

import "golang.org/x/sys/unix"

// kernelVersion is the release of the running kernel, as uname(2) gives it.
func kernelVersion() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}
