// Package linux makes system calls that print like strace when they fail.
package linux
