// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base_records.hpp"

#include <vmkit/agent/client.hpp>
#include <vmkit/agent/container_spec.hpp>
#include <vmkit/agent/copy.hpp>
#include <vmkit/agent/event.hpp>
#include <vmkit/agent/files.hpp>
#include <vmkit/agent/forward.hpp>
#include <vmkit/agent/initramfs.hpp>
#include <vmkit/agent/isolation.hpp>
#include <vmkit/agent/limits.hpp>
#include <vmkit/agent/mount.hpp>
#include <vmkit/agent/network.hpp>
#include <vmkit/agent/process.hpp>
#include <vmkit/agent/seccomp.hpp>
#include <vmkit/agent/statistics.hpp>
#include <vmkit/agent/tree.hpp>

VMKIT_RECORD(vmkit::agent::AgentInfo, "agent.AgentInfo", protocol_version, agent_version,
             kernel_release, architecture, root_mounted);
VMKIT_RECORD(vmkit::agent::GuestSettings, "agent.GuestSettings", hostname, set_clock, seed_random);
VMKIT_RECORD(vmkit::agent::PowerOff, "agent.PowerOff", signal, grace);
VMKIT_RECORD(vmkit::agent::ReconnectOptions, "agent.ReconnectOptions", limit);
VMKIT_RECORD(vmkit::agent::RootMount, "agent.RootMount", serial, fs_type, read_only);
VMKIT_RECORD(vmkit::agent::ContainerSpec, "agent.ContainerSpec", root, writable_layer,
             read_only_root, hostname, init, mounts, devices, masked_paths, readonly_paths,
             writable_sys, all_devices, sysctls, limits, seccomp);
VMKIT_RECORD(vmkit::agent::Ownership, "agent.Ownership", kind, uid, gid);
VMKIT_ENUM(vmkit::agent::Ownership::Kind, "agent.OwnershipKind", receiver, keep, fixed);
VMKIT_RECORD(vmkit::agent::CopyOptions, "agent.CopyOptions", owner, follow_source, create_parents,
             max_bytes, max_entries);
VMKIT_RECORD(vmkit::agent::CopyResult, "agent.CopyResult", entries, bytes, notices);
VMKIT_RECORD(vmkit::agent::GuestEvent, "agent.GuestEvent", type, attributes);
VMKIT_RECORD(vmkit::agent::RemoveOptions, "agent.RemoveOptions", recursive, ignore_missing);
VMKIT_RECORD(vmkit::agent::WriteOptions, "agent.WriteOptions", permissions, offset, append,
             truncate);
VMKIT_RECORD(vmkit::agent::AttributeChange, "agent.AttributeChange", permissions, uid, gid,
             modified, follow);
VMKIT_RECORD(vmkit::agent::Endpoint, "agent.Endpoint", kind, address, port, path);
VMKIT_ENUM(vmkit::agent::Endpoint::Kind, "agent.EndpointKind", tcp, udp, unix_socket);
VMKIT_RECORD(vmkit::agent::ForwardOptions, "agent.ForwardOptions", max_connections, idle_limit,
             permissions);
VMKIT_RECORD(vmkit::agent::InitramfsOptions, "agent.InitramfsOptions", architecture,
             modules_directory, extra_modules);
VMKIT_RECORD(vmkit::agent::Capabilities, "agent.Capabilities", bounding, effective, inheritable,
             permitted, ambient);
VMKIT_RECORD(vmkit::agent::Rlimit, "agent.Rlimit", name, soft, hard);
VMKIT_RECORD(vmkit::agent::SeccompFilter, "agent.SeccompFilter", program);
VMKIT_ENUM(vmkit::agent::SeccompMode, "agent.SeccompMode", container, own, none);
VMKIT_RECORD(vmkit::agent::IoLimit, "agent.IoLimit", serial, read_bytes_per_second,
             write_bytes_per_second, reads_per_second, writes_per_second);
VMKIT_RECORD(vmkit::agent::ResourceLimits, "agent.ResourceLimits", cpu_quota, cpu_period,
             cpu_weight, cpus, memory_max, memory_high, memory_low, swap_max, pids_max, io_weight,
             io);
VMKIT_ENUM(vmkit::agent::MountType, "agent.MountType", disk, virtiofs, plan9, tmpfs, bind, file);
VMKIT_RECORD(vmkit::agent::Mount, "agent.Mount", type, source, target, subpath, fs_type, read_only,
             nosuid, nodev, noexec, size, mode, options);
