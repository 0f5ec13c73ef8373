#!/bin/sh
#
# The container of
#
#   learnbox run --rm tiny sh -c 'echo '\''it'\'''\''s'\'' "$HOME" `id` \?PLAN?INIT?' '' -x '*'
#
# made by hand, with util-linux, coreutils and iproute2. Run it as root: sh FILE. The steps have
# the names and the order of learnbox's table; see `learnbox help byhand`.
#
# Three shells take them. This one stays outside, and cleans up. The second is PID 1 of the
# container; it finds what it has to do in a plan that the first writes. The third is what PID 1
# becomes in the end: it has no privileges left, waits for its new root, and becomes the program.
#
# What a shell cannot do, and learnbox does:
# - seccomp.load: no program of a shell loads a filter for system calls.
# - cgroup.limit: on cgroup v2 the rules for devices are a BPF program.
# - process.exec: the program itself is PID 1, also with --init.
# - tty.open: the terminal is one of the host's; in the container its only name is /dev/console.
# - -i: run it from a file. With the script itself as standard input the program would read its
#   rest.
# - init.clone: PID 1 is no sealed copy of a program, and others may look into it until it is the
#   program.
# - The image's symbolic links at places where something is mounted are refused, not resolved.
# - Signals are not passed on: Ctrl-C ends the container. And unshare of util-linux 2.38 reports a
#   death by SIGKILL as 1, not 137.
set -eu
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
export PATH LC_ALL
umask 022
exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&- # whatever the caller left open
[ "$(id -u)" = 0 ] || { echo 'needs root' >&2; exit 125; }

group='my course/a/learnbox-7f3c0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7' lower=/var/lib/learnbox/rootfs/606aea22
# The writable layer is kept here, and thrown away. TMPDIR puts it elsewhere.
dir=$(mktemp -d) && dir=$(realpath "$dir")
root=$dir/merged
export group lower dir root

# Whatever happens, this is done last. The mounts and the other namespaces go by themselves,
# with the last process in them.
child='' made='' above=''
# shellcheck disable=SC2317 # it is called by trap
clean_up() {
  trap '' INT TERM HUP
  set +e
  if [ -n "$child" ]; then
    kill -KILL "$child" # unshare --kill-child takes PID 1 with it, and PID 1 all the others
    wait "$child"
  fi 2>/dev/null
  if [ -n "$made" ]; then
    remove /sys/fs/cgroup/"$group"
    case "$above " in *' 0.1 '*) rmdir '/sys/fs/cgroup/my course/a' ;; esac
    case "$above " in *' 0.0 '*) rmdir '/sys/fs/cgroup/my course' ;; esac
  fi
  rm -rf --one-file-system "$dir"
}
# remove GROUP: kills who is left in a cgroup and in those below it, and removes them
# shellcheck disable=SC2317 # it is called by clean_up
remove() {
  set -- "$1" 0
  while [ -d "$1" ] && [ "$2" -lt 100 ]; do
    for below in "$1"/*/; do
      [ ! -d "$below" ] || remove "${below%/}"
    done
    ! rmdir "$1" || return 0
    while read -r left; do [ "$left" = 0 ] || kill -KILL "$left"; done <"$1/cgroup.procs"
    sleep 0.05
    set -- "$1" $(($2 + 1))
  done 2>/dev/null
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# == cgroup.create: title of cgroup.create
# (why cgroup.create stands here)
if [ ! -d '/sys/fs/cgroup/my course' ]; then
  mkdir '/sys/fs/cgroup/my course'
  above="$above 0.0"
fi
if [ ! -d '/sys/fs/cgroup/my course/a' ]; then
  mkdir '/sys/fs/cgroup/my course/a'
  above="$above 0.1"
fi
mkdir /sys/fs/cgroup/"$group"
made=yes # from here on it is ours to remove

# == init.clone: title of init.clone
# (why init.clone stands here)
# Two pipes with names to talk to PID 1: it says when it is ready, and hears when to go on. Each
# is opened at both ends at first, so that no open waits. learnbox has a socket that closes by
# itself.
mkfifo "$dir/ready" "$dir/go"
exec 3<>"$dir/go" 4<>"$dir/ready"
cat >"$dir/init" <<'INIT'
set -eu
# A process moves by itself into the group, and its children are born there.
echo 0 >/sys/fs/cgroup/"$group"/cgroup.procs
read -r _ <&3 # until the plan is there
# What whoever started this left open is not for the program (CVE-2024-21626). A POSIX shell can
# only close descriptors that have one digit; bash can close the others.
if command -v bash >"$dir/bash"; then
  exec bash -c 'for fd in /proc/self/fd/??*; do [ ! -L "$fd" ] || eval "exec ${fd##*/}>&-"; done; exec sh "$dir/plan"'
