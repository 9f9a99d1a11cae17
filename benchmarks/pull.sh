#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Pulls a Debian development image of two layers from a registry on this machine with vmkit and with
# skopeo, in turns; then pulls and unpacks it, one after the other and at once. Prints one line of
# JSON (milliseconds: the best of the runs). The stores lie below TMPDIR.
#
#   benchmarks/pull.sh [BUILD-FOLDER [RUNS]]
#
# BUILD-FOLDER (build/dev) has benchmarks/pull_image. The image is
# made by make-dev-image in build/dev-image. Needs docker-registry, skopeo, jq.
set -eu
build=$(realpath "${1:-build/dev}")
runs=${2:-3}
here=$(dirname "$(realpath "$0")")
image=$here/../build/dev-image
"$here/make-dev-image" "$image"
work=$(mktemp -d)
registry=
finish() {
  [ -z "$registry" ] || kill "$registry"
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat > "$work/registry.yml" <<EOF
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: $work/registry}}
http: {addr: 127.0.0.1:$port}
EOF
docker-registry serve "$work/registry.yml" > "$work/registry.log" 2>&1 &
registry=$!
until curl -sf "http://127.0.0.1:$port/v2/" > /dev/null; do
  kill -0 "$registry" || { cat "$work/registry.log" >&2; exit 1; }
  sleep 0.1
done
name=127.0.0.1:$port/dev:1
skopeo copy --quiet --dest-tls-verify=false "oci:$image:dev" "docker://$name"

# A virtual machine gets memory from its host before a run, not in it: as in `disks`, take_memory.
take_memory() {
  sync
  python3 -c "b'x' * (3 << 30)"
}
now() { echo $(($(date +%s%N) / 1000000)); }
best() { sort -n "$work/$1" | head -n 1; }

for _ in $(seq "$runs"); do
  take_memory
  start=$(now)
  skopeo copy --quiet --src-tls-verify=false "docker://$name" "oci:$work/skopeo:dev"
  echo $(($(now) - start)) >> "$work/skopeo.ms"
  rm -rf "$work/skopeo"

  take_memory
  start=$(now)
  "$build/benchmarks/pull_image" pull "$work/pull" "$name" >> "$work/pull.json"
  echo $(($(now) - start)) >> "$work/pull.ms"
  # The same store again, now by what is there already.
  "$build/benchmarks/pull_image" pull "$work/pull" "$name" >> "$work/again.json"
  take_memory
  "$build/benchmarks/pull_image" unpack "$work/pull" "$name" >> "$work/unpack.json"
  rm -rf "$work/pull"
  take_memory
  "$build/benchmarks/pull_image" unpack "$work/both" "$name" >> "$work/both.json"
  rm -rf "$work/both"
done

compressed=$(du -sb "$image/blobs" | cut -f1)
jq --null-input --compact-output --argjson skopeo "$(best skopeo.ms)" --argjson pull "$(best pull.ms)" \
  --argjson compressed "$compressed" --slurpfile one "$work/pull.json" \
  --slurpfile again "$work/again.json" --slurpfile unpack "$work/unpack.json" \
  --slurpfile both "$work/both.json" \
  'def best: min_by(.ms); {benchmark: "pull", compressed_mb: ($compressed / 1e6 | round),
   skopeo_ms: $skopeo, pull_ms: $pull, pull_to_skopeo: ($pull / $skopeo * 100 | round / 100),
   pull_peak_mib: ($one | best | .peak_mib), again_ms: ($again | best | .ms),
   unpack_ms: ($unpack | best | .ms), pull_and_unpack_ms: ($both | best | .ms),
   pull_and_unpack_peak_mib: ($both | best | .peak_mib),
   at_once_to_slower: (($both | best | .ms) / ([($one | best | .ms), ($unpack | best | .ms)] | max)
                       * 100 | round / 100)}'
