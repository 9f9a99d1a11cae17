// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base_records.hpp"

#include <vmkit/disk/clone.hpp>
#include <vmkit/disk/image_file.hpp>
#include <vmkit/disk/snapshots.hpp>
#include <vmkit/disk/usage.hpp>

VMKIT_ENUM(vmkit::disk::CloneMode, "disk.CloneMode", prefer_cow, require_cow);
VMKIT_RECORD(vmkit::disk::CloneOptions, "disk.CloneOptions", mode, durable, source_rests);
VMKIT_ENUM(vmkit::disk::CloneMethod, "disk.CloneMethod", cow, sparse_copy);
VMKIT_ENUM(vmkit::disk::ImageFile::Access, "disk.ImageFileAccess", read_only, read_write);
VMKIT_RECORD(vmkit::disk::Snapshot, "disk.Snapshot", name, parent, created, size, path);
VMKIT_RECORD(vmkit::disk::DiskUsage, "disk.DiskUsage", path, size, exclusive, shared, added);
VMKIT_RECORD(vmkit::disk::UsageReport, "disk.UsageReport", disks, total);
