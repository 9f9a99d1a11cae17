// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <memory>

#include "commands/commands.hpp"
#include "commands/container_names.hpp"
#include "images/commit_disk.hpp"
#include "images/description.hpp"
#include "monitor/client.hpp"
#include "output/json.hpp"
#include "program.hpp"
#include "terminal/progress_display.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/container/record.hpp>

namespace cli {
namespace {

using namespace vmkit;

struct CommitCommandOptions {
  StoreOption store;
  std::string container;
  std::string name;
  std::string author;
  std::string message;
  bool quiet = false;
  bool json = false;
};

/// A copy of the disk of a running container, gone with the object.
class DiskCopy {
 public:
  DiskCopy(const Found& found) : path_(found.entry.folder / "commit.ext4") {
    std::filesystem::remove(path_);  // of one that was killed
    ask(found, {{"do", "clone-disk"}, {"target", path_.string()}});
  }
  ~DiskCopy() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  DiskCopy(const DiskCopy&) = delete;
  DiskCopy& operator=(const DiskCopy&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

int commit_container(const CommitCommandOptions& options, const Interrupt& interrupt) {
  const auto name = oci::Reference::parse(options.name);
  const auto folder = options.store.folder();
  const Found found = find_container(folder, options.container);
  if (!found.entry.manifest) {
    throw Error(Errc::failed_precondition, "container " + found.entry.id + " was never finished");
  }
  auto store = oci::ImageStore::open(folder);
  const auto base = store.load(oci::Reference::parse(found.entry.image), *found.entry.manifest);
  ProgressDisplay display(options.quiet);
  const CallOptions call{.stop = interrupt.token(), .progress = display.callback()};
  std::optional<DiskCopy> copy;
  if (found.in_use) copy.emplace(found);
  display.say(commit_disk(
      store, base, copy ? copy->path() : container::container_disk(found.entry.folder), name,
      {.created_by = found.entry.command, .author = options.author, .comment = options.message},
      call));
  const auto image = store.resolve(name, base.platform);
  if (options.json) {
    print(to_json(*image));
  } else {
    std::printf("%s\n", image->descriptor.digest.to_string().c_str());
  }
  return 0;
}

}  // namespace

void add_commit(Program& program) {
  const auto options = std::make_shared<CommitCommandOptions>();
  CLI::App* command = program.add(
      "commit", "Make an image of what a container has changed",
      "Its disk becomes one more layer on the image it was made of; command and environment stay "
      "that image's. A running container goes on: its disk is copied in a moment in which it "
      "rests. "
      "Volumes and tmpfs are not part of it.",
      {"vmkit commit -m 'with tools' box example.org/box:2", "vmkit push example.org/box:2"});
  add_store(command, options->store);
  command->add_option("-a,--author", options->author, "For the image's history");
  command->add_option("-m,--message", options->message, "For the image's history");
  add_quiet(command, options->quiet);
  add_json(command, options->json);
  add_container_name(command, options->container);
  command->add_option("REF", options->name, "What the image is to be called")->required();
  program.on(command,
             [&program, options] { return commit_container(*options, program.interrupt()); });
}

}  // namespace cli
