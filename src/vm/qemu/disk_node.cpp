// SPDX-License-Identifier: Apache-2.0
#include "vm/qemu/disk_node.hpp"

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

#include "vm/nbd_uri.hpp"

namespace vmkit::vm::qemu {
namespace {

/// "file.server.host" and its value, in the order of the command line.
using Options = std::vector<std::pair<std::string, std::variant<bool, std::string>>>;

/// `text` is a valid URI.
void add_nbd_client(Options& options, const std::string& text) {
  const NbdUri uri = std::get<NbdUri>(parse_nbd_uri(text));
  options.insert(options.end(), {{"file.driver", "nbd"}, {"file.export", uri.export_name}});
  if (!uri.socket.empty()) {
    options.insert(options.end(), {{"file.server.type", "unix"}, {"file.server.path", uri.socket}});
  } else {
    options.insert(options.end(), {{"file.server.type", "inet"},
                                   {"file.server.host", uri.host},
                                   {"file.server.port", uri.port}});
  }
}

Options disk_node(const Disk& disk, const std::string& node) {
  Options options = {{"driver", "raw"},
                     {"node-name", node},
                     {"read-only", disk.read_only},
                     {"discard", "unmap"},
                     {"cache.direct", disk.caching == DiskCaching::uncached},
                     {"cache.no-flush", disk.sync == DiskSync::none}};
  if (!disk.nbd.empty()) {
    add_nbd_client(options, disk.nbd);
  } else {
    options.insert(options.end(), {{"file.driver", "file"}, {"file.filename", disk.path.native()}});
  }
  return options;
}

}  // namespace

std::string escape(std::string_view value) {
  std::string escaped;
  for (const char c : value) {
    escaped += c;
    if (c == ',') escaped += ',';
  }
  return escaped;
}

std::string disk_node_option(const Disk& disk, const std::string& node) {
  std::string list;
  for (const auto& [name, value] : disk_node(disk, node)) {
    const auto* text = std::get_if<std::string>(&value);
    list += (list.empty() ? "" : ",") + name + "=" +
            (text != nullptr         ? escape(*text)
             : std::get<bool>(value) ? "on"
                                     : "off");
  }
  return list;
}

nlohmann::json disk_node_json(const Disk& disk, const std::string& node) {
  nlohmann::json tree = nlohmann::json::object();
  for (const auto& [name, value] : disk_node(disk, node)) {
    nlohmann::json* member = &tree;
    for (std::size_t start = 0; start <= name.size();) {
      const std::size_t end = std::min(name.find('.', start), name.size());
      member = &(*member)[name.substr(start, end - start)];
      start = end + 1;
    }
    std::visit([&](const auto& plain) { *member = plain; }, value);
  }
  return tree;
}

}  // namespace vmkit::vm::qemu
