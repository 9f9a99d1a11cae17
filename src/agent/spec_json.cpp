// SPDX-License-Identifier: Apache-2.0
#include "agent/spec_json.hpp"

#include <algorithm>
#include <utility>

#include "agent/capability_names.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::agent {
namespace {

constexpr std::size_t most_hostname = 64;
constexpr unsigned most_weight = 10000;
constexpr int most_oom_score = 1000;
constexpr std::size_t most_filter_bytes = 4096 * 8;

constexpr std::pair<MountType, const char*> mount_types[] = {
    {MountType::disk, "disk"},   {MountType::virtiofs, "virtiofs"}, {MountType::plan9, "9p"},
    {MountType::tmpfs, "tmpfs"}, {MountType::bind, "bind"},         {MountType::file, "file"}};

constexpr std::size_t most_file_bytes = 64 * 1024;

constexpr const char* rlimits[] = {"as",         "core",   "cpu",      "data",  "fsize", "locks",
                                   "memlock",    "nice",   "msgqueue", "nproc", "rss",   "nofile",
                                   "sigpending", "rtprio", "rttime",   "stack"};

[[noreturn]] void fail(const std::string& field, const std::string& problem) {
  throw Error(Errc::invalid_argument, field + ": " + problem);
}

std::string numbered(const char* field, std::size_t index) {
  return std::string(field) + "[" + std::to_string(index) + "]";
}

void require_path(const std::string& field, const std::string& path) {
  if (path.empty() || path[0] != '/' || path.find('\0') != std::string::npos) {
    fail(field, "expected an absolute path, found \"" + path + "\"");
  }
}

std::string hex(const SeccompFilter& filter) {
  if (filter.program.empty() || filter.program.size() % 8 != 0 ||
      filter.program.size() > most_filter_bytes) {
    fail("seccomp", "expected 1 to 4096 instructions of 8 bytes, found " +
                        std::to_string(filter.program.size()) + " bytes");
  }
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : filter.program) {
    text += digits[std::to_integer<unsigned>(byte >> 4)];
    text += digits[std::to_integer<unsigned>(byte & std::byte{15})];
  }
  return text;
}

Json mount_json(const Mount& mount, const std::string& field) {
  require_path(field + ".target", mount.target);
  Json json{{"target", mount.target},
            {"read_only", mount.read_only},
            {"nosuid", mount.nosuid},
            {"nodev", mount.nodev},
            {"noexec", mount.noexec}};
  for (const auto& [type, name] : mount_types) {
    if (type == mount.type) json["type"] = name;
  }
  std::string options = mount.options;
  if (mount.type == MountType::tmpfs) {
    constexpr char digits[] = "01234567";
    std::string mode;
    for (int shift = 9; shift >= 0; shift -= 3) mode += digits[mount.mode >> shift & 7];
    std::string own = "mode=" + mode;
    if (mount.size) own += ",size=" + std::to_string(mount.size->bytes());
    options = options.empty() ? own : own + "," + options;
  } else if (mount.type == MountType::file) {
    if (mount.source.size() > most_file_bytes) {
      fail(field + ".source", "expected at most 64 KiB of content, found " +
                                  std::to_string(mount.source.size()) + " bytes");
    }
    json["source"] = mount.source;
  } else if (mount.source.empty()) {
    fail(field + ".source", "expected a serial number, a tag or a path, found nothing");
  } else {
    if (mount.type == MountType::bind) require_path(field + ".source", mount.source);
    if (mount.type == MountType::disk) json["fs_type"] = mount.fs_type;
    json["source"] = mount.source;
    json["subpath"] = mount.subpath;
  }
  json["options"] = std::move(options);
  return json;
}

Json device_json(const Device& device, const std::string& field) {
  require_path(field + ".path", device.path);
  return {{"path", device.path},   {"type", device.type == Device::Type::block ? "b" : "c"},
          {"major", device.major}, {"minor", device.minor},
          {"mode", device.mode},   {"uid", device.uid},
          {"gid", device.gid}};
}

void check_weight(const char* field, const std::optional<unsigned>& weight) {
  if (weight && (*weight < 1 || *weight > most_weight)) {
    fail(field, "expected 1 to 10000, found " + std::to_string(*weight));
  }
}

/// "RLIMIT_NOFILE" and "nofile" are one.
std::string rlimit_name(const Rlimit& limit, const std::string& field) {
  std::string name = limit.name;
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (name.starts_with("rlimit_")) name.erase(0, 7);
  if (std::find(std::begin(rlimits), std::end(rlimits), name) == std::end(rlimits)) {
    fail(field + ".name", "\"" + limit.name + "\" is no limit of Linux");
  }
  if (limit.soft > limit.hard) {
    fail(field, name + ": expected a soft limit of at most the hard one, found " +
                    std::to_string(limit.soft) + " and " + std::to_string(limit.hard));
  }
  return name;
}

}  // namespace

