// SPDX-License-Identifier: Apache-2.0
#include "vm/qemu/hotplug.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "vm/qemu/disk_node.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::vm::qemu {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

constexpr std::string_view prefix_of_plugged = "plug-";

/// Identifiers have characters that QEMU's own names may not have.
std::string device_id(std::string_view identifier) {
  constexpr char digits[] = "0123456789abcdef";
  std::string id(prefix_of_plugged);
  for (const char c : identifier) {
    id += digits[static_cast<unsigned char>(c) >> 4];
    id += digits[static_cast<unsigned char>(c) & 15];
  }
  return id;
}

std::string node_name(const std::string& id) {
  return "n" + id;
}

/// The ids of the devices that have one.
std::vector<std::string> device_ids(Mailbox& mailbox, std::chrono::milliseconds limit,
                                    const CallOptions& options) {
  const Json answer =
      mailbox.execute({"qom-list", {{"path", "/machine/peripheral"}}}, limit, options);
  std::vector<std::string> ids;
  if (!answer.is_array()) return ids;
  for (const Json& property : answer) {
    if (property.is_object() && property.contains("name") && property["name"].is_string()) {
      ids.push_back(property["name"].get<std::string>());
    }
  }
  return ids;
}

bool is_plugged(Mailbox& mailbox, const std::string& id, std::chrono::milliseconds limit,
                const CallOptions& options) {
  const auto ids = device_ids(mailbox, limit, options);
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

/// The device lets go of it a moment after it is gone itself.
void remove_node(Mailbox& mailbox, const std::string& id, std::chrono::milliseconds limit,
                 const CallOptions& options) {
  const CallOptions limited = options.with_timeout(limit);
  for (;;) {
    try {
      mailbox.execute({"blockdev-del", {{"node-name", node_name(id)}}}, limit, limited);
      return;
    } catch (const Error& error) {
      if (error.code() != Errc::failed_precondition) throw;
      limited.check(error.what());
    }
    limited.stop.wait_for(limited.remaining(5ms));
  }
}

}  // namespace

void plug_disk(Mailbox& mailbox, const Disk& disk, std::chrono::milliseconds limit,
               const CallOptions& options) {
  const std::string id = device_id(disk.identifier);
  if (is_plugged(mailbox, id, limit, options)) {
    throw Error(Errc::already_exists, "a disk of that identifier is plugged in");
  }
  mailbox.execute({"blockdev-add", disk_node_json(disk, node_name(id))}, limit, options);
  try {
    mailbox.execute({"device_add",
                     {{"driver", "usb-storage"},
                      {"bus", "usb.0"},
                      {"id", id},
                      {"drive", node_name(id)},
                      {"serial", disk.identifier},
                      {"werror", "report"},
                      {"rerror", "report"}}},
                    limit, options);
  } catch (...) {
    try {
      remove_node(mailbox, id, limit, {});
    } catch (const Error&) {
      // The machine has ended, or hangs; why is what the first error says.
    }
    throw;
  }
}

void unplug_disk(Mailbox& mailbox, std::string_view identifier, std::chrono::milliseconds limit,
                 const CallOptions& options) {
  const std::string id = device_id(identifier);
  if (!is_plugged(mailbox, id, limit, options)) {
    throw Error(Errc::not_found, "no disk of that identifier was plugged in");
  }
  mailbox.execute({"device_del", {{"id", id}}}, limit, options);
  remove_node(mailbox, id, limit, options);
}

bool has_plugged_disks(Mailbox& mailbox, std::chrono::milliseconds limit,
                       const CallOptions& options) {
  const auto ids = device_ids(mailbox, limit, options);
  return std::any_of(ids.begin(), ids.end(),
                     [](const std::string& id) { return id.starts_with(prefix_of_plugged); });
}

}  // namespace vmkit::vm::qemu
