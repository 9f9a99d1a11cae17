// SPDX-License-Identifier: Apache-2.0
#include "os/atomic_file.hpp"

#include <cerrno>
#include <random>
#include <string>
#include <sys/file.h>
#include <unistd.h>
#include <utility>

#include "os/directory.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::os {
namespace {

constexpr std::string_view mark = ".tmp-";

File create_temporary(const std::filesystem::path& target, unsigned permissions) {
  for (;;) {
    const auto name = "." + target.filename().string() + std::string(mark) + random_name();
    try {
      File file = File::open(target.parent_path() / name, File::Mode::create_new, permissions);
      // Nobody else knows the name yet but a sweeper, who holds the lock for an instant only.
      if (::flock(file.fd(), LOCK_EX | LOCK_NB) == 0) return file;
    } catch (const Error& error) {
      if (error.code() != Errc::already_exists) throw;
    }
  }
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path target, unsigned permissions)
    : target_(std::move(target)), file_(create_temporary(target_, permissions)) {}

AtomicFile::~AtomicFile() {
  if (!committed_) ::unlink(file_.path().c_str());
}

void AtomicFile::commit() {
  file_.sync();
  if (::rename(file_.path().c_str(), target_.c_str()) != 0) {
    throw Error::from_errno(errno, "rename to " + target_.string());
  }
  committed_ = true;
  file_.renamed_to(target_);
  sync_directory(target_.parent_path());
}

void AtomicFile::remove_abandoned(const std::filesystem::path& folder) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(".") || name.find(mark) == std::string::npos) continue;
    try {
      const File file = File::open(entry.path(), File::Mode::read_write, 0, false);
      if (::flock(file.fd(), LOCK_EX | LOCK_NB) == 0) ::unlink(entry.path().c_str());
    } catch (const Error&) {
      // Gone meanwhile, or not ours to remove: then it is no leftover of ours.
    }
  }
}

}  // namespace vmkit::os
