//go:build !linux

package main

// kernelVersion is empty where learnbox compiles but cannot run containers.
func kernelVersion() string { return "" }
