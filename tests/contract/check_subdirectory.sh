#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds and runs a stranger's project that takes vmkit with add_subdirectory, and links the smallest
# module: that is what there is to compile.
#   check_subdirectory.sh VMKIT_SOURCE_DIR COMPILER
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake -G Ninja -S "$1/tests/contract/subdirectory" -B "$work" -DVMKIT_SOURCE="$1" \
  -DCMAKE_CXX_COMPILER="$2" -DVMKIT_UNITY_BUILD=ON >"$work/log" &&
  cmake --build "$work" >>"$work/log" || { cat "$work/log"; exit 1; }
"$work/subdirectory"
