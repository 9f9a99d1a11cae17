// SPDX-License-Identifier: Apache-2.0
#include "oci/archive/import_spool.hpp"

#include <map>
#include <string>
#include <vector>

#include "oci/store/store_layout.hpp"
#include "os/directory.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::oci {
namespace {

constexpr std::string_view mark = "import-";

}  // namespace

ImportSpool::ImportSpool(const ImageStore& store)
    : prefix_(store.root() / layout::ingest / (std::string(mark) + os::random_name())),
      lock_(os::ExclusiveFile::open(prefix_)) {}

ImportSpool::~ImportSpool() {
  try {
    lock_.remove();
  } catch (const Error&) {
    // An empty file that stays is removed at the next open.
  }
}

std::filesystem::path ImportSpool::next_path() {
  return prefix_.string() + '-' + std::to_string(++files_);
}

void remove_abandoned_imports(const std::filesystem::path& store_root) {
  const auto folder = store_root / layout::ingest;
  std::map<std::string, std::vector<std::filesystem::path>> imports;
  std::error_code ignored;
  std::filesystem::directory_iterator at(folder, ignored);
  for (const std::filesystem::directory_iterator end; !ignored && at != end;
       at.increment(ignored)) {
    const std::string name = at->path().filename().string();
    if (!name.starts_with(mark)) continue;
    const std::size_t dash = name.find('-', mark.size());
    auto& files = imports[name.substr(0, dash)];
    if (dash != name.npos) files.push_back(at->path());
  }
  for (const auto& [lock_name, files] : imports) {
    try {
      // The lock file is the last to go, so that files are never there without one that can be
      // held.
      auto lock = os::ExclusiveFile::try_open(folder / lock_name);
      if (!lock) continue;
      for (const auto& file : files) std::filesystem::remove(file, ignored);
      lock->remove();
    } catch (const Error&) {
      // Not a file, or not ours to remove: then it is no leftover of ours.
    }
  }
}

}  // namespace vmkit::oci
