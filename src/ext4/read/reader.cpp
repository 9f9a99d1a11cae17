// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <utility>

#include "ext4/format/format.hpp"
#include "ext4/path_walk.hpp"
#include "ext4/read/block_source.hpp"
#include "ext4/read/corrupt.hpp"
#include "ext4/read/directory.hpp"
#include "ext4/read/file_data.hpp"
#include "ext4/read/file_map.hpp"
#include "ext4/read/htree_lookup.hpp"
#include "ext4/read/inode.hpp"
#include "ext4/read/open_image.hpp"
#include "ext4/read/xattr_area.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/ext4/reader.hpp>

namespace vmkit::ext4 {
namespace {

/// An inode with the record that it views.
struct LoadedInode {
  std::array<std::byte, largest_block> record;
  InodeRecord inode;
};

const char* type_name(FileType type) {
  switch (type) {
    case FileType::regular:
      return "regular file";
    case FileType::directory:
      return "folder";
    case FileType::symlink:
      return "symlink";
    default:
      return "special file";
  }
}

ImageInfo info_of(const OpenImage& image) {
  const Volume& volume = image.volume();
  ImageInfo info;
  info.size = ByteSize(volume.blocks * volume.block_size);
  info.block_size = ByteSize(volume.block_size);
  info.uuid = volume.uuid;
  info.label = volume.label;
  info.features = feature_names(volume.features);
  info.inodes = volume.inodes;
  info.free_blocks = volume.free_blocks;
  info.free_inodes = volume.free_inodes;
  info.journal_replayed = image.journal_replayed();
  info.clean = volume.unmounted;
  return info;
}

}  // namespace

struct Reader::Impl : PathTree {
  Impl(BlockDevice& device, const ReaderOptions& options)
      : image(device, options.replay_journal ? JournalPolicy::replay : JournalPolicy::refuse),
        source(image.device(), image.volume()),
        info(info_of(image)) {
    LoadedInode loaded;
    load(Inode{root_ino}, loaded);
    if (loaded.inode.type != FileType::directory) {
      throw_corrupt({root_ino, 0}, "the root is no folder");
    }
  }

  void load(Inode number, LoadedInode& loaded) {
    const auto ino = static_cast<std::uint32_t>(number);
    if (ino == 0 || ino > image.volume().inodes) {
      throw Error(Errc::invalid_argument, "ext4 inode " + std::to_string(ino) + ": expected 1 to " +
                                              std::to_string(image.volume().inodes));
    }
    loaded.inode = read_inode(source, ino, loaded.record);
  }

  void load(Inode number, FileType type, LoadedInode& loaded) {
    load(number, loaded);
    if (loaded.inode.type != type) {
      throw Error(Errc::invalid_argument, "ext4 inode " + std::to_string(loaded.inode.ino) +
                                              " is a " + type_name(loaded.inode.type) +
                                              ", expected a " + type_name(type));
    }
  }

  std::optional<Inode> find(const InodeRecord& folder, std::string_view name) {
    if (name == "." || name == "..") return std::nullopt;
    std::optional<Inode> found;
    if (const auto answer = look_up(source, folder, name)) {
      if (answer->ino) found = Inode{*answer->ino};
      return found;
    }
    walk_directory(source, folder, [&](const DirectoryEntry& entry) {
      if (entry.name != name) return true;
      found = Inode{entry.ino};
      return false;
    });
    return found;
  }

  bool is_directory(Inode number) override {
    LoadedInode loaded;
    load(number, loaded);
    return loaded.inode.type == FileType::directory;
  }

  std::optional<Inode> find(Inode folder, const std::string& name) override {
    LoadedInode loaded;
    load(folder, loaded);
    return find(loaded.inode, name);
  }

  std::optional<std::string> symlink_target(Inode number) override {
    LoadedInode loaded;
    load(number, loaded);
    if (loaded.inode.type != FileType::symlink) return std::nullopt;
    return read_symlink(source, loaded.inode);
  }

  OpenImage image;
  BlockSource source;
  ImageInfo info;
};

Reader Reader::open(BlockDevice& device, const ReaderOptions& options) {
  return Reader(std::make_unique<Impl>(device, options));
}

Reader::Reader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Reader::Reader(Reader&&) noexcept = default;
Reader& Reader::operator=(Reader&&) noexcept = default;
Reader::~Reader() = default;

const ImageInfo& Reader::info() const {
  return impl_->info;
}

Inode Reader::root() const {
  return Inode{root_ino};
}

std::optional<Inode> Reader::lookup(Inode folder, std::string_view name) {
  LoadedInode loaded;
  impl_->load(folder, FileType::directory, loaded);
  return impl_->find(loaded.inode, name);
}

std::optional<Inode> Reader::resolve(std::string_view path, LastSymlink last) {
  return PathWalk(*impl_, root()).resolve(path, last);
}

FileStatus Reader::stat(Inode inode) {
  LoadedInode loaded;
  impl_->load(inode, loaded);
  const InodeRecord& record = loaded.inode;
  FileStatus status;
  status.type = record.type;
  status.attributes = record.attributes;
  status.size = record.size;
  status.links = record.links;
  status.allocated = ByteSize(record.sectors * 512);
  status.device = record.device();
  status.created = record.created;
  return status;
}

void Reader::for_each_entry(Inode folder,
                            const std::function<void(std::string_view name, Inode inode)>& visit) {
  LoadedInode loaded;
  impl_->load(folder, FileType::directory, loaded);
  walk_directory(impl_->source, loaded.inode, [&](const DirectoryEntry& entry) {
    if (!entry.is_dot()) visit(entry.name, Inode{entry.ino});
    return true;
  });
}

std::string Reader::symlink_target(Inode symlink) {
  LoadedInode loaded;
  impl_->load(symlink, FileType::symlink, loaded);
  return read_symlink(impl_->source, loaded.inode);
}

std::vector<Xattr> Reader::xattrs(Inode inode) {
  LoadedInode loaded;
  impl_->load(inode, loaded);
  return read_xattrs(impl_->source, loaded.inode);
}

void Reader::for_each_extent(Inode file,
                             const std::function<bool(const FileExtent& extent)>& visit) {
  using Kind = FileExtent::Kind;
  LoadedInode loaded;
  impl_->load(file, FileType::regular, loaded);
  const InodeRecord& inode = loaded.inode;
  if (inode.has(inode_flag_inline_data)) {
    if (inode.size > 0) visit({Kind::in_inode, 0, inode.size, 0});
    return;
  }
  const std::uint64_t size = impl_->image.volume().block_size;
  std::uint64_t done = 0;
  bool enough = false;
  walk_file(impl_->source, inode, 0, [&](const MappedBlocks& piece) {
    const std::uint64_t begin = piece.logical * size;
    if (begin >= inode.size) return false;
    if (begin > done) enough = !visit({Kind::hole, done, begin - done, 0});
    if (enough) return false;
    done = std::min(begin + piece.length * size, inode.size);
    enough = !visit({piece.unwritten ? Kind::unwritten : Kind::data, begin, done - begin,
                     piece.physical * size});
    return !enough && done < inode.size;
  });
  if (!enough && done < inode.size) visit({Kind::hole, done, inode.size - done, 0});
}

std::size_t Reader::read(Inode file, std::uint64_t offset, std::span<std::byte> buffer) {
  LoadedInode loaded;
  impl_->load(file, FileType::regular, loaded);
  return read_file(impl_->source, loaded.inode, offset, buffer);
}

}  // namespace vmkit::ext4
