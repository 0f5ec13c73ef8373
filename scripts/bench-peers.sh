# shellcheck shell=bash disable=SC2034,SC2154
# The other side of scripts/bench: a registry, an image of 245 MB, and Docker, Podman, runc, crun
# and umoci, each with everything it writes below $work, a tmpfs. Sourced by scripts/bench.
#
# Every start_… function returns non-zero, with the reason in $why, when a peer cannot be had;
# the rows that need it are then reported as missing.

why=''
docker_pid='' registry_pid=''

# have PROGRAM…: are they installed?
have() {
  local program
  for program; do
    command -v "$program" >/dev/null || { why="no $program here"; return 1; }
  done
}

# wait_for COMMAND…: until it succeeds, at most 20 s.
wait_for() {
  local _
  for _ in $(seq 100); do
    if "$@" >/dev/null 2>&1; then return 0; fi
    sleep 0.2
  done
  return 1
}

# start_registry: a real registry on loopback; sets $registry to its host:port.
start_registry() {
  local port
  have docker-registry skopeo || return 1
  for port in $(shuf -i 20000-32000 -n 5); do
    cat >"$work/registry.yml" <<END
version: 0.1
log: {accesslog: {disabled: false}, level: error}
storage: {filesystem: {rootdirectory: $work/registry}}
http: {addr: "127.0.0.1:$port"}
END
    docker-registry serve "$work/registry.yml" >"$work/registry.log" 2>&1 &
    registry_pid=$!
    registry=127.0.0.1:$port
    if wait_for curl -fs "http://$registry/v2/"; then return 0; fi
    kill "$registry_pid" 2>/dev/null || true
  done
  why="docker-registry does not start: $(tail -n 1 "$work/registry.log")"
  return 1
}

# push LAYOUT[:NAME] REPOSITORY:TAG: from an OCI layout to the registry.
push() { skopeo copy -q --dest-tls-verify=false "oci:$1" "docker://$registry/$2"; }

# start_docker: an engine of our own, which shares nothing with one that may be running.
start_docker() {
  local dir=$work/docker
  have dockerd docker || return 1
  docker=$(command -v docker)
  [ ! -x /usr/bin/docker ] || docker=/usr/bin/docker # the one that came with the engine
  mkdir -p "$dir"
  dockerd --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/pid" --host "unix://$dir/sock" \
    --iptables=false --ip6tables=false --bridge=none --storage-driver overlay2 --exec-opt native.cgroupdriver=cgroupfs \
    >"$dir/log" 2>&1 &
  docker_pid=$!
  docker="$docker --host unix://$dir/sock"
  # shellcheck disable=SC2086  # a command with its arguments
  wait_for $docker version || { why="dockerd does not start: $(tail -n 1 "$dir/log")"; return 1; }
  # shellcheck disable=SC2086
  $docker pull -q "$registry/bench/tiny:1" >/dev/null 2>"$dir/pull" || { why=$(tail -n 1 "$dir/pull"); return 1; }
}

# start_podman: sets $podman and $podman_limits.
start_podman() {
  have podman || return 1
  podman="podman --root $work/podman/root --runroot $work/podman/run --tmpdir $work/podman/tmp"
  podman="$podman --cgroup-manager cgroupfs --storage-driver overlay --events-backend none"
  # shellcheck disable=SC2086
  $podman pull -q --tls-verify=false "$registry/bench/tiny:1" >/dev/null 2>"$work/podman.log" ||
    { why=$(tail -n 1 "$work/podman.log"); return 1; }
  # Podman raises limits, which a machine without CAP_SYS_RESOURCE refuses.
  podman_limits=''
  # shellcheck disable=SC2086
  $podman run --rm --network none "$registry/bench/tiny:1" true 2>/dev/null ||
    podman_limits='--ulimit nofile=1024:1024 --ulimit nproc=1024:1024'
}

# make_bundle: what Docker gives to runc for the image tiny, so with Docker's mounts, capabilities and
# seccomp profile, less what needs Docker to be there. runc and crun run it.
make_bundle() {
  local id config
  have umoci jq || return 1
  [ -n "$docker_pid" ] || { why='the bundle is made from that of docker, which is missing'; return 1; }
  # shellcheck disable=SC2086
  id=$($docker run -d --network none "$registry/bench/tiny:1" sleep 60) || { why='docker cannot run'; return 1; }
  config=$(find "$work/docker/exec" -path "*$id*" -name config.json)
  mkdir -p "$work/bundle"
  jq '.root = {path: "rootfs", readonly: false} | .process.terminal = false | .process.args = ["true"] | .process.cwd = "/"
    | del(.hooks) | .mounts |= map(select(.type != "bind")) | .linux.cgroupsPath = "/learnbox-bench"' \
    "$config" >"$work/bundle/config.json"
  # shellcheck disable=SC2086
  $docker rm -f "$id" >/dev/null
  jq -e '.linux.seccomp.syscalls | length > 0' "$work/bundle/config.json" >/dev/null ||
    { why='docker runs without a seccomp profile here'; return 1; }
  umoci raw unpack --image "pull/tiny/image:docker.io/library/tiny:latest" "$work/bundle/rootfs" >/dev/null 2>&1 ||
    { why='umoci cannot unpack the image tiny'; return 1; }
}

