// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "os/descriptor.hpp"

#include <vmkit/agent/copy.hpp>
#include <vmkit/agent/tree.hpp>

namespace vmkit::agent::tree {

/// How the paths of one side are opened: on the host as the system does it, in the guest within
/// the container's root. Follows symlinks. Returns a descriptor, or -1 with errno.
using OpenPath = std::function<int(const std::string& path, int flags)>;

/// What a copy may do at its destination.
struct BuildRules {
  Ownership owner = {};
  /// Devices, setuid and setgid without the owner that they came with, attributes of the system:
  /// where the tree comes from somebody who is trusted. Otherwise these are left out and told of.
  bool trusted = false;
  bool create_parents = false;
  bool contents_only = false;    ///< What is in the root, if it is a folder, and not the root.
  std::string source_name = {};  ///< What the root is called in a folder that exists.
  std::uint64_t max_bytes = ~std::uint64_t{0};
  std::uint64_t max_entries = ~std::uint64_t{0};
};

/// Makes what `reader` tells at `destination`, by the rules of `docker cp`: into a folder that
/// exists, under its own name there, otherwise as `destination`. Never follows a symlink below
/// that. A file, and a folder that did not exist, appear with all that is in them or not at all;
/// in a folder that existed each file does.
/// `on_bytes` as that of scan(). The reader is read to its end mark.
CopyResult build(TreeReader& reader, const OpenPath& open, const std::string& destination,
                 const BuildRules& rules, const std::function<void(std::uint64_t)>& on_bytes);

/// Removes what is there, a folder with everything in it; nothing if there is nothing. Follows no
/// symlink. Throws Error.
void remove_all(int folder, const std::string& name);

/// The folder `path`, made with its missing parents (as mkdir -p, 0755).
os::Descriptor make_directories(const OpenPath& open, const std::string& path,
                                unsigned permissions);

/// The folder that `path` lies in, and its name there; not_found if there is no such folder.
struct Place {
  os::Descriptor folder;
  std::string name;
};
Place place_of(const OpenPath& open, const std::string& path);

}  // namespace vmkit::agent::tree
