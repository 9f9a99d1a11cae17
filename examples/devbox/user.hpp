// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace devbox {

struct User {
  std::string name;
  std::vector<std::string> keys = {};  ///< Lines of ~/.ssh/authorized_keys.
};

/// Gives the system on an ext4 disk one more user: with a home, a shell, no password, the right to
/// sudo without one, and SSH keys. No machine runs for that: the disk is edited where it is, and
/// changes wholly or not at all.
void add_user(const std::filesystem::path& disk, const User& user);

}  // namespace devbox
