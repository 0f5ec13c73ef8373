# shellcheck shell=bash
# What a machine of scripts/vm is made of: a kernel with its modules, and a root file system.
# Both are made once and kept in the cache. Sourced by scripts/vm, after lib.sh.

# cached NAME FUNCTION ARGS…: sets parts to the folder NAME of the cache. If it is missing, FUNCTION
# makes it in a folder that it gets as its first argument, one maker at a time, and a
# rename publishes it. Not for $( ) or a condition: there bash would go on after a failure.
cached() {
  # shellcheck disable=SC2154  # scripts/vm sets it
  parts=$cache_dir/$1
  mkdir -p "$cache_dir"
  (
    flock 9
    [ ! -e "$parts" ] || exit 0
    tmp=$(mktemp -d "$parts.XXXXXX")
    trap 'rm -rf "$tmp"' EXIT
    "$2" "$tmp" "${@:3}"
    chmod 0755 "$tmp"
    mv "$tmp" "$parts"
  ) 9>"$cache_dir/.lock" >&2
}

# ext4_image FILE DIR SIZE: an image that holds DIR. mkfs.ext4 copies, so nothing is mounted.
ext4_image() {
  # Without a journal and checksums: nobody repairs a machine that is thrown away.
  truncate -s "$3" "$1"
  mkfs.ext4 -q -L "$(basename "$1" .ext4)" -O '^has_journal,^metadata_csum' -m 0 -d "$2" "$1"
  chmod 0444 "$1"
}

# kernel_parts KERNEL: sets parts to a folder with vmlinuz, modules (in order of loading), modules.ext4.
# KERNEL is a package, or a file vmlinuz-VERSION that has lib/modules/VERSION near it.
kernel_parts() {
  local package=$1 real key
  case $package in
    */*)
      [ -r "$package" ] || die "there is no kernel $package"
      key=$(cksum <"$package" | tr ' ' -)
      cached "kernel-$(basename "$package")-$key" kernel_of_file "$(realpath "$package")"
      ;;
    *)
      # linux-image-cloud-amd64 is empty and depends on the package of the newest version.
      real=$(apt-cache depends --no-recommends --no-suggests "$package" 2>/dev/null | awk '$2 ~ /^linux-image-/ { print $2; exit }' || true)
      real=${real:-$package}
      key=$(apt-cache policy "$real" | awk '$1 == "Candidate:" && $2 != "(none)" { print $2 }')
      [ -n "$key" ] || die "no package $package is known to apt: apt-get update, or name another --kernel"
      cached "kernel-${real}_$key" kernel_of_package "$real"
      ;;
  esac
}

# kernel_of_package DIR PACKAGE: unpacked only, since to install it would change this machine's boot.
kernel_of_package() {
  local dir=$1 version
  say "downloading the kernel: Debian's $2"
  (cd "$dir" && apt-get -qq -o APT::Sandbox::User=root download "$2")
  dpkg-deb -x "$dir"/*.deb "$dir/package"
  version=$(basename "$dir"/package/boot/vmlinuz-* | sed s/vmlinuz-//)
  kernel_of_file "$dir" "$dir/package/boot/vmlinuz-$version"
  rm -rf "$dir"/*.deb "$dir/package"
}

# kernel_of_file DIR FILE: what DIR needs of the kernel FILE and its modules.
kernel_of_file() {
  local dir=$1 file=$2 version top module
  version=$(basename "$file" | sed s/vmlinuz-//)
  top=$(realpath "$(dirname "$file")/..")
  [ -d "$top/lib/modules/$version" ] || die "no modules of $file in $top/lib/modules/$version"
  cp "$file" "$dir/vmlinuz"
  mkdir -p "$dir/tree/lib/modules"
  cp -r "$top/lib/modules/$version" "$dir/tree/lib/modules/"
  depmod -b "$dir/tree" "$version"
  # What reaches the disks, the shared folders and the ports. One that is built in prints no path.
  mkdir "$dir/modules"
  for module in virtio_pci virtio_blk ext4 virtio_console virtiofs virtio_net overlay; do
    modprobe -d "$dir/tree" -S "$version" --show-depends "$module" 2>/dev/null | awk '$1 == "insmod" { print $2 }'
  done | awk '!seen[$0]++ { printf "%02d %s\n", NR, $0 }' | while read -r n module; do
    case $module in
      *.xz) xz -dc "$module" >"$dir/modules/$n-$(basename "$module" .xz)" ;;
      *.zst) zstd -qdc "$module" >"$dir/modules/$n-$(basename "$module" .zst)" ;;
      *) cp "$module" "$dir/modules/$n-$(basename "$module")" ;;
    esac
  done
  ext4_image "$dir/modules.ext4" "$dir/tree/lib/modules" 512M
  rm -rf "$dir/tree"
}

# debian_sources: where this machine gets Debian from, as lines of a sources.list.
debian_sources() {
  # shellcheck disable=SC2016  # apt-get fills it in
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)' 'Created-By: Packages' |
    awk '$4 == "Debian" && $2 !~ /backports/ && !seen[$0]++ { print "deb", $1, $2, $3 }'
}

# root_parts: sets parts to a folder with root.ext4, a Debian with systemd and what scripts/provision
# installs. Its name says what it is made of.
root_parts() {
  local key
  key=$({ debian_codename; declare -f make_root ext4_image; cat scripts/provision; } | sha256sum | cut -c 1-12)
  cached "root-$(debian_codename)-$key" make_root
}

debian_codename() {
  # shellcheck disable=SC1091  # it is there on every Debian
  (. /etc/os-release && [ "$ID" = debian ] && echo "$VERSION_CODENAME")
}

# make_root DIR
make_root() {
  local dir=$1
  say "making the root file system: Debian $(debian_codename) (once; some minutes)"
  debian_sources >"$dir/sources.list"
  [ -s "$dir/sources.list" ] || die "apt knows no Debian archive: apt-get update"
  # How this machine reaches the archive: a proxy, checks that a snapshot needs switched off.
  apt-config dump Acquire >"$dir/apt.conf"
  # The scripts come in as they are; what they need of the network is there, since the
  # root is only chrooted into.
  # shellcheck disable=SC2016  # mmdebstrap's shell expands $1
  mmdebstrap --quiet --mode=root --variant=minbase --aptopt="$dir/apt.conf" \
    --include=systemd-sysv,udev,dbus,kmod,passwd,login,ca-certificates \
    --customize-hook='mkdir "$1/tmp/source"' \
    --customize-hook="tar -c scripts/provision scripts/lib.sh go.mod | tar -x -C \"\$1/tmp/source\"" \
    --customize-hook='chroot "$1" /tmp/source/scripts/provision --no-learnbox' \
    --customize-hook='rm -r "$1/tmp/source" "$1/etc/apt/apt.conf.d/99mmdebstrap"' \
    --customize-hook='echo learnbox >"$1/etc/hostname"; echo "127.0.1.1 learnbox" >>"$1/etc/hosts"; rm -f "$1/etc/resolv.conf"' \
    --customize-hook='chroot "$1" systemctl -q mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer e2scrub_all.timer e2scrub_reap.service' \
    "$(debian_codename)" "$dir/tree" "$dir/sources.list"
  ext4_image "$dir/root.ext4" "$dir/tree" 8G
  rm -rf "$dir/tree" "$dir/sources.list" "$dir/apt.conf"
}
