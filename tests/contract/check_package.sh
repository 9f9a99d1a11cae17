#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs a build into an empty folder, moves that, and builds and runs a stranger's project against
# it: with find_package(vmkit), and with pkg-config alone.
#   check_package.sh BUILD_DIR CONSUMER_SOURCE_DIR COMPILER [FLAG…]
set -euo pipefail
build=$1 source=$2 compiler=$3
shift 3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/installed" >"$work/log" || { cat "$work/log"; exit 1; }
mv "$work/installed" "$work/prefix"
"$(dirname "$0")/build_consumer.sh" "$work/prefix" "$source" "$compiler" "$@"
