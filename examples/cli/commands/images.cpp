// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <memory>
#include <utility>
#include <vector>

#include "commands/commands.hpp"
#include "options/common_options.hpp"
#include "output/json.hpp"
#include "output/table.hpp"
#include "program.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/oci/maintenance.hpp>
#include <vmkit/oci/reference.hpp>

namespace cli {
namespace {

using namespace vmkit;

struct ImagesOptions {
  StoreOption store;
  bool quiet = false;
  bool json = false;
};

/// "alpine", "3.22"; for names of other tools, that.
std::pair<std::string, std::string> repository_and_tag(const std::string& name) {
  const auto reference = oci::Reference::try_parse(name);
  if (!reference) return {name.empty() ? "<none>" : name, "<none>"};
  const auto without = [](std::string text, const std::string& end) {
    if (text.ends_with(end)) text.resize(text.size() - end.size());
    return text;
  };
  std::string repository = reference->familiar();
  if (reference->digest()) {
    repository = without(repository, '@' + reference->digest()->to_string());
  }
  if (!reference->tag()) return {repository, "<none>"};
  return {without(repository, ':' + *reference->tag()), *reference->tag()};
}

/// Also of a store with damaged documents, of whose sizes nothing is known.
std::vector<oci::ImageUsage> usages(const oci::ImageStore& store) {
  try {
    return oci::usage(store).images;
  } catch (const Error& error) {
    if (error.code() != Errc::data_corruption) throw;
  }
  std::vector<oci::ImageUsage> unknown;
  for (const auto& record : store.list()) unknown.push_back({record, ByteSize(0), ByteSize(0)});
  return unknown;
}

int images(const ImagesOptions& options) {
  const auto store = oci::ImageStore::open(options.store.folder());
  nlohmann::json list = nlohmann::json::array();
  Table table({"REPOSITORY", "TAG", "DIGEST", "SIZE"});
  for (const auto& [record, exclusive, shared] : usages(store)) {
    const std::string digest = record.manifest.digest.to_string();
    if (options.quiet && !options.json) {
      std::printf("%s\n", digest.c_str());
      continue;
    }
    list.push_back({{"name", record.name},
                    {"digest", digest},
                    {"mediaType", record.manifest.media_type},
                    {"exclusiveBytes", exclusive.bytes()},
                    {"sharedBytes", shared.bytes()}});
    const auto [repository, tag] = repository_and_tag(record.name);
    table.add({repository, tag, record.manifest.digest.hex().substr(0, 12),
               to_string(ByteSize(exclusive.bytes() + shared.bytes()))});
  }
  if (options.json) {
    print(list);
  } else if (!options.quiet) {
    table.print();
  }
  return 0;
}

}  // namespace

void add_images(Program& program) {
  const auto options = std::make_shared<ImagesOptions>();
  CLI::App* command = program.add(
      "images", "List the images in the store",
      "SIZE is what the image's compressed layers take; images share those they have in common.",
      {"vmkit images", "vmkit images --json | jq -r '.[].name'"});
  add_store(command, options->store);
  command->add_flag("-q,--quiet", options->quiet, "Only the digests");
  add_json(command, options->json);
  program.on(command, [options] { return images(*options); });
}

}  // namespace cli
