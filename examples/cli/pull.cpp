// SPDX-License-Identifier: Apache-2.0
#include <cstdio>

#include "commands.hpp"
#include "progress_display.hpp"
#include "pulling.hpp"

#include <vmkit/oci/pull.hpp>

namespace cli {

using namespace vmkit;

oci::Platform platform_of(const RegistryOptions& options) {
  return options.platform.empty() ? oci::Platform::host() : oci::Platform::parse(options.platform);
}

oci::RegistryClient client_for(const RegistryOptions& options) {
  oci::RegistryClientOptions client_options;
  client_options.defaults.plain_http = options.plain_http;
  client_options.credentials = credentials_of(options);
  return oci::RegistryClient(std::move(client_options));
}

oci::Image pull_image(const RegistryOptions& options, oci::ImageStore& store,
                      const CallOptions& call_options) {
  auto client = client_for(options);
  return oci::pull(client, store, oci::Reference::parse(options.reference),
                   {.platform = platform_of(options)}, call_options);
}

int pull(const PullOptions& options, const Interrupt& interrupt) {
  ProgressDisplay display(options.registry.quiet);
  auto store = oci::ImageStore::open(options.store);
  const auto image = pull_image(options.registry, store,
                                {.stop = interrupt.token(), .progress = display.callback()});
  display.say(image.reference.to_string() + " (" + image.platform.to_string() + ")");
  std::printf("%s\n", image.descriptor.digest.to_string().c_str());
  return 0;
}

}  // namespace cli
