// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "oci/document/json.hpp"

#include <vmkit/oci/image_config.hpp>
#include <vmkit/oci/manifest.hpp>

namespace vmkit::oci {
namespace {

constexpr std::size_t most_history = 8192;
constexpr std::uint64_t most_retries = 1'000'000;

/// Early Docker versions wrote a command of one word as a string.
std::vector<std::string> command(const JsonObject& object, const char* key) {
  return object.is_text(key) ? std::vector{object.text(key)} : object.texts(key);
}

/// Docker writes times as nanoseconds and refuses negative ones itself.
std::chrono::nanoseconds time_of(const JsonObject& object, const char* key) {
  return std::chrono::nanoseconds(object.number(key).value_or(0));
}

std::optional<Healthcheck> health_of(const JsonObject& run) {
  const auto object = run.object("Healthcheck");
  if (!object) return std::nullopt;
  Healthcheck result;
  result.test = object->texts("Test");
  if (result.test.empty()) return std::nullopt;  // Docker: as the base image has it, which is none
  const std::string& kind = result.test.front();
  const std::size_t words = result.test.size();
  if (!(kind == "NONE" || (kind == "CMD" && words > 1) || (kind == "CMD-SHELL" && words == 2))) {
    object->fail("Test", "expected NONE, CMD with a command or CMD-SHELL with a line");
  }
  result.interval = time_of(*object, "Interval");
  result.timeout = time_of(*object, "Timeout");
  result.start_period = time_of(*object, "StartPeriod");
  result.start_interval = time_of(*object, "StartInterval");
  result.retries = static_cast<unsigned>(
      std::min<std::uint64_t>(object->number("Retries").value_or(0), most_retries));
  return result;
}

}  // namespace

ImageConfig ImageConfig::parse(std::string_view text, std::string_view what) {
  const auto json = parse_json(text, what);
  const JsonObject document(json, std::string(what));
  ImageConfig result;
  result.platform = Platform{document.word("os"), document.word("architecture"),
                             document.word("variant"), document.text("os.version")}
                        .normalized();
  result.created = document.text("created");
  result.author = document.text("author");

  if (const auto run = document.object("config")) {
    result.user = run->text("User");
    result.env = run->texts("Env");
    result.entrypoint = command(*run, "Entrypoint");
    result.cmd = command(*run, "Cmd");
    result.working_dir = run->text("WorkingDir");
    result.stop_signal = run->text("StopSignal");
    result.exposed_ports = run->keys("ExposedPorts");
    result.volumes = run->keys("Volumes");
    result.labels = run->text_map("Labels");
    result.healthcheck = health_of(*run);
  }

  const JsonObject rootfs = document.required_object("rootfs");
  if (const std::string type = rootfs.required_text("type"); type != "layers") {
    rootfs.fail("type", "expected \"layers\"");
  }
  result.diff_ids = rootfs.digests("diff_ids", most_layers);

  for (const JsonObject& entry : document.objects("history", most_history)) {
    result.history.push_back({entry.text("created"), entry.text("created_by"), entry.text("author"),
                              entry.text("comment"), entry.flag("empty_layer")});
  }
  return result;
}

}  // namespace vmkit::oci
