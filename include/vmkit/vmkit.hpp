// SPDX-License-Identifier: Apache-2.0
#pragma once

// All of vmkit. A program that needs one module only may include just that: <vmkit/oci/pull.hpp>.

#include <vmkit/agent/client.hpp>
#include <vmkit/agent/initramfs.hpp>
#include <vmkit/agent/process.hpp>
#include <vmkit/archive/compression.hpp>
#include <vmkit/archive/tar_reader.hpp>
#include <vmkit/archive/tar_writer.hpp>
#include <vmkit/base/byte_size.hpp>
#include <vmkit/base/call_options.hpp>
#include <vmkit/base/digest.hpp>
#include <vmkit/base/error.hpp>
#include <vmkit/base/log.hpp>
#include <vmkit/base/result.hpp>
#include <vmkit/base/stream.hpp>
#include <vmkit/container/container.hpp>
#include <vmkit/container/disk_cache.hpp>
#include <vmkit/container/image_layers.hpp>
#include <vmkit/container/pull_and_unpack.hpp>
#include <vmkit/disk/backup.hpp>
#include <vmkit/disk/clone.hpp>
#include <vmkit/disk/image_file.hpp>
#include <vmkit/disk/snapshots.hpp>
#include <vmkit/disk/usage.hpp>
#include <vmkit/ext4/filesystem.hpp>
#include <vmkit/oci/copy.hpp>
#include <vmkit/oci/docker_config_credentials.hpp>
#include <vmkit/oci/image_archive.hpp>
#include <vmkit/oci/image_store.hpp>
#include <vmkit/oci/keychain_credentials.hpp>
#include <vmkit/oci/lease.hpp>
#include <vmkit/oci/maintenance.hpp>
#include <vmkit/oci/netrc_credentials.hpp>
#include <vmkit/oci/pull.hpp>
#include <vmkit/oci/push.hpp>
#include <vmkit/oci/registry_client.hpp>
#include <vmkit/rootfs/cache.hpp>
#include <vmkit/rootfs/unpack.hpp>
#include <vmkit/vm/backend.hpp>
#include <vmkit/vm/qemu_backend.hpp>
