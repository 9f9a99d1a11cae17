// SPDX-License-Identifier: Apache-2.0
#include "container_spec.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <sys/mount.h>

#include "rpc_error.hpp"
#include "service.hpp"

namespace vmkit::guest {
namespace {

using namespace agent::protocol;
using agent::Json;

constexpr std::size_t max_mounts = 256;

void require_absolute(const char* field, const std::string& path) {
  if (path.empty() || path[0] != '/' || path.find('\0') != std::string::npos) {
    throw RpcError(invalid_params,
                   std::string(field) + " \"" + path + "\": expected an absolute path");
  }
}

MountSpec parse_mount(const Json& json) {
  constexpr const char* types[] = {"disk", "virtiofs", "9p", "tmpfs", "bind", "file"};
  MountSpec mount;
  mount.type = json.at("type").get<std::string>();
  if (std::find(std::begin(types), std::end(types), mount.type) == std::end(types)) {
    throw RpcError(invalid_params, "mounts: unknown type \"" + mount.type + "\"");
  }
  mount.source = get_or<std::string>(json, "source", "");
  mount.target = json.at("target").get<std::string>();
  mount.subpath = get_or<std::string>(json, "subpath", "");
  mount.fs_type = get_or<std::string>(json, "fs_type", "ext4");
  mount.options = get_or<std::string>(json, "options", "");
  require_absolute("mounts: target", mount.target);
  if (get_or<bool>(json, "read_only", false)) mount.flags |= MS_RDONLY;
  if (get_or<bool>(json, "nosuid", false)) mount.flags |= MS_NOSUID;
  if (get_or<bool>(json, "nodev", false)) mount.flags |= MS_NODEV;
  if (get_or<bool>(json, "noexec", false)) mount.flags |= MS_NOEXEC;
  return mount;
}

DeviceSpec parse_device(const Json& json) {
  DeviceSpec device;
  device.path = json.at("path").get<std::string>();
  require_absolute("devices: path", device.path);
  device.block = json.at("type").get<std::string>() == "b";
  device.major = json.at("major").get<unsigned>();
  device.minor = json.at("minor").get<unsigned>();
  device.mode = get_or<unsigned>(json, "mode", 0666) & 0777;
  device.uid = get_or<unsigned>(json, "uid", 0);
  device.gid = get_or<unsigned>(json, "gid", 0);
  return device;
}

std::ptrdiff_t depth(const std::string& path) {
  std::ptrdiff_t parts = 0;
  for (std::size_t i = 0; i + 1 < path.size(); ++i) parts += path[i] == '/' && path[i + 1] != '/';
  return parts;
}

std::vector<std::string> paths(const Json& params, const char* field) {
  auto list = get_or<std::vector<std::string>>(params, field, {});
  for (const std::string& path : list) require_absolute(field, path);
  return list;
}

}  // namespace

SeccompProgram parse_seccomp(const std::string& hex) {
  constexpr std::size_t digits = 2 * sizeof(sock_filter);
  if (hex.size() % digits != 0 || hex.size() / digits > BPF_MAXINSNS) {
    throw RpcError(invalid_params, "seccomp: expected up to 4096 instructions of 8 bytes");
  }
  SeccompProgram program(hex.size() / digits);
  auto* byte = reinterpret_cast<unsigned char*>(program.data());
  for (const char* at = hex.data(); at != hex.data() + hex.size(); at += 2, ++byte) {
    const auto [end, error] = std::from_chars(at, at + 2, *byte, 16);
    if (error != std::errc() || end != at + 2) {
      throw RpcError(invalid_params, "seccomp: expected hexadecimal digits");
    }
  }
  return program;
}

ContainerSpec parse_container_spec(const Json& params) {
  ContainerSpec spec;
  const Json& root = params.at("root");
  spec.root = {"disk", root.at("serial").get<std::string>(),
               get_or<std::string>(root, "fs_type", "ext4"), "",
               get_or<bool>(root, "read_only", false)};
  if (const auto layer = params.find("writable_layer"); layer != params.end()) {
    spec.root.read_only = true;
    spec.writable_layer = {get_or<std::string>(*layer, "serial", ""),
                           get_or<std::string>(*layer, "fs_type", "ext4"),
                           get_or<std::uint64_t>(*layer, "size", 0)};
  }
  spec.read_only_root = get_or<bool>(params, "read_only_root", false);
  spec.hostname = get_or<std::string>(params, "hostname", "");
  spec.init = get_or<bool>(params, "init", true);
  spec.writable_sys = get_or<bool>(params, "writable_sys", false);
  spec.all_devices = get_or<bool>(params, "all_devices", false);
  for (const Json& mount : get_or<Json>(params, "mounts", Json::array())) {
    spec.mounts.push_back(parse_mount(mount));
    // Files of our own are kept in one place, by their numbers.
    if (spec.mounts.back().type == "file") {
      spec.mounts.back().subpath = std::to_string(spec.mounts.size());
    }
  }
  for (const Json& device : get_or<Json>(params, "devices", Json::array())) {
    spec.devices.push_back(parse_device(device));
  }
  if (spec.mounts.size() > max_mounts) throw RpcError(invalid_params, "more than 256 mounts");
  std::stable_sort(spec.mounts.begin(), spec.mounts.end(),
                   [](const auto& a, const auto& b) { return depth(a.target) < depth(b.target); });
  spec.masked_paths = paths(params, "masked_paths");
  spec.readonly_paths = paths(params, "readonly_paths");
  spec.sysctls = get_or<std::map<std::string, std::string>>(params, "sysctls", {});
  spec.limits = get_or<Json>(params, "limits", Json::object());
  spec.seccomp = parse_seccomp(get_or<std::string>(params, "seccomp", ""));
  return spec;
}

}  // namespace vmkit::guest
