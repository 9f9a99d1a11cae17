// SPDX-License-Identifier: Apache-2.0
#include "launch/backend.hpp"

#include "paths.hpp"

#include <vmkit/vm/qemu_backend.hpp>
#include <vmkit/vm/vz_backend.hpp>

namespace cli {

std::shared_ptr<vmkit::vm::Backend> make_backend() {
#ifdef __APPLE__
  return vmkit::vm::make_vz_backend({.runtime_directory = runtime_folder()});
#else
  return vmkit::vm::make_qemu_backend({.runtime_directory = runtime_folder()});
#endif
}

}  // namespace cli
