#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds and runs a stranger's project against an installed vmkit, with CMake and with pkg-config.
#   build_consumer.sh PREFIX CONSUMER_SOURCE_DIR COMPILER [FLAG…]
set -euo pipefail
prefix=$1 source=$2 compiler=$3
shift 3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cmake -S "$source" -B "$work/build" -DCMAKE_PREFIX_PATH="$prefix" \
  -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_CXX_FLAGS="$*" >"$work/log" &&
  cmake --build "$work/build" >>"$work/log" || { cat "$work/log"; exit 1; }
"$work/build/consumer"

pc=$(find "$prefix" -name vmkit.pc)
export PKG_CONFIG_PATH=${pc%/*}
flags=$(pkg-config --cflags --libs vmkit)
libdir=$(pkg-config --variable=libdir vmkit)
# shellcheck disable=SC2086  # one word each
"$compiler" -std=c++20 "$@" "$source/main.cpp" $flags -Wl,-rpath,"$libdir" -o "$work/consumer"
"$work/consumer"
