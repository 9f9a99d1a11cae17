// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <memory>

#include "commands/commands.hpp"
#include "options/common_options.hpp"
#include "output/json.hpp"
#include "program.hpp"

#include <vmkit/oci/maintenance.hpp>

namespace cli {
namespace {

using namespace vmkit;

struct CheckOptions {
  StoreOption store;
  bool repair = false;
  bool json = false;
};

const char* problem_text(oci::BadBlob::Problem problem) {
  switch (problem) {
    case oci::BadBlob::Problem::missing:
      return "missing";
    case oci::BadBlob::Problem::damaged:
      return "damaged";
    case oci::BadBlob::Problem::contested:
      return "of another size than a document says";
  }
  return "bad";
}

nlohmann::json report_json(const oci::VerifyReport& report) {
  nlohmann::json bad = nlohmann::json::array(), odd = nlohmann::json::array();
  for (const auto& blob : report.bad) {
    nlohmann::json names = nlohmann::json::array();
    for (const auto& image : blob.images) names.push_back(image.name);
    bad.push_back({{"digest", blob.digest.to_string()},
                   {"problem", problem_text(blob.problem)},
                   {"images", std::move(names)}});
  }
  for (const auto& entry : report.odd_entries) odd.push_back(entry.problem);
  return {{"blobs", report.blobs},
          {"bytes", report.bytes.bytes()},
          {"bad", std::move(bad)},
          {"oddEntries", std::move(odd)},
          {"clean", report.clean()}};
}

int check_store(const CheckOptions& options, const Interrupt& interrupt) {
  auto store = oci::ImageStore::open(options.store.folder());
  const CallOptions call{.stop = interrupt.token()};
  const auto report =
      options.repair ? oci::repair(store, {}, call).found : oci::verify(store, call);
  const int status = report.clean() || options.repair ? 0 : 1;
  if (options.json) {
    print(report_json(report));
    return status;
  }
  for (const auto& bad : report.bad) {
    std::printf("%s  %s\n", bad.digest.to_string().c_str(), problem_text(bad.problem));
    for (const auto& image : bad.images) {
      std::printf("  needed by %s\n", image.name.empty() ? "(no name)" : image.name.c_str());
    }
  }
  for (const auto& odd : report.odd_entries) std::printf("%s\n", odd.problem.c_str());
  std::printf("%zu blobs, %s: %s\n", report.blobs, to_string(report.bytes).c_str(),
              report.clean()   ? "all as they should be"
              : options.repair ? "damaged ones are removed; pull the images again"
                               : "see above; --repair removes damaged ones");
  return status;
}

}  // namespace

void add_check(Program& program) {
  const auto options = std::make_shared<CheckOptions>();
  CLI::App* command = program.add(
      "check", "Hash everything in the store; exit status 1 if it is not sound",
      "With --repair what is damaged goes, so that the next pull fetches it again; nothing that is "
      "whole is removed.",
      {"vmkit check --repair"});
  add_store(command, options->store);
  add_json(command, options->json);
  command->add_flag("--repair", options->repair, "Remove what is damaged, to be pulled again");
  program.on(command, [&program, options] { return check_store(*options, program.interrupt()); });
}

}  // namespace cli
