// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "oci/registry/registry_access.hpp"

#include <vmkit/oci/registry_client.hpp>

namespace vmkit::oci {

struct RegistryClient::Impl : RegistryAccess {
  using RegistryAccess::RegistryAccess;
};

}  // namespace vmkit::oci
