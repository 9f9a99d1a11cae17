// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

/// What tests need that compare a disk with what others make of the same layers. As root.
namespace vmkit::test {

/// False where root, umoci or e2fsprogs is missing: told on stderr, and in CI an exception.
bool have_peers();

/// Runs a program that must succeed.
void run_checked(const std::vector<std::string>& command);

/// A file system mounted as long as the object lives.
class Mount {
 public:
  /// `arguments` of mount(8), without the place.
  Mount(std::vector<std::string> arguments, std::filesystem::path place);
  ~Mount();
  Mount(const Mount&) = delete;
  Mount& operator=(const Mount&) = delete;

 private:
  std::filesystem::path place_;
};

/// Lets umoci unpack these layers (tar archives, the lowest first) below `work`; returns the root
/// folder of the result.
std::filesystem::path unpack_with_umoci(const std::vector<std::string>& tars,
                                        const std::filesystem::path& work);

/// One line for each inode of the tree with all that a container can see of it: path, type, mode,
/// owner, mtime, size, device, number of links and first path of the same inode, extended
/// attributes, symlink target, SHA-256 of the content. Sorted; lost+found is left out.
std::vector<std::string> describe_tree(const std::filesystem::path& root);

/// Checks that two descriptions are the same, but for the times of folders that are not older than
/// `start` in the expected one (seconds since 1970): those are the time of the unpacking itself.
void check_same_trees(const std::vector<std::string>& expected,
                      const std::vector<std::string>& found, long long start);

}  // namespace vmkit::test
