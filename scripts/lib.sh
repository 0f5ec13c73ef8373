# shellcheck shell=bash
# Functions that the scripts share. Sourced, from the top of the repository.

# The linter's version. A newer one finds other things, so it is never "latest".
# shellcheck disable=SC2034  # scripts/lint reads it
golangci_version=v2.15.0

# Tools and downloads are kept here, outside the source.
cache_dir=${LEARNBOX_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/learnbox}

say() { printf '%s\n' "$*" >&2; }
die() { say "${0##*/}: $*"; exit 1; }

# need_root WHAT: go on only as root; WHAT is what the script needs it for.
need_root() {
  [ "$(id -u)" -eq 0 ] || die "needs root to $1: sudo scripts/${0##*/}"
}

# install_packages PACKAGE…: installs what is missing of Debian's packages.
install_packages() {
  local package missing=()
  command -v apt-get >/dev/null || { say "${0##*/}: no apt-get here; install yourself: $*"; return 0; }
  for package; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  need_root "install ${missing[*]}"
  say "installing ${missing[*]}"
  apt-get -qq update
  without_services env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
  # The tests start a registry and an engine of their own; the packages would start theirs at the next boot.
  case " ${missing[*]} " in
    *' docker-registry '*) systemctl disable docker-registry >/dev/null 2>&1 || true ;;
  esac
  case " ${missing[*]} " in
    *' docker.io '*) systemctl disable docker.service docker.socket containerd >/dev/null 2>&1 || true ;;
  esac
}

# without_services COMMAND…: runs it while no package may start its service, see invoke-rc.d(8). Who has
# a policy keeps it.
without_services() (
  local policy=/usr/sbin/policy-rc.d
  if [ ! -e $policy ]; then
    trap 'rm -f $policy' EXIT
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod +x $policy
  fi
  "$@"
)

# go_version PROGRAM: its version as a number that compares, 1.26.3 as 1026; 0 if it is no Go.
go_version() {
  local v
  # Outside the module: an older go refuses to say anything inside.
  v=$(cd / && GOTOOLCHAIN=local GOFLAGS='' "$1" env GOVERSION 2>/dev/null) || v=
  if [[ $v =~ ^go([0-9]+)\.([0-9]+) ]]; then
    echo $((BASH_REMATCH[1] * 1000 + BASH_REMATCH[2]))
  else
    echo 0
  fi
}

# find_go: sets and exports GO, the newest Go of this machine, or fails. From 1.21 on
# any Go fetches the version that go.mod asks for, as a module, if GOTOOLCHAIN lets it.
find_go() {
  local candidate version best=0 want
  want=$(awk '$1 == "go" { split($2, v, "."); print v[1] * 1000 + v[2]; exit }' go.mod)
  for candidate in "${GO:-}" "$(command -v go || true)" /usr/local/go/bin/go /usr/lib/go-1.*/bin/go /usr/lib/go/bin/go; do
    [ -x "$candidate" ] || continue
    version=$(go_version "$candidate")
    if [ "$version" -gt "$best" ]; then
      best=$version GO=$candidate
    fi
    [ "$best" -lt "$want" ] || break
  done
  [ "$best" -ge 1021 ] || return 1
  [ "$best" -ge "$want" ] || export GOTOOLCHAIN=auto
  export GO CGO_ENABLED=0
}

# need_go: find_go, or the distribution's Go, or a message that says what to install.
need_go() {
  local package
  if find_go; then return; fi
  if command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ]; then
    apt-get -qq update
    package=$(go_package)
    if [ -n "$package" ]; then
      install_packages "$package" ca-certificates
      if find_go; then return; fi
    fi
  fi
  say "${0##*/}: learnbox is built with Go, and there is none of version 1.21 or later, neither on this machine nor in its distribution."
  say "hint: take the archive of https://go.dev/dl/ and unpack it: tar -C /usr/local -xzf go*.tar.gz"
  say "hint: on Debian 12 also: apt-get install -t bookworm-backports golang-go, with backports in /etc/apt/sources.list"
  exit 1
}

# go_package: the distribution's newest package with a Go of at least 1.21, or nothing.
go_package() {
  local package version
  for package in golang-go $(apt-cache search --names-only '^golang-1\.[0-9]+-go$' | cut -d' ' -f1 | sort -rV); do
    version=$(apt-cache policy "$package" | awk '$1 == "Candidate:" { sub(/^[0-9]+:/, "", $2); print $2 }')
    if [ -n "$version" ] && [ "$version" != '(none)' ] && dpkg --compare-versions "$version" ge 1.21; then
      echo "$package"
      return
    fi
  done
}

# build_init: makes what the build tag embed_init embeds, the containers' init and its SHA-256. No
# commit is written into it: the same source is the same init, and is kept once on disk.
build_init() {
  local dir=sandbox/program
  mkdir -p $dir
  "$GO" build -trimpath -buildvcs=false -ldflags '-s -w' -o $dir/learnbox-init ./cmd/learnbox-init
  sha256sum $dir/learnbox-init | cut -d' ' -f1 | tr -d '\n' >$dir/learnbox-init.sha256
  give_back $dir
}

# put_program FROM TO: installs a program, beside its place and then by a rename: one that runs keeps
# its file. It is written a megabyte at a time, for then the kernel caches it in large pieces (folios)
# and maps it with fewer page faults, which a run of some ten milliseconds feels.
put_program() {
  local new
  new=$(dirname "$2")/.${2##*/}.new
  dd if="$1" of="$new" bs=1M status=none
  chmod 0755 "$new"
  mv -f "$new" "$2"
}

# trust_checkout: lets git read this checkout when it belongs to somebody else, as it
# does under sudo; see safe.directory in git-config(1).
trust_checkout() {
  export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0="$PWD"
}

# give_back PATH…: what sudo made belongs to the one who called sudo.
give_back() {
  if [ "$(id -u)" -eq 0 ] && [ -n "${SUDO_UID:-}" ]; then
    chown -R "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$@"
  fi
}
