// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "commands.hpp"
#include "progress_display.hpp"
#include "pulling.hpp"

#include <vmkit/container/image_layers.hpp>
#include <vmkit/rootfs/unpack.hpp>

namespace cli {

using namespace vmkit;

int unpack(const UnpackOptions& options, const Interrupt& interrupt) {
  const auto size = ByteSize::parse(options.size);
  ProgressDisplay display(options.registry.quiet);
  const CallOptions call{.stop = interrupt.token(), .progress = display.callback()};
  auto store = oci::ImageStore::open(options.store);
  const auto image = pull_image(options.registry, store, call);
  const auto result =
      rootfs::unpack(container::image_layers(image, store), options.target, {.size = size}, call);
  display.say(std::to_string(result.entries) + " entries, " + to_string(result.content) +
              " of files");
  std::printf("%s\n", options.target.c_str());
  return 0;
}

}  // namespace cli
