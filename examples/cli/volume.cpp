// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "commands.hpp"
#include "run_attachments.hpp"

#include <vmkit/container/volumes.hpp>

namespace cli {

using namespace vmkit;

int volume_create(const VolumeOptions& options, const Interrupt& interrupt) {
  container::Volumes volumes(volumes_folder(options.store));
  for (const std::string& name : options.names) {
    volumes.create(name, ByteSize::parse(options.size), {.stop = interrupt.token()});
    std::printf("%s\n", name.c_str());
  }
  return 0;
}

int volume_list(const VolumeOptions& options) {
  std::printf("%-32s %12s %12s %s\n", "NAME", "SIZE", "ON DISK", "IN USE");
  for (const auto& volume : container::Volumes(volumes_folder(options.store)).list()) {
    std::printf("%-32s %12s %12s %s\n", volume.name.c_str(), to_string(volume.size).c_str(),
                to_string(volume.disk_used).c_str(), volume.in_use ? "yes" : "no");
  }
  return 0;
}

int volume_remove(const VolumeOptions& options) {
  container::Volumes volumes(volumes_folder(options.store));
  for (const std::string& name : options.names) {
    volumes.remove(name);
    std::printf("%s\n", name.c_str());
  }
  return 0;
}

}  // namespace cli
