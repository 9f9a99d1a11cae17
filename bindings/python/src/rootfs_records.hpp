// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "archive_records.hpp"
#include "disk_records.hpp"
#include "handles.hpp"
#include "streams.hpp"

#include <vmkit/rootfs/cache.hpp>
#include <vmkit/rootfs/diff.hpp>
#include <vmkit/rootfs/export_tar.hpp>
#include <vmkit/rootfs/layer.hpp>
#include <vmkit/rootfs/unpack.hpp>

VMKIT_RECORD(vmkit::rootfs::CachedDisk, "rootfs.CachedDisk", path, unpacked, lease);
VMKIT_RECORD(vmkit::rootfs::CacheOptions, "rootfs.CacheOptions", limit);
VMKIT_RECORD(vmkit::rootfs::CacheEntry, "rootfs.CacheEntry", path, chain_id, last_used);
VMKIT_RECORD(vmkit::rootfs::PruneOptions, "rootfs.PruneOptions", limit, unwanted, dry_run);
VMKIT_RECORD(vmkit::rootfs::PruneReport, "rootfs.PruneReport", removed, freed);
VMKIT_RECORD(vmkit::rootfs::DiffOptions, "rootfs.DiffOptions", upper_is_clone);
VMKIT_RECORD(vmkit::rootfs::DiffResult, "rootfs.DiffResult", written, removed, content,
             skipped_sockets);
VMKIT_RECORD(vmkit::rootfs::ExportOptions, "rootfs.ExportOptions", all_times);
VMKIT_RECORD(vmkit::rootfs::ExportResult, "rootfs.ExportResult", entries, content, skipped_sockets);
VMKIT_RECORD(vmkit::rootfs::Layer, "rootfs.Layer", diff_id, open, abandon, compression,
             compressed_size, name);
VMKIT_RECORD(vmkit::rootfs::UnpackLimits, "rootfs.UnpackLimits", layer_content, entries);
VMKIT_RECORD(vmkit::rootfs::UnpackOptions, "rootfs.UnpackOptions", size, journal, limits);
VMKIT_RECORD(vmkit::rootfs::UnpackResult, "rootfs.UnpackResult", chain_id, reused_layers, entries,
             compressed, content, skipped_xattrs, layers_time, commit_time, publish_time);
