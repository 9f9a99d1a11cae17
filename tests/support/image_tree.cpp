// SPDX-License-Identifier: Apache-2.0
#include "support/image_tree.hpp"

#include <filesystem>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string_view>

#include <vmkit/base/digest.hpp>

namespace vmkit::test {
namespace {

using ext4::FileStatus;
using ext4::FileType;
using ext4::Inode;

unsigned type_bits_of(FileType type) {
  switch (type) {
    case FileType::fifo:
      return 0010000;
    case FileType::character_device:
      return 0020000;
    case FileType::directory:
      return 0040000;
    case FileType::block_device:
      return 0060000;
    case FileType::regular:
      return 0100000;
    case FileType::symlink:
      return 0120000;
    case FileType::socket:
      return 0140000;
  }
  return 0;
}

std::string hex_of(std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string result;
  for (const char c : text) {
    result += digits[static_cast<unsigned char>(c) >> 4];
    result += digits[c & 15];
  }
  return result;
}

void collect(ext4::Reader& reader, Inode folder, const std::filesystem::path& path,
             std::map<std::filesystem::path, Inode>& all, unsigned depth) {
  if (depth > 300) throw std::runtime_error("folders go round in a circle");
  reader.for_each_entry(folder, [&](std::string_view name, Inode inode) {
    if (path.empty() && name == "lost+found") return;
    if (!all.emplace(path / name, inode).second) throw std::runtime_error("a name twice");
    if (reader.stat(inode).type == FileType::directory) {
      collect(reader, inode, path / name, all, depth + 1);
    }
  });
}

}  // namespace

std::string content_of(ext4::Reader& reader, Inode file) {
  std::string content(reader.stat(file).size, '\0');
  const auto bytes = std::as_writable_bytes(std::span(content));
  // In odd pieces, so that they begin and end anywhere.
  for (std::size_t at = 0, step = 70'001; at < bytes.size();) {
    const std::size_t count =
        reader.read(file, at, bytes.subspan(at, std::min(step, bytes.size() - at)));
    if (count == 0) throw std::runtime_error("a file ends early");
    at += count;
  }
  return content;
}

std::vector<std::string> describe_image(ext4::Reader& reader) {
  std::map<std::filesystem::path, Inode> all{{".", reader.root()}};
  collect(reader, reader.root(), {}, all, 0);
  std::map<Inode, std::string> first_names;
  std::vector<std::string> lines;
  for (const auto& [path, inode] : all) {
    const FileStatus status = reader.stat(inode);
    const std::string first = first_names.try_emplace(inode, path.string()).first->second;
    std::ostringstream line;
    line << path.string() << std::oct
         << " mode=" << (type_bits_of(status.type) | status.attributes.permissions) << std::dec
         << " owner=" << status.attributes.uid << ':' << status.attributes.gid
         << " mtime=" << status.attributes.mtime.seconds << '.'
         << status.attributes.mtime.nanoseconds;
    if (status.type != FileType::directory) {
      line << " size=" << status.size << " links=" << status.links << " first=" << first;
    }
    if (status.type == FileType::character_device || status.type == FileType::block_device) {
      line << " device=" << status.device.major << ':' << status.device.minor;
    }
    for (const ext4::Xattr& xattr : reader.xattrs(inode)) {
      line << ' ' << xattr.name << '=' << hex_of(xattr.value);
    }
    if (status.type == FileType::symlink) line << " -> " << reader.symlink_target(inode);
    if (status.type == FileType::regular) {
      line << ' ' << digest_of(content_of(reader, inode)).hex().substr(0, 16);
    }
    lines.push_back(line.str());
  }
  return lines;
}

std::vector<std::string> tree_of(BlockDevice& device) {
  ext4::Reader reader = ext4::Reader::open(device);
  return describe_image(reader);
}

}  // namespace vmkit::test
