// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "launch/run_options.hpp"
#include "terminal/progress_display.hpp"

#include <vmkit/container/container.hpp>
#include <vmkit/oci/image.hpp>

// What `vmkit run` does about ports and files.
namespace cli {

/// What the image exposes, and --expose.
std::vector<std::string> exposed_ports_of(const RunOptions& options,
                                          const vmkit::oci::ImageConfig& config);

/// --publish, and with --publish-all what `config` exposes.
std::vector<vmkit::container::PortMapping> ports_of(const RunOptions& options,
                                                    const vmkit::oci::ImageConfig& config);

/// Tells where the ports are that were picked.
void show_ports(const vmkit::container::Container& box, const RunOptions& options,
                ProgressDisplay& display);

/// SOURCE:DESTINATION, as often as it was given; what could not be kept is told.
void copy_in(vmkit::container::Container& box, const RunOptions& options, ProgressDisplay& display,
             const vmkit::CallOptions& call);
void copy_out(vmkit::container::Container& box, const RunOptions& options, ProgressDisplay& display,
              const vmkit::CallOptions& call);

/// Throws for what cannot be understood, before anything long is done in vain.
void check_copies(const RunOptions& options);

}  // namespace cli