fi
exec sh "$dir/plan"
INIT
# learnbox starts a sealed copy of its own program, and forbids to look into the process
# (PR_SET_DUMPABLE). A shell can do neither, and needs it less: nothing of the image runs before
# the last execve, and then no shell is left (CVE-2019-5736).
# With --pdeathsig and --kill-child nobody survives this shell, even if it is killed.
# A shell takes standard input away from what it starts in the background, so keep it as 6.
exec 6<&0
# script(1) makes a terminal, copies between it and yours, and gives it your window's size. It is
# one of the host's devpts; learnbox opens one of the container's own.
export SHELL=/bin/sh
# shellcheck disable=SC2016 # it is for that shell to expand
setpriv --pdeathsig KILL script --quiet --return --command 'exec unshare --fork --kill-child --pid sh "$dir/init"' /dev/null <&6 6<&- &
child=$!
exec 5<"$dir/ready" 4>&- # now only PID 1 can write there, and its death ends the reading

# == cgroup.limit: title of cgroup.limit
# (why cgroup.limit stands here)
# On cgroup v2 this is a BPF program that is attached to the group. A shell cannot write one: this
# container may open every device that it can make a node for. Take CAP_MKNOD away (--cap-drop
# MKNOD), and it has only those in its /dev.
# cgroups(7): a group has the controllers that each one above it passes on.
echo '+memory +cpu +io' >/sys/fs/cgroup/cgroup.subtree_control
echo '+memory +cpu +io' >'/sys/fs/cgroup/my course'/cgroup.subtree_control
echo '+memory +cpu +io' >'/sys/fs/cgroup/my course/a'/cgroup.subtree_control
echo 67108864 >/sys/fs/cgroup/"$group"/memory.max
echo 67108864 >/sys/fs/cgroup/"$group"/memory.swap.max || echo 'warning: nothing enforces memory.swap.max' >&2
echo 59 >/sys/fs/cgroup/"$group"/cpu.weight
echo '50000 100000' >/sys/fs/cgroup/"$group"/cpu.max
if [ -e /sys/fs/cgroup/"$group"/io.bfq.weight ]; then echo 300 >/sys/fs/cgroup/"$group"/io.bfq.weight; else echo 'default 2930' >/sys/fs/cgroup/"$group"/io.weight; fi

# == init.plan: title of init.plan
# (why init.plan stands here)
cat >"$dir/plan" <<'PLAN_'
set -eu