# crun wants every controller of cgroup v1 that the kernel has.
mount_hugetlb() {
  local dir=/sys/fs/cgroup/hugetlb
  if [ -d /sys/fs/cgroup/memory ] && ! mountpoint -q $dir && grep -q '^hugetlb' /proc/cgroups; then
    mkdir -p $dir
    mount -t cgroup -o hugetlb cgroup $dir && hugetlb=$dir
  fi
}

# make_layer: a tar of 245 MB in about 16,700 entries, gzip -6, from the files of this machine: a sample that
# looks random but is not, so the same machine gives the same layer. Sets $layer.
make_layer() {
  local list=$work/list
  layer=$work/layer.tar.gz
  # Files of packages: every machine has them, and nothing changes them meanwhile.
  find /usr/lib /usr/share /usr/include -xdev -type f -size -4096k -printf '%s %p\n' 2>/dev/null |
    grep -v '^[0-9]* .*[[:space:]\\]' | LC_ALL=C sort -k2 | shuf --random-source=<(yes learnbox) |
    awk -v entries=16700 -v bytes=232000000 '
      # A file is taken if the average stays near that of the goal; its directories count as entries.
      {
        ahead = total + $1 - bytes * (n + 1) / entries
        if (n >= entries || ahead > 1000000 || ahead < -1000000 && $1 < 20000) next
        total += $1; n++; print $2
        for (dir = $2; sub(/\/[^\/]*$/, "", dir) && dir != "" && !(dir in seen);) { seen[dir] = 1; n++; print dir }
      }' | LC_ALL=C sort -u >"$list"
  tar --create --file "$work/layer.tar" --no-recursion --files-from "$list" --format=pax --owner=0 --group=0 --numeric-owner \
    --mtime=@1700000000 --pax-option=delete=atime,delete=ctime 2>/dev/null
  gzip -6 -n -k "$work/layer.tar"
  say "layer: $(wc -l <"$list") entries, $(stat -c %s "$work/layer.tar") bytes, $(stat -c %s "$layer") compressed"
}

# push_layer: an image of that one layer, as bench/big:1 and, the same again, bench/big:2.
push_layer() {
  local dir=$work/big diffid arch=amd64
  [ "$(uname -m)" != aarch64 ] || arch=arm64
  mkdir -p "$dir/blobs/sha256"
  diffid=sha256:$(sha256sum <"$work/layer.tar" | cut -d' ' -f1)
  rm "$work/layer.tar"
  cp "$layer" "$dir/blob"
  local layer_blob config_blob manifest
  layer_blob=$(add_blob "$dir" application/vnd.oci.image.layer.v1.tar+gzip)
  printf '{"architecture":"%s","os":"linux","config":{"Cmd":["sh"]},"rootfs":{"type":"layers","diff_ids":["%s"]}}' "$arch" "$diffid" >"$dir/blob"
  config_blob=$(add_blob "$dir" application/vnd.oci.image.config.v1+json)
  printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":%s,"layers":[%s]}' "$config_blob" "$layer_blob" >"$dir/blob"
  manifest=$(add_blob "$dir" application/vnd.oci.image.manifest.v1+json)
  printf '{"schemaVersion":2,"manifests":[%s]}' "${manifest%\}},\"annotations\":{\"org.opencontainers.image.ref.name\":\"big\"}}" >"$dir/index.json"
  printf '{"imageLayoutVersion":"1.0.0"}' >"$dir/oci-layout"
  push "$dir:big" bench/big:1
  push "$dir:big" bench/big:2
}

# add_blob LAYOUT TYPE: moves LAYOUT/blob to its place and prints its descriptor.
add_blob() {
  local digest size
  digest=$(sha256sum <"$1/blob" | cut -d' ' -f1)
  size=$(stat -c %s "$1/blob")
  mv "$1/blob" "$1/blobs/sha256/$digest"
  printf '{"mediaType":"%s","digest":"sha256:%s","size":%s}' "$2" "$digest" "$size"
}

# stop_peers: everything goes; what stood before, stays.
stop_peers() {
  local pid dir
  for pid in $docker_pid $registry_pid; do
    kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
  done
  awk -v w="$work/" 'index($5, w) == 1 { print $5 }' /proc/self/mountinfo | LC_ALL=C sort -r | xargs -r -n1 umount -l
  # Docker and Podman leave their parent cgroups behind.
  cgroups | comm -13 "$cgroups_before" - | grep -E '/(docker|libpod_parent|learnbox-bench)' | LC_ALL=C sort -r | while read -r dir; do
    rmdir "$dir" 2>/dev/null || true
  done
  if [ -n "$hugetlb" ]; then
    umount "$hugetlb" && rmdir "$hugetlb"
  fi
}

# cgroups: every cgroup of this machine.
cgroups() { find /sys/fs/cgroup -type d 2>/dev/null | LC_ALL=C sort; }
