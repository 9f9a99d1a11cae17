// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "fuzz/document_text.hpp"
#include "fuzz/target.hpp"

#include <vmkit/oci/image_config.hpp>

namespace {

using vmkit::Errc;
using vmkit::fuzz::accepts;
using vmkit::fuzz::require;
using vmkit::oci::ImageConfig;

void check_texts(const std::vector<std::string>& texts) {
  for (const std::string& text : texts) {
    require(text.find('\0') == text.npos, "strings are free of NUL characters");
  }
}

const vmkit::fuzz::Target target("config", [](std::string_view input) {
  accepts({Errc::data_corruption}, [&] {
    const ImageConfig config = ImageConfig::parse(input, "the configuration");
    check_texts({config.user, config.working_dir, config.stop_signal, config.created});
    for (const auto* texts :
         {&config.env, &config.entrypoint, &config.cmd, &config.exposed_ports, &config.volumes}) {
      check_texts(*texts);
    }
    for (const auto& [name, value] : config.labels) check_texts({name, value});
    require(std::is_sorted(config.volumes.begin(), config.volumes.end()), "volumes are sorted");
    require(std::is_sorted(config.exposed_ports.begin(), config.exposed_ports.end()),
            "ports are sorted");
    require(config.platform.normalized() == config.platform, "the platform is normalised");
    require(config.diff_ids.size() <= 1024, "there are at most 1024 layers");
    const std::string text = vmkit::fuzz::text_of(config);
    require(vmkit::fuzz::text_of(ImageConfig::parse(text, "the configuration")) == text,
            "an accepted configuration reads back the same");
  });
});

}  // namespace
