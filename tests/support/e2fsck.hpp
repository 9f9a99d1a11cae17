// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "support/programs.hpp"

/// e2fsprogs as the oracle of tests about ext4 images.
namespace vmkit::test {

/// Whether e2fsck, debugfs and dumpe2fs are installed. Where they are not: throws if the
/// environment says CI=true, else prints that a test is skipped.
bool have_e2fsprogs();

/// Where the tool of e2fsprogs is; throws std::runtime_error if nowhere.
std::string e2fs_tool(std::string_view name);

/// What `e2fsck -fn` has to say about the image; empty if it finds nothing at all.
std::string e2fsck_complaints(const std::string& image);

/// The output of one debugfs request; throws std::runtime_error if debugfs fails.
std::string debugfs(const std::string& image, const std::string& request);

/// `dumpe2fs -h`, or with `groups` everything.
std::string dumpe2fs(const std::string& image, bool groups = false);

}  // namespace vmkit::test
