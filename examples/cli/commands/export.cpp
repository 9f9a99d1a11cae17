// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <unistd.h>

#include "commands/commands.hpp"
#include "containers/search.hpp"
#include "options/common_options.hpp"
#include "program.hpp"
#include "terminal/progress_display.hpp"
#include "terminal/standard_streams.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/container/record.hpp>
#include <vmkit/disk/image_file.hpp>
#include <vmkit/rootfs/export_tar.hpp>

namespace cli {
namespace {

using namespace vmkit;

struct ExportOptions {
  StoreOption store;
  std::string disk;
  bool quiet = false;
};

/// A path has a '/' or a '.', or is there; what else a person may mean is a container.
std::filesystem::path disk_of(const ExportOptions& options) {
  if (std::filesystem::exists(options.disk) ||
      options.disk.find_first_of("/.") != std::string::npos) {
    return options.disk;
  }
  return container::container_disk(
      find_container(options.store.folder(), options.disk).entry.folder);
}

int export_disk(const ExportOptions& options, const Interrupt& interrupt) {
  if (::isatty(STDOUT_FILENO) == 1) {
    throw Error(Errc::invalid_argument, "an archive is not for a terminal: redirect the output");
  }
  auto file = disk::ImageFile::open(disk_of(options), disk::ImageFile::Access::read_only);
  auto reader = ext4::Reader::open(file);
  ProgressDisplay display(options.quiet);
  const CallOptions call{.stop = interrupt.token(), .progress = display.callback()};
  StandardOutput output(interrupt.token());
  const auto result = rootfs::export_tar(reader, output, {}, call);
  display.say(std::to_string(result.entries) + " entries, " + to_string(result.content) +
              " of files");
  return 0;
}

}  // namespace

void add_export(Program& program) {
  const auto options = std::make_shared<ExportOptions>();
  CLI::App* command = program.add(
      "export", "Write all that is on a disk as a tar to standard output",
      "Of a stopped container, or of an ext4 image file; of one that runs, `vmkit cp` copies.",
      {"vmkit export web > web.tar", "vmkit export ./disk.ext4 | tar -t"});
  add_store(command, options->store);
  add_quiet(command, options->quiet);
  command->add_option("DISK", options->disk, "A container, or a file")->required();
  program.on(command, [&program, options] { return export_disk(*options, program.interrupt()); });
}

}  // namespace cli