VMKIT_RECORD(vmkit::agent::WritableLayer, "agent.WritableLayer", serial, fs_type, size);
VMKIT_RECORD(vmkit::agent::Device, "agent.Device", path, type, major, minor, mode, uid, gid);
VMKIT_ENUM(vmkit::agent::Device::Type, "agent.DeviceType", character, block);
VMKIT_RECORD(vmkit::agent::InterfaceConfig, "agent.InterfaceConfig", mac, address, prefix_length,
             gateway, mtu, hostname);
VMKIT_RECORD(vmkit::agent::ConfiguredInterface, "agent.ConfiguredInterface", name, mac, address,
             prefix_length, gateway, dns, search, mtu);
VMKIT_ENUM(vmkit::agent::Stdio, "agent.Stdio", null, pipe, kept);
VMKIT_RECORD(vmkit::agent::TerminalSize, "agent.TerminalSize", rows, columns);
VMKIT_RECORD(vmkit::agent::OutputOptions, "agent.OutputOptions", bytes, after_reading);
VMKIT_RECORD(vmkit::agent::ProcessSpec, "agent.ProcessSpec", args, env, working_directory, user,
             groups, umask, rlimits, capabilities, no_new_privileges, oom_score_adj, seccomp_mode,
             seccomp, stdin_mode, stdout_mode, stderr_mode, terminal, kept_output);
VMKIT_RECORD(vmkit::agent::ExitStatus, "agent.ExitStatus", code, signal);
VMKIT_RECORD(vmkit::agent::ProcessInfo, "agent.ProcessInfo", handle, pid, program, terminal,
             status);
VMKIT_RECORD(vmkit::agent::AttachOptions, "agent.AttachOptions", stdin_sink, stdout_source,
             stderr_source, stdout_offset, stderr_offset, tail, follow);
VMKIT_RECORD(vmkit::agent::SeccompTarget, "agent.SeccompTarget", architecture, capabilities);
VMKIT_RECORD(vmkit::agent::PressureShare, "agent.PressureShare", average_10, average_60,
             average_300, total);
VMKIT_RECORD(vmkit::agent::Pressure, "agent.Pressure", some, full);
VMKIT_RECORD(vmkit::agent::CpuStatistics, "agent.CpuStatistics", usage, user, system, periods,
             throttled_periods, throttled, pressure);
VMKIT_RECORD(vmkit::agent::MemoryStatistics, "agent.MemoryStatistics", usage, limit, peak, swap,
             anonymous, file, inactive_file, kernel, slab, shared, page_faults, major_page_faults,
             reached_high, reached_max, out_of_memory, killed, pressure);
VMKIT_RECORD(vmkit::agent::PidStatistics, "agent.PidStatistics", count, limit, refused);
VMKIT_RECORD(vmkit::agent::BlockStatistics, "agent.BlockStatistics", device, serial, read, written,
             reads, writes);
VMKIT_RECORD(vmkit::agent::NetworkStatistics, "agent.NetworkStatistics", interface, received, sent,
             packets_received, packets_sent, errors, dropped);
VMKIT_RECORD(vmkit::agent::Statistics, "agent.Statistics", cpu, memory, pids, block, io_pressure,
             network);
VMKIT_RECORD(vmkit::agent::RunningProcess, "agent.RunningProcess", pid, parent, guest_pid, uid,
             state, command, cpu_time, resident, started);
VMKIT_ENUM(vmkit::agent::FileKind, "agent.FileKind", regular, directory, symlink, hard_link,
           character_device, block_device, fifo, socket);
VMKIT_RECORD(vmkit::agent::FileTime, "agent.FileTime", seconds, nanoseconds);
template <>
struct vmkit::python::RecordInfo<vmkit::agent::FileXattr> {
  using T = vmkit::agent::FileXattr;
  static constexpr const char* python_name = "agent.FileXattr";
  static constexpr auto fields =
      std::make_tuple(field("name", &T::name), bytes_field("value", &T::value));
};
VMKIT_RECORD(vmkit::agent::TreeEntry, "agent.TreeEntry", path, kind, link_target, permissions, uid,
             gid, modified, accessed, size, device_major, device_minor, xattrs);
VMKIT_RECORD(vmkit::agent::CopyNotice, "agent.CopyNotice", path, what);
VMKIT_RECORD(vmkit::agent::CopyNotices, "agent.CopyNotices", list, left_out);
