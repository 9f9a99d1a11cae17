// SPDX-License-Identifier: Apache-2.0
#include "launch/attachments.hpp"

#include <optional>
#include <string_view>

#include "options/list_option.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/container/options.hpp>

namespace cli {
namespace {

using namespace vmkit;

[[noreturn]] void refuse(const std::string& option, const std::string& expected,
                         const std::string& found) {
  throw Error(Errc::invalid_argument,
              option + ": expected " + expected + ", found \"" + found + "\"");
}

std::vector<std::string> parts_of(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t end = std::min(text.find(separator), text.size());
    parts.emplace_back(text.substr(0, end));
    if (end == text.size()) return parts;
    text.remove_prefix(end + 1);
  }
}

struct Mounts {
  std::vector<container::HostMount> host;
  std::vector<container::VolumeMount> volumes;
  std::vector<container::DiskMount> disks;
  std::vector<agent::Mount> memory;
};

/// As docker run -v: a source with a slash is a path, any other the name of a volume.
void add_volume(const std::string& text, Mounts& mounts) {
  const auto parts = parts_of(text, ':');
  const bool read_only = parts.size() == 3 && parts[2] == "ro";
  if (parts.size() < 2 || parts.size() > 3 ||
      (parts.size() == 3 && !read_only && parts[2] != "rw")) {
    refuse("--volume", "SOURCE:TARGET[:ro]", text);
  }
  if (parts[0].find('/') != std::string::npos || parts[0] == ".") {
    mounts.host.push_back({.path = parts[0], .target = parts[1], .read_only = read_only});
  } else {
    mounts.volumes.push_back({.volume = parts[0], .target = parts[1], .read_only = read_only});
  }
}

/// As docker run --mount: comma-separated NAME=VALUE, in any order.
void add_mount(const std::string& text, Mounts& mounts) {
  std::string type = "volume";
  std::string source;
  std::string target;
  std::optional<ByteSize> size;
  bool read_only = false;
  for (const std::string& field : parts_of(text, ',')) {
    const std::size_t equals = std::min(field.find('='), field.size());
    const std::string name = field.substr(0, equals);
    const std::string value = equals < field.size() ? field.substr(equals + 1) : "";
    if (name == "type") {
      type = value;
    } else if (name == "source" || name == "src") {
      source = value;
    } else if (name == "target" || name == "dst" || name == "destination") {
      target = value;
    } else if (name == "readonly" || name == "ro") {
      read_only = value.empty() || value == "true" || value == "1";
    } else if (name == "tmpfs-size") {
      size = ByteSize::parse(value);
    } else {
      refuse("--mount", "type, source, target, readonly or tmpfs-size", field);
    }
  }
  if (target.empty()) refuse("--mount", "a target=", text);
  if (type == "bind") {
    mounts.host.push_back({.path = source, .target = target, .read_only = read_only});
  } else if (type == "volume") {
    mounts.volumes.push_back({.volume = source, .target = target, .read_only = read_only});
  } else if (type == "disk") {
    container::DiskMount disk{.target = target, .read_only = read_only};
    const bool far = source.rfind("nbd://", 0) == 0 || source.rfind("nbd+unix://", 0) == 0;
    if (far) {
      disk.nbd = source;
    } else {
      disk.path = source;
    }
    mounts.disks.push_back(std::move(disk));
  } else if (type == "tmpfs") {
    mounts.memory.push_back(
        {.type = agent::MountType::tmpfs, .target = target, .read_only = read_only, .size = size});
  } else {
    refuse("--mount", "type=bind, volume, disk or tmpfs", text);
  }
}

Mounts mounts_of(const RunAttachments& attachments) {
  Mounts mounts;
  for (const std::string& volume : attachments.volumes) add_volume(volume, mounts);
  for (const std::string& mount : attachments.mounts) add_mount(mount, mounts);
  return mounts;
}

}  // namespace

std::vector<std::string> volume_names(const RunAttachments& attachments) {
  std::vector<std::string> names;
  for (const auto& mount : mounts_of(attachments).volumes) names.push_back(mount.volume);
  return names;
}

void add_options(CLI::App* command, RunAttachments& attachments) {
  add_list(command, "--volume,-v", attachments.volumes, "Mount a host folder or file, or a volume",
           "SRC:DST[:ro]");
  add_list(command, "--mount", attachments.mounts,
           "The same in words; also type=tmpfs and type=disk",
           "type=bind,source=SRC,target=DST[,readonly]");
  command->add_option("--network", attachments.network, "nat: reach what the host reaches")
      ->check(CLI::IsMember({"none", "nat"}))
      ->capture_default_str();
  add_list(command, "--add-host", attachments.extra_hosts,
           "A line for /etc/hosts; ADDRESS: host-gateway", "NAME:ADDRESS");
  add_list(command, "--dns", attachments.dns, "A server for /etc/resolv.conf", "ADDRESS");
  add_list(command, "--dns-search", attachments.dns_search, "A domain to look names up in",
           "DOMAIN");
  add_list(command, "--dns-option", attachments.dns_options, "An option for /etc/resolv.conf",
           "OPTION");
  command->add_option("--domainname", attachments.domain, "Of the container's host name");
  command->add_option("--timezone", attachments.timezone, "Time zone, or \"host\"")
      ->type_name("ZONE");
  command
      ->add_option("--machine-id", attachments.machine_id,
                   "What /etc/machine-id says (default: random), or \"image\"")
      ->type_name("ID");
}

void apply(const RunAttachments& attachments, const std::filesystem::path& store,
           vmkit::container::ContainerOptions& options) {
  options.volumes_folder = volumes_folder(store);
  Mounts mounts = mounts_of(attachments);
  options.host_mounts = std::move(mounts.host);
  options.volume_mounts = std::move(mounts.volumes);
  options.disk_mounts = std::move(mounts.disks);
  options.isolation.mounts.insert(options.isolation.mounts.end(), mounts.memory.begin(),
                                  mounts.memory.end());
  options.network = attachments.network == "nat";
  for (const std::string& text : attachments.extra_hosts) {
    const std::size_t colon = text.find(':');
    if (colon == std::string::npos) refuse("--add-host", "NAME:ADDRESS", text);
    options.names.extra_hosts.push_back({text.substr(0, colon), text.substr(colon + 1)});
  }
  options.names.dns = attachments.dns;
  options.names.dns_search = attachments.dns_search;
  options.names.dns_options = attachments.dns_options;
  options.names.domain = attachments.domain;
  if (!attachments.timezone.empty()) options.names.timezone = attachments.timezone;
  if (!attachments.machine_id.empty()) options.names.machine_id = attachments.machine_id;
}

std::filesystem::path volumes_folder(const std::filesystem::path& store) {
  return store / "volumes";
}

}  // namespace cli
