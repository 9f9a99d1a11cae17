// SPDX-License-Identifier: Apache-2.0
#include "containers/description.hpp"

#include "monitor/client.hpp"

#include <vmkit/oci/reference.hpp>

namespace cli {

using namespace vmkit;
using Json = nlohmann::json;

std::string Description::ports_text() const {
  std::string text;
  if (!live.is_object()) return text;
  for (const Json& port : live.at("ports")) {
    text += text.empty() ? "" : ", ";
    text += port.at("host").get<std::string>() + "->" + port.at("guest").get<std::string>() + '/' +
            port.at("protocol").get<std::string>();
  }
  return text;
}

Description describe(const Found& found) {
  const Entry& entry = found.entry;
  if (found.dead()) return {"dead", "Dead", {}};
  if (!found.in_use) {
    if (entry.state == Entry::State::created) return {"created", "Created", {}};
    return {"exited",
            "Exited (" + std::to_string(entry.exit_status) + ") " +
                age(entry.finished.value_or(entry.created)),
            {}};
  }
  const auto answer = entry.socket.empty() ? std::nullopt : try_ask(found, {{"do", "status"}});
  if (!answer) {
    const bool begins = entry.state != Entry::State::running;
    return {begins ? "starting" : "stopping", begins ? "Starting" : "Stopping", {}};
  }
  Description description{answer->at("state"), {}, *answer};
  description.status =
      "Up " + duration_text(std::chrono::system_clock::now() - entry.started.value_or(Time()));
  if (description.state == "paused") description.status += " (Paused)";
  if (const std::string health = answer->at("health"); health != "none") {
    description.status += " (" + health + ")";
  }
  return description;
}

Json to_json(const Found& found, const Description& description) {
  const Entry& entry = found.entry;
  const auto time = [](const std::optional<Time>& when) {
    return when ? Json(to_text(*when)) : Json();
  };
  const bool exited = description.state == "exited";
  return {{"id", entry.id},
          {"name", entry.name},
          {"image", entry.image},
          {"imageDigest", entry.manifest ? Json(entry.manifest->digest.to_string()) : Json()},
          {"command", entry.command},
          {"created", to_text(entry.created)},
          {"started", time(entry.started)},
          {"finished", time(entry.finished)},
          {"state", description.state},
          {"status", description.status},
          {"exitStatus", exited ? Json(entry.exit_status) : Json()},
          {"error", entry.error},
          {"removeAtEnd", entry.remove_at_end},
          {"folder", entry.folder.string()},
          {"ports", description.live.is_object() ? description.live.at("ports") : Json::array()},
          {"live", description.live}};
}

std::string familiar_image(const Entry& entry) {
  const auto reference = oci::Reference::try_parse(entry.image);
  return reference ? reference->familiar() : entry.image;
}

}  // namespace cli
