#!/bin/sh
#
# The container of
#
#   learnbox run --rm tiny
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

group=learnbox-7f3c0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7 lower=/var/lib/learnbox/rootfs/606aea22
# The writable layer is kept here, and thrown away. TMPDIR puts it elsewhere.
dir=$(mktemp -d) && dir=$(realpath "$dir")
root=$dir/merged
export group lower dir root

# Whatever happens, this is done last. The mounts and the other namespaces go by themselves,
# with the last process in them.
child='' made=''
# shellcheck disable=SC2317 # it is called by trap
clean_up() {
  trap '' INT TERM HUP
  set +e
  if [ -n "$child" ]; then
    kill -KILL "$child" # unshare --kill-child takes PID 1 with it, and PID 1 all the others
    wait "$child"
  fi 2>/dev/null
  if [ -n "$made" ]; then
    remove /sys/fs/cgroup/cpu,cpuacct/"$group"
    remove /sys/fs/cgroup/cpuset/"$group"
    remove /sys/fs/cgroup/devices/"$group"
    remove /sys/fs/cgroup/systemd/"$group"
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
mkdir /sys/fs/cgroup/cpu,cpuacct/"$group"
made=yes # from here on it is ours to remove
mkdir /sys/fs/cgroup/cpuset/"$group"
# cpuset(7): a new group may use no processor and no memory, so nobody can enter it
cat /sys/fs/cgroup/cpuset/cpuset.cpus >/sys/fs/cgroup/cpuset/"$group"/cpuset.cpus
cat /sys/fs/cgroup/cpuset/cpuset.mems >/sys/fs/cgroup/cpuset/"$group"/cpuset.mems
mkdir /sys/fs/cgroup/devices/"$group"
mkdir /sys/fs/cgroup/systemd/"$group"

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
echo 0 >/sys/fs/cgroup/cpu,cpuacct/"$group"/cgroup.procs
echo 0 >/sys/fs/cgroup/cpuset/"$group"/cgroup.procs
echo 0 >/sys/fs/cgroup/devices/"$group"/cgroup.procs
echo 0 >/sys/fs/cgroup/systemd/"$group"/cgroup.procs
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
setpriv --pdeathsig KILL unshare --fork --kill-child --pid sh "$dir/init" </dev/null &
child=$!
exec 5<"$dir/ready" 4>&- # now only PID 1 can write there, and its death ends the reading

# == cgroup.limit: title of cgroup.limit
# (why cgroup.limit stands here)
echo a >/sys/fs/cgroup/devices/"$group"/devices.deny
echo 'c *:* m' >/sys/fs/cgroup/devices/"$group"/devices.allow
echo 'b *:* m' >/sys/fs/cgroup/devices/"$group"/devices.allow
echo 'c 1:3 rwm' >/sys/fs/cgroup/devices/"$group"/devices.allow
echo 'c 1:5 rwm' >/sys/fs/cgroup/devices/"$group"/devices.allow
echo 'c 1:7 rwm' >/sys/fs/cgroup/devices/"$group"/devices.allow
echo 'c 1:8 rwm' >/sys/fs/cgroup/devices/"$group"/devices.allow
echo 'c 1:9 rwm' >/sys/fs/cgroup/devices/"$group"/devices.allow
echo 'c 5:0 rwm' >/sys/fs/cgroup/devices/"$group"/devices.allow
echo 'c 5:2 rwm' >/sys/fs/cgroup/devices/"$group"/devices.allow
echo 'c 136:* rwm' >/sys/fs/cgroup/devices/"$group"/devices.allow

# == init.plan: title of init.plan
# (why init.plan stands here)
cat >"$dir/plan" <<'PLAN'
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
mount --make-rprivate /

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
mount -t tmpfs -o mode=755 tmpfs "$at"
mkdir "$at"/cpu,cpuacct
mount --bind /sys/fs/cgroup/cpu,cpuacct/"$group" "$at"/cpu,cpuacct
mount -o remount,bind,ro,nosuid,nodev,noexec "$at"/cpu,cpuacct
ln -s cpu,cpuacct "$at"/cpu
ln -s cpu,cpuacct "$at"/cpuacct
mkdir "$at"/cpuset
mount --bind /sys/fs/cgroup/cpuset/"$group" "$at"/cpuset
mount -o remount,bind,ro,nosuid,nodev,noexec "$at"/cpuset
mkdir "$at"/devices
mount --bind /sys/fs/cgroup/devices/"$group" "$at"/devices
mount -o remount,bind,ro,nosuid,nodev,noexec "$at"/devices
mkdir "$at"/systemd
mount --bind /sys/fs/cgroup/systemd/"$group" "$at"/systemd
mount -o remount,bind,ro,nosuid,nodev,noexec "$at"/systemd
mount -o remount,bind,ro,nosuid,nodev,noexec "$at"

# == rootfs.mqueue: title of rootfs.mqueue
# (why rootfs.mqueue stands here)
dir_at /dev/mqueue
mount -t mqueue -o nosuid,noexec,nodev mqueue "$at"

# == rootfs.shm: title of rootfs.shm
# (why rootfs.shm stands here)
dir_at /dev/shm
mount -t tmpfs -o nosuid,noexec,nodev,mode=1777,size=67108864 shm "$at"

# == rootfs.etc: title of rootfs.etc
# (why rootfs.etc stands here)
mkdir "$dir/etc"
printf '%s' 'nameserver 10.0.0.53
' >"$dir/etc/resolv.conf"
file_at /etc/resolv.conf
mount --rbind "$dir/etc/resolv.conf" "$at"
mount --make-rprivate "$at"
printf '%s' '7f3c0a1b2c3d
' >"$dir/etc/hostname"
file_at /etc/hostname
mount --rbind "$dir/etc/hostname" "$at"
mount --make-rprivate "$at"
printf '%s' '127.0.0.1	localhost
::1	localhost ip6-localhost ip6-loopback
fe00::0	ip6-localnet
ff00::0	ip6-mcastprefix
ff02::1	ip6-allnodes
ff02::2	ip6-allrouters
' >"$dir/etc/hosts"
file_at /etc/hosts
mount --rbind "$dir/etc/hosts" "$at"
mount --make-rprivate "$at"

# == rootfs.pivot: title of rootfs.pivot
# learnbox pivots here. A shell cannot yet: with the old root it would lose mount, setpriv and all
# the programs that it is made of. It goes on below $root; the shell outside does it when PID 1
# waits for its program.

# == host.sysctl: title of host.sysctl
# (why host.sysctl stands here)
echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start
echo '0 2147483647' >/proc/sys/net/ipv4/ping_group_range

# == rootfs.mask: title of rootfs.mask
# (why rootfs.mask stands here)
# A file behind the container's /dev/null, a directory behind an empty tmpfs, one for all of them.
empty=''
for path in /proc/acpi /proc/asound /proc/interrupts /proc/kcore /proc/keys /proc/latency_stats /proc/sched_debug /proc/scsi /proc/timer_list /proc/timer_stats /sys/devices/virtual/powercap /sys/firmware; do
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
dir_at /
cd "$at"

# == host.name: title of host.name
# (why host.name stands here)
echo 7f3c0a1b2c3d >/proc/sys/kernel/hostname

# == tty.session: title of tty.session
# (why tty.session stands here)
# From here on words are collected for one command; process.exec executes it.
set -- setsid

# == init.wait: title of init.wait
# (why init.wait stands here)
# That is done by the last shell, in process.exec. The one outside will need PID 1's number there,
# which the host's /proc knows.
read -r pid _ </proc/self/stat

# == caps.bound: title of caps.bound
# (why caps.bound stands here)
set -- "$@" setpriv --bounding-set=-all,+chown,+setuid,+sys_chroot

# == user.set: title of user.set
# (why user.set stands here)
set -- "$@" --reuid=0 --regid=0 --groups=0 --pdeathsig KILL

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
# A shell in the background ignores INT and QUIT, and so would all that it starts: hence
# --default-signal.
set -- "$@" env -i --default-signal=INT,QUIT \
  PATH=/usr/bin:/bin \
  HOSTNAME=7f3c0a1b2c3d \
  HOME=/ \
  /bin/sh -ec '
    echo "$1" >&4      # ready; all that is missing is the root
    read -r _ <&3      # until it is there, and the word to go on (init.wait)
    shift
    unset PWD OLDPWD   # a shell exports them unasked
    umask 0022
    exec "$@" 3<&- 4>&-
  ' sh "$pid" /bin/sh
exec "$@"
PLAN
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

# == init.go: title of init.go
# (why init.go stands here)
echo go >&3
exec 3>&- 5<&-
status=0
wait "$child" || status=$?
child=''
exit "$status"
