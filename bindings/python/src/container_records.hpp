// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "adapters.hpp"
#include "agent_records.hpp"
#include "disk_records.hpp"
#include "oci_records.hpp"
#include "rootfs_records.hpp"
#include "vm_records.hpp"

#include <vmkit/container/commit.hpp>
#include <vmkit/container/event.hpp>
#include <vmkit/container/image_overrides.hpp>
#include <vmkit/container/isolation.hpp>
#include <vmkit/container/kernel_features.hpp>
#include <vmkit/container/mounts.hpp>
#include <vmkit/container/names.hpp>
#include <vmkit/container/options.hpp>
#include <vmkit/container/port_mapping.hpp>
#include <vmkit/container/probe.hpp>
#include <vmkit/container/process_options.hpp>
#include <vmkit/container/pull_and_unpack.hpp>
#include <vmkit/container/record.hpp>
#include <vmkit/container/volumes.hpp>

VMKIT_RECORD(vmkit::container::CommitOptions, "container.CommitOptions", compression, created,
             created_by, author, comment, diff);
VMKIT_RECORD(vmkit::container::CommittedImage, "container.CommittedImage", image, changes);
VMKIT_RECORD(vmkit::container::ContainerEvent, "container.ContainerEvent", time, type, attributes);
VMKIT_RECORD(vmkit::container::ImageOverrides, "container.ImageOverrides", entrypoint, cmd, env,
             user, working_dir, exposed_ports, volumes, labels, healthcheck);
VMKIT_RECORD(vmkit::container::Isolation, "container.Isolation", privileged, capabilities,
             no_new_privileges, seccomp_profile, init, read_only_root, writable_layer,
             writable_disk, mounts, devices, sysctls, masked_paths, readonly_paths, limits,
             rlimits);
VMKIT_ENUM(vmkit::container::KernelFeature, "container.KernelFeature", virtio_mmio, virtio_pci,
           virtio_console, virtio_blk, ext4, initrd, namespaces, cgroups, virtio_net, virtio_rng,
           vsock, virtiofs, plan9, overlay, erofs, seccomp, cgroup_cpu, cgroup_cpuset,
           cgroup_memory, cgroup_pids, cgroup_io, cgroup_devices, pressure, power_button,
           user_namespaces, posix_mqueue, fuse, tun, veth, bridge, nf_tables, ipv6, io_uring,
           binfmt_misc);
VMKIT_ENUM(vmkit::container::KernelSupport, "container.KernelSupport", built_in, module, missing,
           unknown);
VMKIT_RECORD(vmkit::container::KernelFeatureStatus, "container.KernelFeatureStatus", feature,
             support, option, needed_for, required);
VMKIT_RECORD(vmkit::container::KernelFeatures, "container.KernelFeatures", release, configuration,
             features);
VMKIT_RECORD(vmkit::container::HostMount, "container.HostMount", path, target, read_only,
             transport);
VMKIT_RECORD(vmkit::container::VolumeMount, "container.VolumeMount", volume, target, read_only,
             copy_image_content);
VMKIT_RECORD(vmkit::container::DiskMount, "container.DiskMount", path, nbd, target, read_only,
             fs_type);
VMKIT_ENUM(vmkit::container::ImageVolumes, "container.ImageVolumes", automatic, on_disk, anonymous);
VMKIT_RECORD(vmkit::container::ExtraHost, "container.ExtraHost", name, address);
VMKIT_RECORD(vmkit::container::Names, "container.Names", domain, extra_hosts, dns, dns_search,
             dns_options, timezone, machine_id);
VMKIT_RECORD(vmkit::container::Kernel, "container.Kernel", image, modules, extra_modules,
             command_line);
VMKIT_RECORD(vmkit::container::ContainerOptions, "container.ContainerOptions", image, store, folder,
             backend, kernel, overrides, hostname, cpu_count, memory, console, balloon, disk_size,
             clone_mode, isolation, keep, ports, health, check_health, host_mounts, volume_mounts,
             volumes_folder, disk_mounts, image_volumes, network, network_device, names,
             stop_signal, clock_interval, boot_limit, log);
VMKIT_RECORD(vmkit::container::Timeline, "container.Timeline", unpack, clone, boot, mount,
             clone_method);
VMKIT_RECORD(vmkit::container::PortMapping, "container.PortMapping", host, guest, options);
VMKIT_RECORD(vmkit::container::TcpProbe, "container.TcpProbe", port, address);
VMKIT_RECORD(vmkit::container::HttpProbe, "container.HttpProbe", port, path, host, address,
             least_status, most_status);
VMKIT_RECORD(vmkit::container::ExecProbe, "container.ExecProbe", process);
VMKIT_RECORD(vmkit::container::LogProbe, "container.LogProbe", process, text, regex);
VMKIT_RECORD(vmkit::container::Probe, "container.Probe", action, interval, timeout, start_period,
             retries);
VMKIT_ENUM(vmkit::container::HealthState, "container.HealthState", none, starting, healthy,
           unhealthy);
VMKIT_RECORD(vmkit::container::Health, "container.Health", state, failures, last_failure);
VMKIT_RECORD(vmkit::container::ProcessOptions, "container.ProcessOptions", args, env,
             working_directory, user, groups, umask, rlimits, privileged, capabilities,
             no_new_privileges, oom_score_adj, stdin_mode, stdout_mode, stderr_mode, terminal,
             kept_output);
VMKIT_RECORD(vmkit::container::UnpackedImage, "container.UnpackedImage", image, disk);
VMKIT_ENUM(vmkit::container::RecordState, "container.RecordState", created, running, ended,
           abandoned);
VMKIT_RECORD(vmkit::container::ContainerRecord, "container.ContainerRecord", folder, name, image,
             created, kept, in_use, state, reason);
VMKIT_RECORD(vmkit::container::VolumeInfo, "container.VolumeInfo", name, size, disk_used, in_use);
