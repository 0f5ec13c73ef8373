package whatif

// Reason says why a step cannot be left out, or nothing if it can be.
func Reason(step string) string {
	switch step {
	case "image.resolve", "image.pull", "image.unpack":
		return "without an image there is no file system to run in"
	case "container.create":
		return "without a directory the container has no place for its layer, and nobody could find it to end it"
	case "monitor.start":
		return "there would be nobody to start the program when the command has gone, nor to hear how it ended"
	case "cgroup.create":
		return "the init is born in the group, and by the group it is found and ended"
	case "init.plan":
		return "an init that does not hear what to build builds nothing, and waits"
	case "container.save":
		return "the seccomp filter comes from this step as well, and init.wait does not go on without one"
	case "init.go":
		return "the init would wait for the word until its parent ends"
	case "init.wait":
		return "the init would not have its filter yet, and seccomp.load would have nothing to load"
	case "rootfs.overlay":
		return "all steps after it work inside the root that it opens; without one there is nowhere to build"
	case "process.exec":
		return "the init would end where the program begins: no program, nothing to compare"
	case "process.exit":
		return "it is not a part of the container but what learnbox does after its end"
	}
	return ""
}
