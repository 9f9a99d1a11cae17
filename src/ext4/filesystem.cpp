// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "ext4/commit/first_commit.hpp"
#include "ext4/commit/update.hpp"
#include "ext4/file_writer_impl.hpp"
#include "ext4/path_walk.hpp"
#include "ext4/resize/resizer.hpp"
#include "ext4/tree/file_content.hpp"
#include "ext4/tree/state.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/ext4/filesystem.hpp>

namespace vmkit::ext4 {

struct Filesystem::Impl : State, PathTree {
  using State::State;

  bool is_directory(Inode inode) override { return node(inode).type == FileType::directory; }
  std::optional<Inode> find(Inode folder, const std::string& name) override {
    const NameIndex::Entry* entry = directory(folder).names.find(name);
    if (entry == nullptr) return std::nullopt;
    return Inode{entry->ino};
  }
  std::optional<std::string> symlink_target(Inode inode) override {
    const auto* symlink = std::get_if<Symlink>(&node(inode).content);
    if (symlink == nullptr) return std::nullopt;
    return symlink->target;
  }
};

Filesystem::Filesystem(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Filesystem::Filesystem(Filesystem&&) noexcept = default;
Filesystem& Filesystem::operator=(Filesystem&&) noexcept = default;
Filesystem::~Filesystem() = default;

Filesystem Filesystem::format(BlockDevice& device, const FormatOptions& options) {
  return Filesystem(std::make_unique<Impl>(device, options));
}

Filesystem Filesystem::open(BlockDevice& device) {
  return Filesystem(std::make_unique<Impl>(device));
}

Inode Filesystem::root() const {
  return Inode{root_ino};
}

std::optional<Inode> Filesystem::lookup(Inode directory, std::string_view name) const {
  const NameIndex::Entry* entry = impl_->directory(directory).names.find(name);
  if (entry == nullptr) return std::nullopt;
  return Inode{entry->ino};
}

FileType Filesystem::type(Inode inode) const {
  return impl_->node(inode).type;
}

Attributes Filesystem::attributes(Inode inode) const {
  return impl_->node(inode).attributes();
}

std::uint32_t Filesystem::link_count(Inode inode) const {
  return impl_->node(inode).links;
}

std::string_view Filesystem::symlink_target(Inode symlink) const {
  if (const auto* link = std::get_if<Symlink>(&impl_->node(symlink).content)) return link->target;
  throw Error(Errc::invalid_argument,
              "inode " + std::to_string(static_cast<std::uint32_t>(symlink)) + " is no symlink");
}

void Filesystem::for_each_entry(
    Inode directory, const std::function<void(std::string_view name, Inode inode)>& visit) const {
  impl_->directory(directory).names.for_each(
      [&](const NameIndex::Entry& entry) { visit(entry.name(), Inode{entry.ino}); });
}

std::uint64_t Filesystem::size(Inode inode) const {
  const Node& node = impl_->node(inode);
  if (const auto* file = std::get_if<RegularFile>(&node.content)) return file->size;
  const auto* symlink = std::get_if<Symlink>(&node.content);
  return symlink != nullptr ? symlink->target.size() : 0;
}

DeviceNumber Filesystem::device(Inode inode) const {
  const auto* device = std::get_if<DeviceNumber>(&impl_->node(inode).content);
  return device != nullptr ? *device : DeviceNumber();
}

std::size_t Filesystem::read(Inode inode, std::uint64_t offset, std::span<std::byte> buffer) const {
  const auto* file = std::get_if<RegularFile>(&impl_->node(inode).content);
  if (file == nullptr) {
    throw Error(
        Errc::invalid_argument,
        "inode " + std::to_string(static_cast<std::uint32_t>(inode)) + " is no regular file");
  }
  return read_content(*impl_, *file, offset, buffer);
}

std::optional<Inode> Filesystem::resolve(std::string_view path, LastSymlink last) const {
  return PathWalk(*impl_, root()).resolve(path, last);
}

Inode Filesystem::make_directory(Inode parent, std::string_view name,
                                 const Attributes& attributes) {
  return impl_->add(parent, name, FileType::directory, attributes,
                    directory_promise(Directory(), 0));
}

Inode Filesystem::make_symlink(Inode parent, std::string_view name, std::string_view target,
                               const Attributes& attributes) {
  if (target.empty() || target.size() >= block_size ||
      target.find('\0') != std::string_view::npos) {
    throw Error(Errc::invalid_argument, "symlink target of " + std::to_string(target.size()) +
                                            " bytes: expected 1 to 4095 without NUL");
  }
  Symlink symlink{std::string(target)};
  const Inode inode = impl_->add(parent, name, FileType::symlink, attributes, symlink.blocks());
  impl_->node(inode).content = std::move(symlink);
  return inode;
}

Inode Filesystem::make_special(Inode parent, std::string_view name, FileType type,
                               DeviceNumber device, const Attributes& attributes) {
  const bool is_device = type == FileType::character_device || type == FileType::block_device;
  if (!is_device && type != FileType::fifo && type != FileType::socket) {
    throw Error(Errc::invalid_argument, "special file: expected a device, fifo or socket");
  }
  if (is_device && (device.major >= 1 << 12 || device.minor >= 1 << 20)) {
    throw Error(Errc::invalid_argument, "device number " + std::to_string(device.major) + ":" +
                                            std::to_string(device.minor) +
                                            ": expected below 4096:1048576");
  }
  const Inode inode = impl_->add(parent, name, type, attributes, 0);
  if (is_device) impl_->node(inode).content = device;
  return inode;
}

FileWriter Filesystem::make_file(Inode parent, std::string_view name,
                                 const Attributes& attributes) {
  if (impl_->writer != nullptr) {
    throw Error(Errc::failed_precondition, "another file's writer is not finished");
  }
  auto writer = std::make_unique<FileWriter::Impl>();
  const Inode inode = impl_->add(parent, name, FileType::regular, attributes, 0);
  impl_->node(inode).content = RegularFile();
  OpenFile::begin(*writer, *impl_, inode, true);
  return FileWriter(std::move(writer));
}

FileWriter Filesystem::replace_content(Inode file) {
  return open_writer(file, true);
}

FileWriter Filesystem::append_to(Inode file) {
  return open_writer(file, false);
}

FileWriter Filesystem::open_writer(Inode file, bool anew) {
  impl_->check_open();
  if (impl_->writer != nullptr) {
    throw Error(Errc::failed_precondition, "another file's writer is not finished");
  }
  auto writer = std::make_unique<FileWriter::Impl>();
  OpenFile::begin(*writer, *impl_, file, anew);
  return FileWriter(std::move(writer));
}

Inode Filesystem::make_directories(std::string_view path, const Attributes& attributes) {
  impl_->check_open();
  return PathWalk(*impl_, root())
      .make_directories(path, [&](Inode parent, const std::string& name) {
        return make_directory(parent, name, attributes);
      });
}

void Filesystem::link(Inode directory, std::string_view name, Inode target) {
  impl_->check_open();
  Node& node = impl_->node(target);
  Directory& into = impl_->directory(directory);
  if (node.type == FileType::directory) {
    throw Error(Errc::invalid_argument, "hard link to a directory");
  }
  check_new_name(into, name);
  impl_->change_content(static_cast<std::uint32_t>(directory));
  if (node.links >= max_links) {
    throw Error(Errc::unsupported, "hard link: its target has " + std::to_string(node.links) +
                                       " names, and ext4 allows no more");
  }
  impl_->add_name(into, name, static_cast<std::uint32_t>(target));
  ++node.links;
  node.changed = true;
}

void Filesystem::remove(Inode directory, std::string_view name) {
  impl_->check_open();
  Directory& from = impl_->directory(directory);
  const NameIndex::Entry* entry = from.names.find(name);
  if (entry == nullptr) throw_no_name(name);
  const std::uint32_t ino = entry->ino;
  impl_->change_content(static_cast<std::uint32_t>(directory));
  impl_->erase_name(from, name);
  impl_->release_name(directory, ino);
}

void Filesystem::rename(Inode from, std::string_view name, Inode to, std::string_view new_name) {
  impl_->check_open();
  impl_->rename(from, name, to, new_name);
}

void Filesystem::set_attributes(Inode inode, const Attributes& attributes) {
  impl_->check_open();
  check_permissions(attributes);
  Node& node = impl_->node(inode);
  node.set(attributes);
  node.changed = true;
}

void Filesystem::set_xattrs(Inode inode, std::vector<Xattr> xattrs) {
  impl_->check_open();
  Node& node = impl_->node(inode);
  impl_->set_xattrs(node, std::move(xattrs));
}

std::vector<Xattr> Filesystem::xattrs(Inode inode) const {
  const Node& node = impl_->node(inode);
  return node.xattrs ? node.xattrs->to_xattrs() : std::vector<Xattr>();
}

std::uint64_t Filesystem::inode_count() const {
  return impl_->nodes.count();
}

void Filesystem::commit(const CallOptions& options) {
  commit(CommitMode::atomic, options);
}

void Filesystem::commit(CommitMode mode, const CallOptions& options) {
  impl_->check_open();
  if (impl_->writer != nullptr) {
    throw Error(Errc::failed_precondition, "commit: a file's writer is not finished");
  }
  if (impl_->image) {
    Update update(*impl_, mode, options);
    update.check_room();
    impl_->closed = true;
    update.run();
  } else {
    impl_->closed = true;
    FirstCommit(*impl_, mode, options).run();
  }
  impl_->closed = false;
}

void Filesystem::resize(ByteSize size, CommitMode mode, const CallOptions& options) {
  impl_->check_open();
  if (!impl_->image || impl_->writer != nullptr) {
    throw Error(Errc::failed_precondition, impl_->image
                                               ? "resize: a file's writer is not finished"
                                               : "resize: the new file system is not committed");
  }
  Resizer resizer(*impl_, mode, options);
  resizer.check_size(size);
  impl_->closed = true;
  resizer.run(size);
  impl_->closed = false;
}

ByteSize Filesystem::least_size() const {
  if (!impl_->image) {
    throw Error(Errc::failed_precondition, "resize: the new file system is not committed");
  }
  return Resizer::least_size(*impl_);
}

}  // namespace vmkit::ext4
