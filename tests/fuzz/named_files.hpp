// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace vmkit::fuzz {

struct NamedFile {
  std::string name;
  std::string content;
};

/// The files that an input describes, each after a line with its name:
///
///     === blob
///     {"schemaVersion":2, … "digest":"@0","size":#0 …}
///     === index.json
///     …
///
/// In all files @N and #N stand for digest and size of the N-th file before, and @hN for the digits
/// of its digest, because a fuzzer does not find digests. A file called "blob" gets the name that
/// an image layout has for its content, one called like a digest the name for that digest.
std::vector<NamedFile> named_files(std::string_view input);

}  // namespace vmkit::fuzz
