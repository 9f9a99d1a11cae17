// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "paths.hpp"

#include <vmkit/vm/qemu_backend.hpp>

namespace cli {

using namespace vmkit;

int doctor(const DoctorOptions& options) {
  const auto backend = vm::make_qemu_backend({.runtime_directory = runtime_folder()});
  const vm::Capabilities host = backend->capabilities();
  const auto kernel = default_kernel();
  const bool has_kernel = std::filesystem::exists(kernel);
  const bool good = host.can(vm::Feature::machines) && has_kernel;
  const char* kernel_advice = "run scripts/fetch-kernel, or give --kernel";

  if (options.json) {
    nlohmann::json features = nlohmann::json::object();
    for (const auto& status : host.features) {
      features[std::string(to_string(status.feature))] = {
          {"available", status.available()},
          {"limitation", to_string(status.limitation)},
          {"reason", status.reason},
          {"wayOut", status.way_out}};
    }
    const nlohmann::json report = {{"backend", host.backend},
                                   {"architecture", to_string(host.architecture)},
                                   {"version", host.version},
                                   {"accelerator", host.accelerator},
                                   {"features", features},
                                   {"kernel", {{"path", kernel.string()}, {"found", has_kernel}}},
                                   {"ready", good}};
    std::printf("%s\n", report.dump(2).c_str());
    return good ? 0 : 1;
  }

  std::printf("%s %s, guests of %s, accelerator %s\n", host.backend.c_str(),
              host.version.empty() ? "(missing)" : host.version.c_str(),
              std::string(to_string(host.architecture)).c_str(),
              host.accelerator.empty() ? "none" : host.accelerator.c_str());
  for (const auto& status : host.features) {
    std::printf("  %-4s %s\n", status.available() ? "yes" : "no",
                std::string(to_string(status.feature)).c_str());
    if (!status.reason.empty()) std::printf("       %s\n", status.reason.c_str());
    if (!status.way_out.empty()) std::printf("       -> %s\n", status.way_out.c_str());
  }
  std::printf("  %-4s kernel %s\n", has_kernel ? "yes" : "no", kernel.c_str());
  if (!has_kernel) std::printf("       -> %s\n", kernel_advice);
  return good ? 0 : 1;
}

}  // namespace cli
