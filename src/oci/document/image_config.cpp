// SPDX-License-Identifier: Apache-2.0
#include "oci/document/json.hpp"

#include <vmkit/oci/image_config.hpp>
#include <vmkit/oci/manifest.hpp>

namespace vmkit::oci {
namespace {

constexpr std::size_t most_history = 8192;

/// Early Docker versions wrote a command of one word as a string.
std::vector<std::string> command(const JsonObject& object, const char* key) {
  return object.is_text(key) ? std::vector{object.text(key)} : object.texts(key);
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
