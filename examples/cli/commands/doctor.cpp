// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <memory>
#include <optional>

#include "commands/commands.hpp"
#include "launch/backend.hpp"
#include "launch/kernel.hpp"
#include "options/common_options.hpp"
#include "output/json.hpp"
#include "paths.hpp"
#include "program.hpp"

#include <vmkit/container/kernel_features.hpp>
#include <vmkit/vm/host.hpp>

namespace cli {

using namespace vmkit;

namespace {

struct DoctorOptions {
  std::filesystem::path kernel;   // empty: where scripts/fetch-kernel puts it
  std::filesystem::path modules;  // empty: beside the kernel
  bool json = false;
};

struct KernelReport {
  container::Kernel kernel;
  std::optional<container::KernelFeatures> features;
  std::string problem;  // empty: containers can run with it
};

KernelReport look_at_kernel(const DoctorOptions& options) {
  KernelReport report;
  report.kernel.image =
      options.kernel.empty() ? default_kernel(host_architecture()) : options.kernel;
  try {
    report.kernel = find_kernel(host_architecture(), options.kernel, options.modules);
    report.features = container::kernel_features(report.kernel);
    for (const auto feature : report.features->missing_requirements()) {
      report.problem += (report.problem.empty() ? "it has no " : ", ");
      report.problem += to_string(feature);
    }
  } catch (const Error& error) {
    report.problem = error.what();
  }
  return report;
}

nlohmann::json kernel_json(const KernelReport& report) {
  nlohmann::json json = {{"path", report.kernel.image.string()},
                         {"modules", report.kernel.modules.string()},
                         {"found", report.features.has_value()},
                         {"problem", report.problem}};
  if (!report.features) return json;
  json["release"] = report.features->release;
  json["configuration"] = report.features->configuration.string();
  for (const auto& status : report.features->features) {
    json["features"][std::string(to_string(status.feature))] = {
        {"support", to_string(status.support)},
        {"option", status.option},
        {"neededFor", status.needed_for}};
  }
  return json;
}

// What is there fills a line; what is not, gets one each.
void print_lines(const KernelReport& report) {
  std::printf("  %-4s kernel %s\n", report.problem.empty() ? "yes" : "no",
              report.kernel.image.c_str());
  if (!report.problem.empty()) std::printf("       %s\n", report.problem.c_str());
  if (!report.features) return;
  using container::KernelSupport;
  std::string built_in, modules;
  for (const auto& status : report.features->features) {
    std::string& list = status.support == KernelSupport::module ? modules : built_in;
    if (status.support != KernelSupport::built_in && status.support != KernelSupport::module) {
      continue;
    }
    list += (list.empty() ? "" : ", ") + std::string(to_string(status.feature));
  }
  std::printf("       Linux %s\n", report.features->release.c_str());
  if (!built_in.empty()) std::printf("       built in: %s\n", built_in.c_str());
  if (!modules.empty()) std::printf("       modules:  %s\n", modules.c_str());
  for (const auto& status : report.features->features) {
    const bool unknown = status.support == KernelSupport::unknown;
    if (!unknown && status.support != KernelSupport::missing) continue;
    std::printf("       %s %s (%s): %s\n",
                unknown ? "unknown:" : "without:", std::string(to_string(status.feature)).c_str(),
                std::string(status.option).c_str(), std::string(status.needed_for).c_str());
  }
}

int doctor(const DoctorOptions& options) {
  const auto backend = make_backend();
  const vm::Capabilities host = backend->capabilities();
  const KernelReport kernel = look_at_kernel(options);
  const vm::HostResources resources = vm::host_resources();
  const vm::MachineSize size = vm::recommended_size(resources);
  const bool good = host.can(vm::Feature::machines) && kernel.problem.empty();

  if (options.json) {
    nlohmann::json features = nlohmann::json::object();
    for (const auto& status : host.features) {
      features[std::string(to_string(status.feature))] = {
          {"available", status.available()},
          {"limitation", to_string(status.limitation)},
          {"reason", status.reason},
          {"wayOut", status.way_out}};
    }
    const nlohmann::json report = {
        {"backend", host.backend},
        {"architecture", to_string(host.architecture)},
        {"version", host.version},
        {"accelerator", host.accelerator},
        {"features", features},
        {"processors", resources.processors},
        {"memory", resources.memory.bytes()},
        {"availableMemory", resources.available_memory.bytes()},
        {"recommended", {{"cpus", size.cpu_count}, {"memory", size.memory.bytes()}}},
        {"kernel", kernel_json(kernel)},
        {"ready", good}};
    print(report);
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
  std::printf("  host %u processors, %s of memory, %s available; a machine for one: %u, %s\n",
              resources.processors, to_string(resources.memory).c_str(),
              to_string(resources.available_memory).c_str(), size.cpu_count,
              to_string(size.memory).c_str());
  print_lines(kernel);
  return good ? 0 : 1;
}

}  // namespace

void add_doctor(Program& program) {
  const auto options = std::make_shared<DoctorOptions>();
  CLI::App* command = program.add(
      "doctor", "Tell what this host can do",
      "Each \"no\" has its reason and, after \"->\", the way out. Exit status 0 if containers can "
      "run here.",
      {"vmkit doctor", "vmkit doctor --kernel ./vmlinuz --json"});
  command->add_option("--kernel", options->kernel, "Kernel to look at")->type_name("FILE");
  command->add_option("--modules", options->modules, "Its modules")->type_name("DIR");
  add_json(command, options->json);
  program.on(command, [options] { return doctor(*options); });
}

}  // namespace cli
