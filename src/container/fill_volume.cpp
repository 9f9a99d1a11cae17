// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "container/volume_lock.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/disk/image_file.hpp>
#include <vmkit/ext4/filesystem.hpp>
#include <vmkit/ext4/reader.hpp>

namespace vmkit::container {
namespace {

using Access = disk::ImageFile::Access;

bool has_nothing(const std::filesystem::path& path) {
  disk::ImageFile image = disk::ImageFile::open(path, Access::read_only);
  ext4::Reader reader = ext4::Reader::open(image);
  const auto content = reader.lookup(reader.root(), volume_content);
  bool empty = true;
  if (content)
    reader.for_each_entry(*content, [&](std::string_view, ext4::Inode) { empty = false; });
  return empty;
}

/// Copies a tree of one file system into a folder of another.
class TreeCopy {
 public:
  TreeCopy(ext4::Reader& from, ext4::Filesystem& to, const CallOptions& options)
      : from_(from), to_(to), options_(options), buffer_(256 * 1024) {}

  void copy(ext4::Inode source, ext4::Inode target) {
    to_.set_attributes(target, from_.stat(source).attributes);
    to_.set_xattrs(target, from_.xattrs(source));
    std::vector<std::pair<ext4::Inode, ext4::Inode>> folders{{source, target}};
    while (!folders.empty()) {
      const auto [folder, copy] = folders.back();
      folders.pop_back();
      if (!seen_.insert(folder).second) {
        throw Error(Errc::data_corruption, "fill a volume: a folder of the image has two names");
      }
      std::vector<std::pair<std::string, ext4::Inode>> entries;
      from_.for_each_entry(folder, [&](std::string_view name, ext4::Inode inode) {
        entries.emplace_back(name, inode);
      });
      std::sort(entries.begin(), entries.end());
      for (const auto& [name, inode] : entries) {
        options_.check("fill a volume");
        if (const auto made = copy_entry(inode, copy, name)) folders.emplace_back(inode, *made);
      }
    }
  }

 private:
  /// The new folder, if it is one.
  std::optional<ext4::Inode> copy_entry(ext4::Inode source, ext4::Inode parent,
                                        const std::string& name) {
    const ext4::FileStatus status = from_.stat(source);
    if (status.type == ext4::FileType::directory) {
      const ext4::Inode made = to_.make_directory(parent, name, status.attributes);
      to_.set_xattrs(made, from_.xattrs(source));
      return made;
    }
    if (const auto known = links_.find(source); known != links_.end()) {
      to_.link(parent, name, known->second);
      return std::nullopt;
    }
    ext4::Inode made{};
    if (status.type == ext4::FileType::symlink) {
      made = to_.make_symlink(parent, name, from_.symlink_target(source), status.attributes);
    } else if (status.type == ext4::FileType::regular) {
      made = copy_file(source, parent, name, status.attributes);
    } else {
      made = to_.make_special(parent, name, status.type, status.device, status.attributes);
    }
    to_.set_xattrs(made, from_.xattrs(source));
    if (status.links > 1) links_.emplace(source, made);
    return std::nullopt;
  }

  ext4::Inode copy_file(ext4::Inode source, ext4::Inode parent, const std::string& name,
                        const ext4::Attributes& attributes) {
    ext4::FileWriter writer = to_.make_file(parent, name, attributes);
    from_.for_each_extent(source, [&](const ext4::FileExtent& extent) {
      using Kind = ext4::FileExtent::Kind;
      if (extent.kind == Kind::hole || extent.kind == Kind::unwritten) {
        writer.skip(extent.length);
        return true;
      }
      for (std::uint64_t done = 0; done < extent.length;) {
        options_.check("fill a volume");
        const auto piece = std::span(buffer_).first(static_cast<std::size_t>(
            std::min<std::uint64_t>(buffer_.size(), extent.length - done)));
        const std::size_t count = from_.read(source, extent.offset + done, piece);
        if (count == 0) throw Error(Errc::data_corruption, "fill a volume: a file ends too early");
        writer.write(piece.first(count));
        done += count;
      }
      return true;
    });
    writer.finish();
    return writer.inode();
  }

  ext4::Reader& from_;
  ext4::Filesystem& to_;
  const CallOptions& options_;
  std::vector<std::byte> buffer_;
  std::set<ext4::Inode> seen_;                // folders
  std::map<ext4::Inode, ext4::Inode> links_;  // files with more than one name
};

}  // namespace

void fill_volume(const std::filesystem::path& image, const std::filesystem::path& disk,
                 const std::string& folder, const CallOptions& options) {
  if (!has_nothing(image)) return;
  disk::ImageFile source_image = disk::ImageFile::open(disk, Access::read_only);
  ext4::Reader source = ext4::Reader::open(source_image);
  const auto from = source.resolve(folder);
  if (!from || source.stat(*from).type != ext4::FileType::directory) return;
  disk::ImageFile target_image = disk::ImageFile::open(image, Access::read_write);
  ext4::Filesystem target = ext4::Filesystem::open(target_image);
  const auto to = target.lookup(target.root(), volume_content);
  if (!to) {
    throw Error(Errc::data_corruption, image.string() + ": expected the folder \"" +
                                           volume_content + "\" of a volume, found none");
  }
  TreeCopy(source, target, options).copy(*from, *to);
  target.commit(options);
}

}  // namespace vmkit::container
