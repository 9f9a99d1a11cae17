// SPDX-License-Identifier: Apache-2.0
#include "ext4/tree/path_walk.hpp"

#include <algorithm>

#include <vmkit/base/error.hpp>

namespace vmkit::ext4 {
namespace {

constexpr unsigned most_symlinks_of_path = 40;

}  // namespace

std::optional<std::string> PathWalk::next() {
  at_ = rest_.find_first_not_of('/', at_);
  if (at_ == std::string::npos) return std::nullopt;
  const std::size_t end = std::min(rest_.find('/', at_), rest_.size());
  std::string name = rest_.substr(at_, end - at_);
  at_ = end;
  return name;
}

bool PathWalk::step(const std::string& name, LastSymlink last) {
  if (name == ".") return true;
  if (name == "..") {
    if (way_.size() > 1) way_.pop_back();
    return true;
  }
  const NameIndex::Entry* const entry = state_.directory(way_.back()).names.find(name);
  if (entry == nullptr) return false;
  const bool keep = last == LastSymlink::keep && at_ == rest_.size();
  const auto* symlink = std::get_if<Symlink>(&state_.nodes[entry->ino].content);
  if (symlink == nullptr || keep) {
    way_.push_back(Inode{entry->ino});
    return true;
  }
  if (++symlinks_ > most_symlinks_of_path) {
    throw Error(Errc::failed_precondition, "more than 40 symlinks on the way of a path");
  }
  if (symlink->target.front() == '/') way_.resize(1);
  rest_ = symlink->target + rest_.substr(at_);
  at_ = 0;
  return true;
}

std::optional<Inode> PathWalk::resolve(std::string_view path, LastSymlink last) {
  rest_ = path;
  while (const auto name = next()) {
    if (state_.node(way_.back()).type != FileType::directory || !step(*name, last)) {
      return std::nullopt;
    }
  }
  return way_.back();
}

Inode PathWalk::make_directories(std::string_view path, const Attributes& attributes) {
  const auto check_directory = [&] {
    if (state_.node(way_.back()).type == FileType::directory) return;
    throw Error(Errc::failed_precondition, "mkdir: something on the way is no directory");
  };
  rest_ = path;
  while (const auto name = next()) {
    check_directory();
    if (step(*name, LastSymlink::follow)) continue;
    way_.push_back(state_.add(way_.back(), *name, FileType::directory, attributes,
                              directory_promise(Directory(), 0)));
  }
  check_directory();
  return way_.back();
}

}  // namespace vmkit::ext4
