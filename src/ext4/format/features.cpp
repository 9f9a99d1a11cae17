// SPDX-License-Identifier: Apache-2.0
#include "ext4/format/features.hpp"

#include <array>
#include <span>
#include <string_view>

namespace vmkit::ext4 {
namespace {

using Names = std::array<std::string_view, 32>;

constexpr Names compat_names = {"dir_prealloc",   "imagic_inodes", "has_journal", "ext_attr",
                                "resize_inode",   "dir_index",     "lazy_bg",     "exclude_inode",
                                "exclude_bitmap", "sparse_super2", "fast_commit", "stable_inodes",
                                "orphan_file"};
constexpr Names incompat_names = {"compression",
                                  "filetype",
                                  "needs_recovery",
                                  "journal_dev",
                                  "meta_bg",
                                  "",
                                  "extent",
                                  "64bit",
                                  "mmp",
                                  "flex_bg",
                                  "ea_inode",
                                  "",
                                  "dirdata",
                                  "metadata_csum_seed",
                                  "large_dir",
                                  "inline_data",
                                  "encrypt",
                                  "casefold"};
constexpr Names ro_compat_names = {
    "sparse_super",  "large_file",    "",          "huge_file", "uninit_bg",
    "dir_nlink",     "extra_isize",   "",          "quota",     "bigalloc",
    "metadata_csum", "replica",       "read-only", "project",   "shared_blocks",
    "verity",        "orphan_present"};

void add_names(std::vector<std::string>& result, std::uint32_t bits, const Names& names, char set) {
  for (std::uint32_t bit = 0; bit < names.size(); ++bit) {
    if ((bits >> bit & 1) == 0) continue;
    if (names[bit].empty()) {
      result.push_back(std::string("FEATURE_") + set + std::to_string(bit));
    } else {
      result.emplace_back(names[bit]);
    }
  }
}

}  // namespace

std::vector<std::string> feature_names(const Features& features) {
  std::vector<std::string> result;
  add_names(result, features.compat, compat_names, 'C');
  add_names(result, features.incompat, incompat_names, 'I');
  add_names(result, features.ro_compat, ro_compat_names, 'R');
  return result;
}

}  // namespace vmkit::ext4
