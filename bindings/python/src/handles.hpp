// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "handle.hpp"

#include <vmkit/agent/client.hpp>
#include <vmkit/agent/forward.hpp>
#include <vmkit/agent/process.hpp>
#include <vmkit/base/block_device.hpp>
#include <vmkit/base/digest.hpp>
#include <vmkit/base/stop.hpp>
#include <vmkit/container/container.hpp>
#include <vmkit/disk/image_file.hpp>
#include <vmkit/disk/image_folder.hpp>
#include <vmkit/ext4/filesystem.hpp>
#include <vmkit/ext4/reader.hpp>
#include <vmkit/oci/credentials.hpp>
#include <vmkit/oci/image_store.hpp>
#include <vmkit/oci/lease.hpp>
#include <vmkit/oci/pull.hpp>
#include <vmkit/oci/registry_client.hpp>
#include <vmkit/rootfs/cache.hpp>
#include <vmkit/vm/backend.hpp>
#include <vmkit/vm/machine.hpp>
#include <vmkit/vm/vsock_listener.hpp>

// Which classes say that they are thread-safe, and which do not.
VMKIT_HANDLE(vmkit::StopToken, "StopToken", false);
VMKIT_HANDLE(vmkit::StopSource, "StopSource", false);
VMKIT_HANDLE(vmkit::StopCallback, "StopCallback", false);
VMKIT_HANDLE(vmkit::Hasher, "Hasher", true);

VMKIT_HANDLE(vmkit::oci::ImageStore, "ImageStore", false);
VMKIT_HANDLE(vmkit::oci::RegistryClient, "RegistryClient", false);
VMKIT_HANDLE(vmkit::oci::Lease, "Lease", true);
VMKIT_HANDLE(vmkit::oci::CredentialProvider, "CredentialProvider", false);
VMKIT_HANDLE(vmkit::oci::ArrivingLayers, "ArrivingLayers", false);

VMKIT_HANDLE(vmkit::disk::ImageFile, "ImageFile", true);
VMKIT_HANDLE(vmkit::disk::ImageFolder, "ImageFolder", false);
VMKIT_HANDLE(vmkit::disk::ImageFolder::Lock, "ImageFolderLock", false);
VMKIT_HANDLE(vmkit::ext4::Filesystem, "Filesystem", true);
VMKIT_HANDLE(vmkit::ext4::FileWriter, "FileWriter", true);
VMKIT_HANDLE(vmkit::ext4::Reader, "Reader", true);
VMKIT_HANDLE(vmkit::rootfs::Cache, "Cache", false);

VMKIT_HANDLE(vmkit::vm::Backend, "Backend", false);
VMKIT_HANDLE(vmkit::vm::Machine, "Machine", false);
VMKIT_HANDLE(vmkit::vm::EventSubscription, "EventSubscription", false);
VMKIT_HANDLE(vmkit::vm::VsockListener, "VsockListener", false);

VMKIT_HANDLE(vmkit::agent::Client, "Client", false);
VMKIT_HANDLE(vmkit::agent::Process, "Process", false);
VMKIT_HANDLE(vmkit::agent::Forward, "Forward", false);
VMKIT_HANDLE(vmkit::agent::HostListener, "HostListener", true);
VMKIT_HANDLE(vmkit::agent::Files, "Files", false);

VMKIT_HANDLE(vmkit::container::Container, "Container", false);
