// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "containers/entry.hpp"
#include "launch/run_options.hpp"
#include "terminal/progress_display.hpp"

#include <vmkit/agent/process.hpp>
#include <vmkit/base/call_options.hpp>
#include <vmkit/container/container.hpp>
#include <vmkit/oci/image.hpp>
#include <vmkit/oci/image_store.hpp>

// From what `run` is told to a container, step by step.
namespace cli {

/// Throws not_found if there is no kernel to boot, before anything long is done in vain.
void require_kernel(const RunOptions& options);

struct FoundImage {
  vmkit::oci::Image image;
  bool unpacked = false;  ///< It was unpacked while it came.
};

/// The image, from the store or its registry, as --pull says; `kept` as pull_and_unpack.
FoundImage find_image(const RunOptions& options, vmkit::oci::ImageStore& store, bool kept,
                      const vmkit::CallOptions& call);

/// A container that was not started in this process yet.
struct Launched {
  Entry entry;
  vmkit::container::Container box;
  vmkit::oci::ImageConfig config;  ///< The image's, with what the options say in its place.
  bool kept;
};

/// A new one that is kept or, with `kept` false, goes with the object; its entry is noted. Throws
/// already_exists for a name that is taken.
Launched make_container(const RunOptions& options, const std::vector<std::string>& arguments,
                        vmkit::oci::ImageStore& store, const FoundImage& found, bool kept,
                        const vmkit::CallOptions& call);

/// One that was kept, to be started again.
Launched reopen(const RunOptions& options, Entry entry);

/// The process that the container is for.
vmkit::agent::Process start_process(Launched& launched, const RunOptions& options,
                                    std::optional<vmkit::agent::TerminalSize> terminal,
                                    const vmkit::CallOptions& call);

/// What docker run makes of a process that could not be started.
int exit_status_of(const vmkit::Error& error);
int exit_status_of(const vmkit::agent::ExitStatus& status);

}  // namespace cli
