// SPDX-License-Identifier: Apache-2.0
#include "rootfs/resolver.hpp"

#include <utility>
#include <vector>

#include "rootfs/member_name.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::rootfs {
namespace {

constexpr unsigned most_symlinks = 40;      // as Linux
constexpr unsigned most_components = 8192;  // of one name, with those of all targets

std::string join(std::span<const std::string_view> path) {
  std::string joined;
  for (const std::string_view component : path) {
    joined += component;
    joined += '/';
  }
  return joined;
}

struct Step {
  ext4::Inode folder;
  std::string name;  // of the next folder in it
  ext4::Inode next;
};

}  // namespace

ext4::Attributes default_folder_attributes() {
  return {.permissions = 0755};
}

ext4::Inode Resolver::make_folder(std::span<const std::string_view> path) {
  std::string joined = join(path);
  if (cached_ && cached_path_ == joined) return *cached_;
  cached_ = walk(path, true);
  cached_path_ = std::move(joined);
  return *cached_;
}

std::optional<ext4::Inode> Resolver::find_folder(std::span<const std::string_view> path) {
  if (cached_ && cached_path_ == join(path)) return cached_;
  return walk(path, false);
}

std::optional<ext4::Inode> Resolver::walk(std::span<const std::string_view> path, bool make) {
  std::vector<Step> trail;
  // What is still to go, the next component last.
  std::vector<std::string> pending(path.rbegin(), path.rend());
  unsigned symlinks = 0;
  unsigned components = 0;
  while (!pending.empty()) {
    const std::string name = std::move(pending.back());
    pending.pop_back();
    if (++components > most_components) {
      throw Error(Errc::data_corruption, printable(join(path)) + ": too many symlinks on the way");
    }
    if (name == "..") {
      if (!trail.empty()) trail.pop_back();
      continue;
    }
    const ext4::Inode folder = trail.empty() ? tree_.root() : trail.back().next;
    const auto found = tree_.lookup(folder, name);
    if (!found) {
      if (!make) return std::nullopt;
      const ext4::Inode made = tree_.make_directory(folder, name, default_folder_attributes());
      upper_.add(folder, name);
      upper_.add_whole(made);
      trail.push_back({folder, name, made});
      continue;
    }
    const ext4::FileType type = tree_.type(*found);
    if (type == ext4::FileType::directory) {
      trail.push_back({folder, name, *found});
    } else if (type == ext4::FileType::symlink) {
      if (++symlinks > most_symlinks) {
        throw Error(Errc::data_corruption, printable(join(path)) + ": a loop of symlinks");
      }
      const std::string_view target = tree_.symlink_target(*found);
      if (target.starts_with('/')) trail.clear();
      const auto further = split_path(target);
      pending.insert(pending.end(), further.rbegin(), further.rend());
    } else if (make) {
      throw Error(Errc::data_corruption,
                  printable(join(path)) + ": " + printable(name) + " on the way is not a folder");
    } else {
      return std::nullopt;
    }
  }
  if (make) {
    for (const Step& step : trail) upper_.add(step.folder, step.name);
  }
  return trail.empty() ? tree_.root() : trail.back().next;
}

}  // namespace vmkit::rootfs
