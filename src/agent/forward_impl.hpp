// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "agent/forward_loop.hpp"
#include "os/descriptor.hpp"

#include <vmkit/agent/forward.hpp>

namespace vmkit::agent {

struct HostListener::Impl {
  Impl() = default;
  ~Impl();

  Endpoint endpoint;
  ForwardOptions options;
  os::Descriptor socket;
  std::string path;  // to be removed at the end
};

struct Forward::Impl {
  std::shared_ptr<ForwardLoop> loop;
  std::uint64_t number = 0;
  Endpoint listening;
  Endpoint target;
};

}  // namespace vmkit::agent
