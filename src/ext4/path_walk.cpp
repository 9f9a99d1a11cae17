// SPDX-License-Identifier: Apache-2.0
#include "ext4/path_walk.hpp"

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
  const auto found = tree_.find(way_.back(), name);
  if (!found) return false;
  // With a slash behind it, it is not the last.
  const bool keep = last == LastSymlink::keep && at_ == rest_.size();
  const auto target = keep ? std::nullopt : tree_.symlink_target(*found);
  if (!target) {
    way_.push_back(*found);
    return true;
  }
  if (++symlinks_ > most_symlinks_of_path) {
    throw Error(Errc::failed_precondition, "more than 40 symlinks on the way of a path");
  }
  if (target->front() == '/') way_.resize(1);
  rest_ = *target + rest_.substr(at_);
  at_ = 0;
  return true;
}

std::optional<Inode> PathWalk::resolve(std::string_view path, LastSymlink last) {
  rest_ = path;
  while (const auto name = next()) {
    if (!tree_.is_directory(way_.back()) || !step(*name, last)) return std::nullopt;
  }
  return way_.back();
}

Inode PathWalk::make_directories(
    std::string_view path,
    const std::function<Inode(Inode parent, const std::string& name)>& make) {
  const auto check_directory = [&] {
    if (tree_.is_directory(way_.back())) return;
    throw Error(Errc::failed_precondition, "mkdir: something on the way is no directory");
  };
  rest_ = path;
  while (const auto name = next()) {
    check_directory();
    if (step(*name, LastSymlink::follow)) continue;
    way_.push_back(make(way_.back(), *name));
  }
  check_directory();
  return way_.back();
}

}  // namespace vmkit::ext4
