// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "service.hpp"

namespace vmkit::guest {

/// The machine's network interfaces: method configure_network.
class Network final : public Service {
 public:
  void add_methods(Methods& methods) override;
};

}  // namespace vmkit::guest
