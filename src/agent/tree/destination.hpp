// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/tree/build.hpp"

namespace vmkit::agent::tree {

/// Where the root of a copy comes: either what is in it into `existing`, or as `name` in `folder`.
struct Destination {
  os::Descriptor existing;
  os::Descriptor folder;
  std::string name;
};

/// By the rules of `docker cp`; see Files::copy_in().
Destination find_destination(const OpenPath& open, const std::string& path, FileKind root,
                             const BuildRules& rules);

/// A new name that no other copy has: ".vmkit-" and random digits.
std::string temporary_name();

[[noreturn]] void throw_kind_conflict(const std::string& path, FileKind kind);

}  // namespace vmkit::agent::tree
