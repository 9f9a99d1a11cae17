// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <optional>
#include <unistd.h>

#include "commands.hpp"
#include "progress_display.hpp"
#include "standard_streams.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/disk/image_file.hpp>
#include <vmkit/rootfs/export_tar.hpp>

namespace cli {

using namespace vmkit;

int export_disk(const ExportOptions& options, const Interrupt& interrupt) {
  if (::isatty(STDOUT_FILENO) == 1) {
    throw Error(Errc::invalid_argument, "an archive is not for a terminal: redirect the output");
  }
  auto file = disk::ImageFile::open(options.disk, disk::ImageFile::Access::read_only);
  auto reader = ext4::Reader::open(file);
  ProgressDisplay display(options.quiet);
  const CallOptions call{.stop = interrupt.token(), .progress = display.callback()};
  StandardOutput output(interrupt.token());
  const auto result = rootfs::export_tar(reader, output, {}, call);
  display.say(std::to_string(result.entries) + " entries, " + to_string(result.content) +
              " of files");
  return 0;
}

}  // namespace cli