# Each unshare enters one namespace and becomes the next of these words; the last one is this plan
# again.
if [ $# = 0 ]; then

# == ns.uts: title of ns.uts
# (why ns.uts stands here)
set -- "$@" unshare --uts

# == ns.ipc: title of ns.ipc
# (why ns.ipc stands here)
set -- "$@" unshare --ipc

# == ns.net: title of ns.net
# (why ns.net stands here)
set -- "$@" unshare --net

# == net.loopback: title of net.loopback
# (why net.loopback stands here)
set -- "$@" sh -ec 'ip link set dev lo up; exec "$@"' sh

# == ns.cgroup: title of ns.cgroup
# (why ns.cgroup stands here)
set -- "$@" unshare --cgroup

# == ns.mount: title of ns.mount
# (why ns.mount stands here)
# unshare would cut the propagation, too: that is the next step.
set -- "$@" unshare --mount --propagation unchanged

exec "$@" sh "$dir/plan" build
fi

# at PATH: finds a path of the container below the new root. learnbox has the kernel resolve the
# image's symbolic links inside that root (openat2(2), RESOLVE_IN_ROOT) and refuses them for
# /proc, /sys and /dev. For a shell each link would lead to the host's files (CVE-2023-27561), so
# it refuses them all.
at() {
  at=$root rest=${1#/}
  while [ -n "$rest" ]; do
    at=$at/${rest%%/*}
    case $rest in */*) rest=${rest#*/} ;; *) rest='' ;; esac
    [ ! -L "$at" ] || die "$1: ${at#"$root"} is a symbolic link in the image"
  done
}
dir_at() { at "$1" && mkdir -p "$at"; }
file_at() { at "$1" && mkdir -p "${at%/*}" && { [ -e "$at" ] || : >"$at"; }; }
die() { printf '%s\n' "$1" >&2; exit 125; }

# == mount.private: title of mount.private
# (why mount.private stands here)
mount --make-rslave /

# == rootfs.overlay: title of rootfs.overlay
# (why rootfs.overlay stands here)
mkdir "$dir/upper" "$dir/work" "$root"
# The owner and the mode of the upper directory are those of the container's /.
chown --reference="$lower" "$dir/upper"
chmod --reference="$lower" "$dir/upper"
mount -t overlay -o "lowerdir=$lower,upperdir=$dir/upper,workdir=$dir/work,volatile" overlay "$root"

# == rootfs.proc: title of rootfs.proc
# (why rootfs.proc stands here)
dir_at /proc
mount -t proc -o nosuid,noexec,nodev proc "$at"

# == rootfs.dev: title of rootfs.dev
# (why rootfs.dev stands here)
dir_at /dev
mount -t tmpfs -o nosuid,strictatime,mode=755,size=65536k tmpfs "$at"
mknod -m 666 "$root/dev/null" c 1 3
mknod -m 666 "$root/dev/zero" c 1 5
mknod -m 666 "$root/dev/full" c 1 7
mknod -m 666 "$root/dev/random" c 1 8
mknod -m 666 "$root/dev/urandom" c 1 9
mknod -m 666 "$root/dev/tty" c 5 0
dir_at /dev/extra
mknod -m 666 "$at"/fuse c 10 229
dir_at /dev/extra
mknod -m 660 "$at"/'it'\''s a disk' b 8 0
chown 0:6 "$at"/'it'\''s a disk'
dir_at /dev/extra
mkfifo -m 666 "$at"/pipe
ln -s /proc/self/fd "$root/dev/fd"
ln -s /proc/self/fd/0 "$root/dev/stdin"
ln -s /proc/self/fd/1 "$root/dev/stdout"
ln -s /proc/self/fd/2 "$root/dev/stderr"
ln -s /proc/kcore "$root/dev/core"
ln -s pts/ptmx "$root/dev/ptmx"
# A chmod of /dev/stdin would change the host's /dev/null, so a stream that is that becomes the
# container's.
exec 5>&1 # in $(…) the descriptor 1 is another
[ "$(readlink /proc/self/fd/0)" != /dev/null ] || exec <>"$root/dev/null"
[ "$(readlink /proc/self/fd/5)" != /dev/null ] || exec >"$root/dev/null"
[ "$(readlink /proc/self/fd/2)" != /dev/null ] || exec 2>"$root/dev/null"
exec 5>&-

# == rootfs.devpts: title of rootfs.devpts
# (why rootfs.devpts stands here)
dir_at /dev/pts
mount -t devpts -o nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5 devpts "$at"

# == rootfs.sys: title of rootfs.sys
# (why rootfs.sys stands here)
dir_at /sys
mount -t sysfs -o nosuid,noexec,nodev,ro sysfs "$at"

# == rootfs.cgroup: title of rootfs.cgroup
# (why rootfs.cgroup stands here)
dir_at /sys/fs/cgroup
mount -t cgroup2 -o ro,nosuid,noexec,nodev cgroup "$at"

# == rootfs.mqueue: title of rootfs.mqueue
# (why rootfs.mqueue stands here)
dir_at /dev/mqueue
mount -t mqueue -o nosuid,noexec,nodev mqueue "$at"

# == rootfs.shm: title of rootfs.shm
# (why rootfs.shm stands here)
dir_at /dev/shm
mount -t tmpfs -o nosuid,noexec,nodev,mode=1777,size=67108864 shm "$at"

# == rootfs.volumes: title of rootfs.volumes
# (why rootfs.volumes stands here)
[ -e /home/learner/src ] || mkdir -p /home/learner/src
if [ -d /home/learner/src ]; then dir_at /app; else file_at /app; fi
mount --rbind /home/learner/src "$at"
mount --make-rprivate "$at"
[ -e /etc/ssl ] || die '--mount: the source /etc/ssl does not exist'
if [ -d /etc/ssl ]; then dir_at /ssl; else file_at /ssl; fi
mount --bind /etc/ssl "$at"
mount --make-rprivate "$at"
mount -o remount,bind,ro "$at"
dir_at /cache
mount -t tmpfs -o noexec,nosuid,nodev,mode=1770,size=1m tmpfs "$at"
# A tmpfs has the permissions of the directory that it covers, if there was one.
at /run
mode=''; [ ! -d "$at" ] || mode=,mode=$(stat -c %a "$at")
mkdir -p "$at"
mount -t tmpfs -o nosuid,nodev,exec,size=64k"$mode" tmpfs "$at"
[ -e '/my data' ] || mkdir -p '/my data'
if [ -d '/my data' ]; then dir_at /srv/deep/data; else file_at /srv/deep/data; fi
mount --rbind '/my data' "$at"
mount --make-rslave "$at"
# This mount, and all that came along below it; learnbox does that with one call,
# mount_setattr(2).
findmnt --noheadings --list --output TARGET --submounts "$at" >"$dir/below"
while IFS= read -r below; do
  mount -o remount,bind,ro "$below"
done <"$dir/below"

# == rootfs.etc: title of rootfs.etc
# (why rootfs.etc stands here)
mkdir "$dir/etc"
printf '%s' 'nameserver 10.0.0.53
' >"$dir/etc/resolv.conf"
file_at /etc/resolv.conf
mount --rbind "$dir/etc/resolv.conf" "$at"
mount --make-rprivate "$at"
mount -o remount,bind,ro "$at"
printf '%s' 'box
' >"$dir/etc/hostname"
file_at /etc/hostname
mount --rbind "$dir/etc/hostname" "$at"
mount --make-rprivate "$at"
mount -o remount,bind,ro "$at"
printf '%s' '127.0.0.1	localhost
::1	localhost ip6-localhost ip6-loopback
fe00::0	ip6-localnet
ff00::0	ip6-mcastprefix
ff02::1	ip6-allnodes
ff02::2	ip6-allrouters
10.0.0.5	db
' >"$dir/etc/hosts"
file_at /etc/hosts
mount --rbind "$dir/etc/hosts" "$at"
mount --make-rprivate "$at"
mount -o remount,bind,ro "$at"

# == tty.open: title of tty.open
# (why tty.open stands here)
# script(1) has opened it already, at init.clone. Programs also look for it at this name.
file_at /dev/console
mount --bind "$(tty)" "$at"

# == rootfs.pivot: title of rootfs.pivot
# learnbox pivots here. A shell cannot yet: with the old root it would lose mount, setpriv and all
# the programs that it is made of. It goes on below $root; the shell outside does it when PID 1
# waits for its program.

# == host.sysctl: title of host.sysctl
# (why host.sysctl stands here)
echo 9000 >/proc/sys/kernel/msgmax
echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start
echo '0 2147483647' >/proc/sys/net/ipv4/ping_group_range

# == rootfs.mask: title of rootfs.mask
# (why rootfs.mask stands here)
# A file behind the container's /dev/null, a directory behind an empty tmpfs, one for all of them.
empty=''
for path in /proc/acpi /proc/asound /proc/interrupts /proc/kcore /proc/keys /proc/latency_stats /proc/sched_debug /proc/scsi /proc/timer_list /proc/timer_stats /sys/devices/virtual/powercap /sys/firmware /sys/devices/system/cpu/cpu0/thermal_throttle; do
  at "$path"
  if [ -d "$at" ] && [ -z "$empty" ]; then
    empty=$at
    mount -t tmpfs -o ro,nosuid,nodev,noexec tmpfs "$empty"
  elif [ -d "$at" ]; then
    mount --bind "$empty" "$at"
  elif [ -e "$at" ]; then
    mount --bind "$root/dev/null" "$at"
  fi
done
for path in /proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger; do
  at "$path"
  if [ -e "$at" ]; then
    mount --rbind "$at" "$at"
    mount -o remount,bind,ro,nosuid,nodev,noexec "$at"
  fi
done

# == process.cwd: title of process.cwd
# (why process.cwd stands here)
dir_at '/srv/my app'
cd "$at"

# == rootfs.readonly: title of rootfs.readonly
# (why rootfs.readonly stands here)
mount -o remount,bind,ro "$root"

# == host.name: title of host.name
# (why host.name stands here)
echo box >/proc/sys/kernel/hostname

# == limits.rlimits: title of limits.rlimits
# (why limits.rlimits stands here)
prlimit --pid $$ --core=unlimited:unlimited || echo 'warning: RLIMIT_CORE stays as it is' >&2
prlimit --pid $$ --nofile=1024:2048 || echo 'warning: RLIMIT_NOFILE stays as it is' >&2

# == limits.oom: title of limits.oom
# (why limits.oom stands here)
echo 100 >/proc/self/oom_score_adj || echo 'warning: oom_score_adj stays as it is' >&2

# == tty.session: title of tty.session
# (why tty.session stands here)
# From here on words are collected for one command; process.exec executes it.
set -- setsid --ctty

# == init.wait: title of init.wait
# (why init.wait stands here)
# That is done by the last shell, in process.exec. The one outside will need PID 1's number there,
# which the host's /proc knows.
read -r pid _ </proc/self/stat

# == caps.bound: title of caps.bound
# (why caps.bound stands here)
set -- "$@" setpriv --bounding-set=-all,+setuid,+net_admin,+sys_chroot

# == user.set: title of user.set
# (why user.set stands here)
# learnbox also gives the program's streams to its user: they are pipes of its own. Here they are
# yours, and stay yours.
set -- "$@" --reuid=1000 --regid=2000 --groups=2000,44 --pdeathsig KILL

# == privs.no_new: title of privs.no_new
# (why privs.no_new stands here)
set -- "$@" --no-new-privs

# == seccomp.load: title of seccomp.load
# (why seccomp.load stands here)
# Not here: the filter is a BPF program of some hundred instructions, and no program of util-linux
# loads one (newer setpriv has --seccomp-filter for a file that holds it). This container may make
# every system call; /proc/1/status says Seccomp: 0 where learnbox's says 2.

# == caps.set: title of caps.set
# (why caps.set stands here)
# Permitted and effective follow from the bounding set at the next execve: all of it for root,
# nothing for others.
set -- "$@" --inh-caps=-all --ambient-caps=-all

# == process.exec: title of process.exec
# (why process.exec stands here)
# --init: learnbox stays as PID 1 here, reaps orphans and passes signals on. A shell must not: it
# would be the host's program, open to the container as /proc/1/exe (CVE-2019-5736). So the
# program itself is PID 1.
# No shell hands these variables on as they are, so they are missing: odd.name PWD
# A shell in the background ignores INT and QUIT, and so would all that it starts: hence
# --default-signal.
set -- "$@" env -i --default-signal=INT,QUIT \
  PATH=/usr/bin:/bin \
  HOSTNAME=box \
  TERM=xterm \
  'GREETING=hello '\''world'\''' \
  'TWO=lines
PLAN
' \
  HOME=/ \
  /bin/sh -ec '
    echo "$1" >&4      # ready; all that is missing is the root
    read -r _ <&3      # until it is there, and the word to go on (init.wait)
    shift
    unset PWD OLDPWD   # a shell exports them unasked
    umask 0022
    exec "$@" 3<&- 4>&-
  ' sh "$pid" sh -c 'echo '\''it'\'''\''s'\'' "$HOME" `id` \
PLAN
INIT
' '' -x '*'
exec "$@"
PLAN_
echo plan >&3

# == container.save: title of container.save
# (why container.save stands here)
# Nothing to do: this container has no name, and nobody will look for it later.

# == rootfs.pivot: title of rootfs.pivot
# (why rootfs.pivot stands here)
# PID 1 has taken all the other steps and waits (init.wait). Its shell is loaded, and from here on
# it uses nothing of the host: now its root can go. Named twice, the old root ends up on top of
# the new one, so the image needs no directory for it; a process that enters the namespace still
# starts there, and so finds umount, which takes the old root off.
read -r pid <&5 || exit 125
nsenter --target "$pid" --mount pivot_root "$root" "$root"
nsenter --target "$pid" --mount umount --lazy /

# == limits.pids: title of limits.pids
# (why limits.pids stands here)
# cgroups(7): a group has the controllers that each one above it passes on.
echo +pids >/sys/fs/cgroup/cgroup.subtree_control
echo +pids >'/sys/fs/cgroup/my course'/cgroup.subtree_control
echo +pids >'/sys/fs/cgroup/my course/a'/cgroup.subtree_control
echo 40 >/sys/fs/cgroup/"$group"/pids.max

# == init.go: title of init.go
# (why init.go stands here)
echo go >&3
exec 3>&- 5<&-
status=0
wait "$child" || status=$?
child=''
exit "$status"
