// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "vm/machine_impl.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/vm/backend.hpp>

namespace vmkit::vm {

Backend::~Backend() = default;

Machine Backend::create(MachineConfig config) {
  const auto problems = validate(config);
  if (!problems.empty()) {
    std::string message = "machine " + config.name + ": ";
    for (const ConfigProblem& problem : problems) {
      if (&problem != &problems.front()) message += "; ";
      message += problem.field + ": " + problem.message;
    }
    throw Error(Errc::invalid_argument, std::move(message));
  }
  auto impl = std::make_unique<detail::MachineImpl>(std::move(config));
  impl->driver = make_driver(impl->config, impl->status);
  return Machine(std::move(impl));
}

std::vector<std::filesystem::path> Backend::orphans() {
  return {};
}

Machine Backend::adopt(const std::filesystem::path& folder, const CallOptions& options) {
  options.check("adopt a machine");
  return Machine(take_over(folder, options));
}

std::unique_ptr<detail::MachineImpl> Backend::take_over(const std::filesystem::path&,
                                                        const CallOptions&) {
  throw Error(Errc::unsupported, "this backend's machines do not outlive their owner");
}

}  // namespace vmkit::vm
