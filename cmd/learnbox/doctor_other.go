//go:build !linux

package main

func (a *app) examine() []checkup {
	return []checkup{{
		About: "The kernel", Name: "linux", Answer: missing, For: "containers", Required: true,
		Do: "use a virtual machine that runs it; images can be pulled here",
	}}
}
