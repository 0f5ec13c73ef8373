package main

import (
	"context"
	"io"
	"os"

	"github.com/alecthomas/kong"

	"github.com/learnbox/learnbox/narrate"
)

// cli is the command line as data: kong reads the flags of each verb from the
// fields of its struct. The order of the verbs is the order in the overview.
type cli struct {
	Root             string   `placeholder:"DIR" help:"Keep everything below DIR (default /var/lib/learnbox)."`
	RegistryMirror   []string `placeholder:"URL" sep:"," help:"Ask this registry instead of Docker Hub; may be repeated."`
	InsecureRegistry []string `placeholder:"HOST" sep:"," help:"Allow plain HTTP to this host[:port] or CIDR; may be repeated."`
	Help             helpFlag `help:"Show this help."`

	RunVerb   RunCmd       `cmd:"" name:"run" group:"containers" help:"Run a program in a new container"`
	Create    CreateCmd    `cmd:"" group:"containers" help:"Make a container and start nothing"`
	Start     StartCmd     `cmd:"" group:"containers" help:"Start containers that are at rest"`
	Stop      StopCmd      `cmd:"" group:"containers" help:"Ask programs to end, and kill those that do not"`
	Restart   RestartCmd   `cmd:"" group:"containers" help:"Stop containers and start them again"`
	Kill      KillCmd      `cmd:"" group:"containers" help:"Send a signal to containers"`
	Pause     PauseCmd     `cmd:"" group:"containers" help:"Freeze all processes of containers"`
	Unpause   UnpauseCmd   `cmd:"" group:"containers" help:"Let paused containers go on"`
	Wait      WaitCmd      `cmd:"" group:"containers" help:"Wait for programs to end and print their exit codes"`
	Exec      ExecCmd      `cmd:"" group:"containers" help:"Run another program in a running container"`
	Logs      LogsCmd      `cmd:"" group:"containers" help:"Show what a container has said"`
	Attach    AttachCmd    `cmd:"" group:"containers" help:"Connect this terminal to a running container"`
	Ps        PsCmd        `cmd:"" group:"containers" help:"List containers"`
	Cp        CpCmd        `cmd:"" group:"containers" help:"Copy files out of a container, or into it"`
	Top       TopCmd       `cmd:"" group:"containers" help:"Show the processes of a container"`
	Port      PortCmd      `cmd:"" group:"containers" help:"List the published ports of a container"`
	Stats     StatsCmd     `cmd:"" group:"containers" help:"Show what containers use"`
	Update    UpdateCmd    `cmd:"" group:"containers" help:"Change the limits of containers"`
	Diff      DiffCmd      `cmd:"" group:"containers" help:"List what a container has changed in its files"`
	Rename    RenameCmd    `cmd:"" group:"containers" help:"Give a container another name"`
	Rm        RmCmd        `cmd:"" group:"containers" help:"Remove containers"`
	Container ContainerCmd `cmd:"" group:"containers" help:"The long names of these verbs, and prune"`
	Volume    VolumeCmd    `cmd:"" group:"containers" help:"Make, list and remove directories that outlive containers"`

	Where    WhereCmd    `cmd:"" group:"explain" help:"Show at which step a run stands"`
	Next     NextCmd     `cmd:"" group:"explain" help:"Have a run that stands at a step take it"`
	Continue ContinueCmd `cmd:"" group:"explain" help:"Have a run that stands at a step go on"`
	Look     LookCmd     `cmd:"" group:"explain" help:"Read from the kernel what shows that a step was taken"`
	Plan     PlanCmd     `cmd:"" group:"explain" help:"List the steps that a run would take, and take none"`
	Steps    StepsCmd    `cmd:"" group:"explain" help:"List the steps of a run"`
	Explain  ExplainCmd  `cmd:"" group:"explain" help:"Explain a step, an error or a word"`
	Replay   ReplayCmd   `cmd:"" group:"explain" help:"Show the story of a run again"`
	Map      MapCmd      `cmd:"" group:"explain" help:"Draw the namespaces and the processes in them"`

	Pull    PullCmd    `cmd:"" group:"images" help:"Download images from a registry"`
	Images  ImagesCmd  `cmd:"" group:"images" help:"List the images in the store"`
	Rmi     RmiCmd     `cmd:"" group:"images" help:"Remove images"`
	Tag     TagCmd     `cmd:"" group:"images" help:"Give an image another name"`
	Inspect InspectCmd `cmd:"" group:"containers" help:"Show everything that is known about an object, as JSON"`

	Byhand ByhandCmd `cmd:"" group:"explain" help:"Print a shell script that builds a container without learnbox"`
	Whatif WhatifCmd `cmd:"" group:"explain" help:"Leave a step of a run out, where it does no harm, and compare"`

	Events     EventsCmd     `cmd:"" group:"machine" help:"Show what happens to containers and images"`
	Doctor     DoctorCmd     `cmd:"" group:"machine" help:"Tell what this machine offers to containers, and what is missing"`
	Version    VersionCmd    `cmd:"" group:"machine" help:"Show the version of learnbox and of the kernel"`
	Completion CompletionCmd `cmd:"" group:"machine" help:"Print a completion script for a shell"`
	HelpVerb   HelpCmd       `cmd:"" name:"help" group:"machine" help:"Explain a verb"`
}

// A verb is what the user asked for: one struct of cli with its flags filled in.
type verb interface {
	Run(a *app) error
}

// keepsSignals marks a verb for which SIGINT and SIGTERM keep their meaning:
// run passes them on, and a verb that only prints may die of them. For every
// other verb they cancel the context.
type keepsSignals interface{ KeepsSignals() }

// run is all of learnbox but the exit: it reads the arguments, does the verb,
// reports its error and returns the exit code.
func run(args []string, stdin *os.File, stdout, stderr io.Writer) int {
	return runTold(args, stdin, stdout, stderr, nil)
}

// runTold is run with somebody who hears of every step.
func runTold(args []string, stdin *os.File, stdout, stderr io.Writer, n *narrate.Narrator) int {
	out := &report{stderr: stderr}
	if len(args) < 2 || args[1] == "-h" {
		args = []string{"learnbox", "--help"}
	}
	var c cli
	k, selected, err := parse(&c, args[1:])
	if k == nil {
		return out.fail("", err)
	}
	if err != nil {
		if node, ok := wantsHelp(err); ok {
			return out.fail("", writeHelp(stdout, k.Model, node))
		}
		return out.usage(k.Model, err)
	}
	name, v := verbName(selected.node), selected.verb
	if v == nil {
		return out.fail(name, writeHelp(stdout, k.Model, selected.node))
	}
	kept := &keptWriter{to: stdout}
	a := &app{
		argv: args, verb: name, stdin: stdin, stdout: kept, stderr: stderr,
		ctx: context.Background(), narrate: n,
	}
	if err := a.configure(&c); err != nil {
		return out.fail(name, err)
	}
	if _, own := v.(keepsSignals); !own {
		ctx, stop := untilSignal(a.ctx)
		defer stop()
		a.ctx = ctx
	}
	if err = v.Run(a); err == nil {
		err = kept.lost()
	}
	return out.fail(name, endedBySignal(a.ctx, err))
}

// verbName is the verb as the user types it, "lesson start" for one below another.
func verbName(n *kong.Node) string {
	name := n.Name
	for p := n.Parent; p != nil && p.Type != kong.ApplicationNode; p = p.Parent {
		name = p.Name + " " + name
	}
	return name
}
