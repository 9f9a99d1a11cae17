// SPDX-License-Identifier: Apache-2.0
#include "unit/rootfs/disk_listing.hpp"

#include <cinttypes>
#include <doctest/doctest.h>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "support/e2fsck.hpp"

namespace vmkit::test {
namespace {

constexpr unsigned type_mask = 0170000;
constexpr unsigned folder_type = 0040000;
constexpr unsigned regular_type = 0100000;
constexpr unsigned symlink_type = 0120000;

/// What follows `key` in `text`, up to the end of the line.
std::string after(const std::string& text, const std::string& key) {
  const std::size_t at = text.find(key);
  if (at == std::string::npos) throw std::runtime_error("no " + key + " in " + text);
  const std::size_t start = at + key.size();
  return text.substr(start, text.find('\n', start) - start);
}

struct ListedName {
  std::string name;
  ListedFile file;
};

/// A line of `ls -p`: /INODE/MODE/UID/GID/NAME/SIZE/.
bool parse(const std::string& line, ListedName& result) {
  char name[256];
  ListedFile& file = result.file;
  if (std::sscanf(line.c_str(), "/%u/%o/%u/%u/%255[^/]/", &file.inode, &file.mode, &file.uid,
                  &file.gid, name) != 5) {
    return false;
  }
  result.name = name;
  return result.name != "." && result.name != "..";
}

}  // namespace

UnpackedDisk::UnpackedDisk(const std::vector<rootfs::Layer>& layers,
                           const rootfs::UnpackOptions& options)
    : folder_(std::filesystem::temp_directory_path(), "vmkit-rootfs"),
      path_(folder_.path() / "disk.ext4"),
      result_(rootfs::unpack(layers, path_, options)) {
  if (!have_e2fsprogs()) throw std::runtime_error("these tests need e2fsprogs");
  CHECK(e2fsck_complaints(path_.string()) == "");
  std::vector<std::pair<std::string, unsigned>> folders{{"", 2}};
  while (!folders.empty()) {
    const auto [path, inode] = folders.back();
    folders.pop_back();
    std::istringstream lines(debugfs("ls -p <" + std::to_string(inode) + ">"));
    ListedName listed;
    for (std::string line; std::getline(lines, line);) {
      if (!parse(line, listed)) continue;
      if (inode == 2 && listed.name == "lost+found") continue;
      const std::string full = path.empty() ? listed.name : path + "/" + listed.name;
      files_[full] = listed.file;
      if ((listed.file.mode & type_mask) == folder_type) {
        folders.emplace_back(full, listed.file.inode);
      }
    }
  }
}

std::string UnpackedDisk::names() const {
  std::string all;
  for (const auto& [path, file] : files_) {
    if (!all.empty()) all += ' ';
    all += path;
    const unsigned type = file.mode & type_mask;
    if (type == folder_type) {
      all += '/';
    } else if (type == symlink_type) {
      all += '@';
    } else if (type != regular_type) {
      all += '!';
    }
  }
  return all;
}

std::string UnpackedDisk::owner(const std::string& path) const {
  std::ostringstream text;
  const ListedFile& file = files_.at(path);
  text << '0' << std::oct << (file.mode & 07777) << std::dec << ' ' << file.uid << ':' << file.gid;
  return text.str();
}

std::string UnpackedDisk::content(const std::string& path) const {
  return debugfs("cat <" + std::to_string(files_.at(path).inode) + ">");
}

std::string UnpackedDisk::symlink_target(const std::string& path) const {
  const std::string line = after(stat(path), "Fast link dest: \"");
  return line.substr(0, line.size() - 1);
}

std::string UnpackedDisk::mtime(const std::string& path) const {
  std::uint32_t low = 0;
  std::uint32_t extra = 0;
  if (std::sscanf(after(stat(path), " mtime: ").c_str(), "0x%" SCNx32 ":%" SCNx32, &low, &extra) !=
      2) {
    throw std::runtime_error("no mtime of " + path);
  }
  const std::int64_t seconds =
      static_cast<std::int32_t>(low) + (static_cast<std::int64_t>(extra & 3) << 32);
  return std::to_string(seconds) + "." + std::to_string(extra >> 2);
}

unsigned UnpackedDisk::links(const std::string& path) const {
  return static_cast<unsigned>(std::stoul(after(stat(path), "Links: ")));
}

std::string UnpackedDisk::stat(const std::string& path) const {
  const unsigned inode = path.empty() ? 2 : files_.at(path).inode;
  return debugfs("stat <" + std::to_string(inode) + ">");
}

std::string UnpackedDisk::debugfs(const std::string& request) const {
  return test::debugfs(path_.string(), request);
}

}  // namespace vmkit::test
