// SPDX-License-Identifier: Apache-2.0
#include "launch/files.hpp"

#include <string>
#include <utility>

namespace cli {
namespace {

using namespace vmkit;

struct Copy {
  std::string source;
  std::string destination;
};

/// The colon that divides the two is the last one before a path of the container or the first.
Copy parse_copy(const std::string& text, bool in) {
  const auto colon = in ? text.rfind(":/") : text.find(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == text.size() ||
      (!in && !text.starts_with('/'))) {
    throw Error(Errc::invalid_argument,
                "copy \"" + text + "\": expected " +
                    (in ? "SOURCE:/DESTINATION, the destination in the container"
                        : "/SOURCE:DESTINATION, the source in the container"));
  }
  return {text.substr(0, colon), text.substr(colon + 1)};
}

void show(const agent::CopyNotices& notices, ProgressDisplay& display) {
  for (const auto& notice : notices.list) display.say(notice.path + ": " + notice.what);
  if (notices.left_out != 0) {
    display.say("and " + std::to_string(notices.left_out) + " more that could not be kept");
  }
}

}  // namespace

void check_copies(const RunOptions& options) {
  for (const std::string& text : options.copies_in) parse_copy(text, true);
  for (const std::string& text : options.copies_out) parse_copy(text, false);
  for (const std::string& text : options.ports) container::parse_port_mapping(text);
  for (const std::string& text : options.exposed) {
    container::parse_port_mapping(text);
    if (text.find(':') != std::string::npos) {
      throw Error(Errc::invalid_argument, "--expose: expected PORT[/udp], found \"" + text + "\"");
    }
  }
}

std::vector<std::string> exposed_ports_of(const RunOptions& options,
                                          const oci::ImageConfig& config) {
  auto ports = config.exposed_ports;
  ports.insert(ports.end(), options.exposed.begin(), options.exposed.end());
  return ports;
}

std::vector<container::PortMapping> ports_of(const RunOptions& options,
                                             const oci::ImageConfig& config) {
  std::vector<container::PortMapping> ports;
  for (const std::string& text : options.ports) {
    ports.push_back(container::parse_port_mapping(text));
  }
  if (options.publish_all) {
    for (const std::string& text : config.exposed_ports) {
      ports.push_back(container::parse_port_mapping(text));
    }
  }
  return ports;
}

void show_ports(const container::Container& box, const RunOptions& options,
                ProgressDisplay& display) {
  if (options.registry.quiet) return;
  for (const auto& port : box.ports()) {
    const bool has_path = port.guest.kind == agent::Endpoint::Kind::unix_socket;
    display.say((has_path ? port.guest.path : "port " + std::to_string(port.guest.port)) +
                " is at " + agent::to_string(port.host));
  }
}

void copy_in(container::Container& box, const RunOptions& options, ProgressDisplay& display,
             const CallOptions& call) {
  for (const std::string& text : options.copies_in) {
    const Copy copy = parse_copy(text, true);
    const auto result = box.files().copy_in(copy.source, copy.destination, {}, call);
    show(result.notices, display);
  }
}

void copy_out(container::Container& box, const RunOptions& options, ProgressDisplay& display,
              const CallOptions& call) {
  for (const std::string& text : options.copies_out) {
    const Copy copy = parse_copy(text, false);
    const auto result = box.files().copy_out(copy.source, copy.destination, {}, call);
    show(result.notices, display);
  }
}

}  // namespace cli
