#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Unpacks a real Debian image of two layers into an ext4 disk with vmkit, and with umoci and
# mke2fs, in turns on this machine; prints one line of JSON (milliseconds: the best of the runs).
#
#   benchmarks/unpack.sh [BUILD-FOLDER [ROOTFS.tar [RUNS]]]
#
# BUILD-FOLDER (build/dev) has benchmarks/unpack_layers. Without ROOTFS.tar it is made with
# mmdebstrap. Needs umoci, igzip, mke2fs, time, jq.
set -eu
build=$(realpath "${1:-build/dev}")
rootfs=${2:-}
runs=${3:-3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

if [ -z "$rootfs" ]; then
  rootfs=$work/rootfs.tar
  mmdebstrap --quiet --variant=minbase bookworm "$rootfs"
fi

# The second layer: an "apt-get install" in small, with new, changed and removed files.
mkdir -p "$work/upper/usr/lib/added" "$work/upper/etc" "$work/upper/usr/share"
head -c 20000000 /dev/urandom > "$work/upper/usr/lib/added/library.so"
for i in $(seq 1 500); do echo "file $i" > "$work/upper/usr/lib/added/$i.txt"; done
echo changed > "$work/upper/etc/debian_version"
: > "$work/upper/usr/share/.wh.doc"
tar --create --file "$work/2.tar" --format=pax --owner=0 --group=0 -C "$work/upper" .
gzip -6 -c "$rootfs" > "$work/1.tar.gz"
gzip -6 -c "$work/2.tar" > "$work/2.tar.gz"
umoci init --layout "$work/layout"
umoci new --image "$work/layout:bench"
umoci raw add-layer --image "$work/layout:bench" "$rootfs"
umoci raw add-layer --image "$work/layout:bench" "$work/2.tar"
rootless=
[ "$(id -u)" = 0 ] || rootless=--rootless

now() { echo $(($(date +%s%N) / 1000000)); }
best() { sort -n "$work/$1" | head -n 1; }

for _ in $(seq "$runs"); do
  start=$(now)
  igzip -dc "$work/1.tar.gz" > /dev/null
  igzip -dc "$work/2.tar.gz" > /dev/null
  echo $(($(now) - start)) >> "$work/igzip"

  start=$(now)
  umoci unpack $rootless --image "$work/layout:bench" "$work/bundle"
  middle=$(now)
  mke2fs -q -t ext4 -E root_owner=0:0 -d "$work/bundle/rootfs" "$work/peer.ext4" 1G > "$work/mke2fs.log" 2>&1
  end=$(now)
  echo $((middle - start)) >> "$work/umoci"
  echo $((end - middle)) >> "$work/mke2fs"
  echo $((end - start)) >> "$work/peer"
  rm -rf "$work/bundle" "$work/peer.ext4"

  "$build/benchmarks/unpack_layers" "$work/vmkit.ext4" "$work/1.tar.gz" "$work/2.tar.gz" \
    >> "$work/vmkit.json"
  e2fsck -fn "$work/vmkit.ext4" > "$work/e2fsck.log" 2>&1 || { cat "$work/e2fsck.log" >&2; exit 1; }
  rm "$work/vmkit.ext4"
done

jq --slurp --compact-output --argjson igzip "$(best igzip)" --argjson umoci "$(best umoci)" \
  --argjson mke2fs "$(best mke2fs)" --argjson peer "$(best peer)" \
  'min_by(.total_ms) as $best | {benchmark: "unpack", vmkit: $best, igzip_ms: $igzip,
   umoci_ms: $umoci, mke2fs_ms: $mke2fs, umoci_and_mke2fs_ms: $peer,
   times_faster: ($peer / $best.total_ms * 10 | round / 10)}' "$work/vmkit.json"