Json to_json(const ResourceLimits& limits) {
  Json json = Json::object();
  const auto set = [&](const char* name, const auto& value) {
    if (value) json[name] = value->bytes();
  };
  check_weight("limits.cpu_weight", limits.cpu_weight);
  check_weight("limits.io_weight", limits.io_weight);
  if (limits.cpu_quota) {
    using namespace std::chrono_literals;
    if (limits.cpu_period < 1ms || limits.cpu_period > 1s || *limits.cpu_quota < 1ms) {
      fail("limits.cpu_quota", "expected at least 1 ms, in a period of 1 ms to 1 s");
    }
    json["cpu_quota"] = limits.cpu_quota->count();
    json["cpu_period"] = limits.cpu_period.count();
  }
  if (limits.cpu_weight) json["cpu_weight"] = *limits.cpu_weight;
  if (!limits.cpus.empty()) json["cpus"] = limits.cpus;
  set("memory_max", limits.memory_max);
  set("memory_high", limits.memory_high);
  set("memory_low", limits.memory_low);
  set("swap_max", limits.swap_max);
  if (limits.pids_max) json["pids_max"] = *limits.pids_max;
  if (limits.io_weight) json["io_weight"] = *limits.io_weight;
  for (const IoLimit& io : limits.io) {
    json["io"].push_back({{"serial", io.serial},
                          {"rbps", io.read_bytes_per_second},
                          {"wbps", io.write_bytes_per_second},
                          {"riops", io.reads_per_second},
                          {"wiops", io.writes_per_second}});
  }
  return json;
}

Json to_json(const ContainerSpec& spec) {
  if (spec.root.serial.empty()) fail("root.serial", "expected the serial number of a disk");
  if (spec.hostname.size() > most_hostname) {
    fail("hostname", "expected at most 64 characters, found \"" + spec.hostname + "\"");
  }
  Json json{{"root",
             {{"serial", spec.root.serial},
              {"fs_type", spec.root.fs_type},
              {"read_only", spec.root.read_only}}},
            {"read_only_root", spec.read_only_root},
            {"hostname", spec.hostname},
            {"init", spec.init},
            {"writable_sys", spec.writable_sys},
            {"all_devices", spec.all_devices},
            {"masked_paths", spec.masked_paths},
            {"readonly_paths", spec.readonly_paths},
            {"sysctls", spec.sysctls},
            {"limits", to_json(spec.limits)}};
  if (spec.writable_layer) {
    Json& layer = json["writable_layer"];
    layer = {{"serial", spec.writable_layer->serial}, {"fs_type", spec.writable_layer->fs_type}};
    if (spec.writable_layer->size) layer["size"] = spec.writable_layer->size->bytes();
  }
  for (std::size_t i = 0; i < spec.mounts.size(); ++i) {
    json["mounts"].push_back(mount_json(spec.mounts[i], numbered("mounts", i)));
  }
  for (std::size_t i = 0; i < spec.devices.size(); ++i) {
    json["devices"].push_back(device_json(spec.devices[i], numbered("devices", i)));
  }
  for (std::size_t i = 0; i < spec.masked_paths.size(); ++i) {
    require_path(numbered("masked_paths", i), spec.masked_paths[i]);
  }
  for (std::size_t i = 0; i < spec.readonly_paths.size(); ++i) {
    require_path(numbered("readonly_paths", i), spec.readonly_paths[i]);
  }
  for (const auto& [name, value] : spec.sysctls) {
    if (name.empty() || name.find("..") != std::string::npos || name[0] == '/') {
      fail("sysctls", "\"" + name + "\": expected a name such as net.ipv4.ip_forward");
    }
  }
  if (spec.seccomp) json["seccomp"] = hex(*spec.seccomp);
  return json;
}

void check(const ContainerSpec& spec) {
  to_json(spec);
}

Json to_json(const ProcessSpec& spec) {
  if (spec.args.empty()) fail("args", "expected at least one, found none");
  if (spec.umask > 0777) fail("umask", "expected at most 0777");
  Json json{
      {"args", spec.args},
      {"env", spec.env},
      {"working_dir", spec.working_directory},
      {"user", spec.user},
      {"umask", spec.umask},
      {"capabilities",
       {{"bounding", capability_mask("capabilities.bounding", spec.capabilities.bounding)},
        {"effective", capability_mask("capabilities.effective", spec.capabilities.effective)},
        {"inheritable", capability_mask("capabilities.inheritable", spec.capabilities.inheritable)},
        {"permitted", capability_mask("capabilities.permitted", spec.capabilities.permitted)},
        {"ambient", capability_mask("capabilities.ambient", spec.capabilities.ambient)}}}};
  if (!spec.groups.empty()) json["groups"] = spec.groups;
  for (std::size_t i = 0; i < spec.rlimits.size(); ++i) {
    const Rlimit& limit = spec.rlimits[i];
    json["rlimits"][rlimit_name(limit, numbered("rlimits", i))] = {limit.soft, limit.hard};
  }
  if (spec.no_new_privileges) json["no_new_privileges"] = true;
  if (spec.oom_score_adj) {
    if (*spec.oom_score_adj < -most_oom_score || *spec.oom_score_adj > most_oom_score) {
      fail("oom_score_adj", "expected -1000 to 1000");
    }
    json["oom_score_adj"] = *spec.oom_score_adj;
  }
  if (spec.seccomp_mode == SeccompMode::none) json["seccomp"] = "";
  if (spec.seccomp_mode == SeccompMode::own) json["seccomp"] = hex(spec.seccomp);
  return json;
}

}  // namespace vmkit::agent
