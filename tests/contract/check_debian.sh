#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes the Debian packages of a shared build, looks at what they say, unpacks them into an empty
# folder, and builds and runs a stranger's project against that.
#   check_debian.sh BUILD_DIR CONSUMER_SOURCE_DIR COMPILER [FLAG…]
set -euo pipefail
build=$1 source=$2 compiler=$3
shift 3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "check_debian: $*" >&2; exit 1; }

(cd "$build" && cpack -G DEB -B "$work/packages") >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
runtime=("$work"/packages/libvmkit[0-9]*.deb)
dev=("$work"/packages/libvmkit-dev_*.deb)
[[ ${#runtime[@]} -eq 1 && -f "${runtime[0]}" && ${#dev[@]} -eq 1 && -f "${dev[0]}" ]] ||
  fail "expected one runtime and one dev package: $(ls "$work/packages")"

depends=$(dpkg-deb -f "${runtime[0]}" Depends)
for library in libarchive libc6 libcurl libssl libstdc++6 libzstd; do
  [[ "$depends" == *"$library"* ]] || fail "the runtime package does not depend on $library: $depends"
done
name=$(dpkg-deb -f "${runtime[0]}" Package)
version=$(dpkg-deb -f "${runtime[0]}" Version)
[[ "$(dpkg-deb -f "${dev[0]}" Depends)" == "$name (= $version)" ]] ||
  fail "the dev package does not depend on $name (= $version)"

# The runtime package alone is what a program needs at run time, and holds no more.
dpkg-deb -x "${runtime[0]}" "$work/root"
[[ -x "$work/root/usr/libexec/vmkit-vz-host" ]] || fail "the runtime package has no vmkit-vz-host"
extra=$(find "$work/root" ! -type d ! -name 'libvmkit.so.*' ! -name vmkit-vz-host ! -name copyright)
[[ -z "$extra" ]] || fail "the runtime package has also: $extra"
dpkg-deb -x "${dev[0]}" "$work/root"
"$(dirname "$0")/build_consumer.sh" "$work/root/usr" "$source" "$compiler" "$@"
