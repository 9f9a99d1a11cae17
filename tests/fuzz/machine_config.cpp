// SPDX-License-Identifier: Apache-2.0
#include <optional>
#include <string>

#include "fuzz/target.hpp"

#include <vmkit/vm/config_json.hpp>

namespace {

using vmkit::Errc;
using vmkit::fuzz::accepts;
using vmkit::fuzz::require;
using namespace vmkit::vm;

const vmkit::fuzz::Target target("machine_config", [](std::string_view input) {
  std::optional<MachineConfig> config;
  accepts({Errc::data_corruption, Errc::unsupported},
          [&] { config = parse_machine_config(input); });
  if (!config) return;
  validate(*config);
  const std::string written = to_json(*config);
  require(to_json(parse_machine_config(written)) == written,
          "what was read is the same when it is written and read again");
});

}  // namespace
