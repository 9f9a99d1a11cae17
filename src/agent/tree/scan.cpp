// SPDX-License-Identifier: Apache-2.0
#include "agent/tree/scan.hpp"

#include <algorithm>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <map>
#include <memory>
#include <unistd.h>
#include <utility>

#include "agent/tree/format.hpp"
#include "agent/tree/path_error.hpp"
#include "os/attributes.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::agent::tree {
namespace {

FileTime file_time(const timespec& time) {
  return {time.tv_sec, static_cast<std::uint32_t>(time.tv_nsec)};
}

FileKind kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return FileKind::directory;
  if (S_ISLNK(mode)) return FileKind::symlink;
  if (S_ISCHR(mode)) return FileKind::character_device;
  if (S_ISBLK(mode)) return FileKind::block_device;
  if (S_ISFIFO(mode)) return FileKind::fifo;
  if (S_ISSOCK(mode)) return FileKind::socket;
  return FileKind::regular;
}

class Scan {
 public:
  Scan(TreeWriter& writer, const ScanOptions& options,
       const std::function<void(std::uint64_t)>& on_bytes)
      : writer_(writer), options_(options), on_bytes_(on_bytes), buffer_(max_data) {}

  void root(const ScanRoot& root) {
    device_ = root.status.st_dev;
    TreeEntry entry = describe(root.status);
    entry.link_target = root.link_target;
    if (root.fd) add_xattrs(entry, os::read_attributes(root.fd.get()));
    add(entry, root.status);
    if (entry.kind == FileKind::regular) {
      data(entry, root.fd.get());
    } else if (entry.kind == FileKind::directory && options_.depth > 0) {
      os::Descriptor folder(::openat(root.fd.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (!folder) fail_path(errno, "open the folder", entry.path);
      children(std::move(folder), "", 1);
    }
  }

  Scanned result;

 private:
  void children(os::Descriptor folder, const std::string& path, unsigned depth);
  void child(int folder, const std::string& path, const char* name, unsigned depth);
  void regular(int folder, const char* name, TreeEntry entry);
  void directory(int folder, const char* name, TreeEntry entry, dev_t device, unsigned depth);
  void special(int folder, const char* name, TreeEntry entry, const struct stat& status);
  void data(const TreeEntry& entry, int fd);
  bool piece(const TreeEntry& entry, int fd, std::uint64_t from, std::uint64_t to);
  void add_xattrs(TreeEntry& entry, std::vector<os::ExtendedAttribute> attributes) const;
  bool add_as_link(TreeEntry& entry, const struct stat& status);
  void add(const TreeEntry& entry, const struct stat& status);
  void notice(const std::string& path, const std::string& what) { writer_.notice({path, what}); }

  TreeWriter& writer_;
  const ScanOptions& options_;
  const std::function<void(std::uint64_t)>& on_bytes_;
  std::vector<std::byte> buffer_;
  dev_t device_ = 0;
  std::map<std::pair<dev_t, ino_t>, std::string> linked_;  // with names that may come still
};

void Scan::add(const TreeEntry& entry, const struct stat& status) {
  on_bytes_(0);
  writer_.add(entry);
  ++result.entries;
  if (entry.kind != FileKind::directory && status.st_nlink > 1) {
    linked_.try_emplace({status.st_dev, status.st_ino}, entry.path);
  }
}

bool Scan::add_as_link(TreeEntry& entry, const struct stat& status) {
  if (status.st_nlink < 2 || entry.kind == FileKind::directory) return false;
  const auto found = linked_.find({status.st_dev, status.st_ino});
  // A list has no data that could be shared: there each name is told with all that it has.
  if (found == linked_.end() || !options_.data) return false;
  entry.kind = FileKind::hard_link;
  entry.size = 0;
  entry.link_target = found->second;
  add(entry, status);
  return true;
}

void Scan::add_xattrs(TreeEntry& entry, std::vector<os::ExtendedAttribute> attributes) const {
  for (auto& attribute : attributes) {
    if (!options_.all_xattrs && !attribute.name.starts_with("user.")) continue;
    entry.xattrs.push_back({std::move(attribute.name), std::move(attribute.value)});
  }
}

void Scan::children(os::Descriptor folder, const std::string& path, unsigned depth) {
  if (depth > options_.depth) return;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::fdopendir(folder.get()), ::closedir);
  if (!directory) fail_path(errno, "read the folder", path);
  const int fd = folder.release();  // the DIR's
  errno = 0;
  while (const dirent* found = ::readdir(directory.get())) {
    const std::string_view name = found->d_name;
    if (name != "." && name != "..") {
      child(fd, path.empty() ? std::string(name) : path + "/" + std::string(name), found->d_name,
            depth);
    }
    errno = 0;
  }
  if (errno != 0) fail_path(errno, "read the folder", path);
}

void Scan::child(int folder, const std::string& path, const char* name, unsigned depth) {
  struct stat status;
  if (::fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno != ENOENT) fail_path(errno, "look at", path);
    return notice(path, "it was removed meanwhile");
  }
  TreeEntry entry = describe(status);
  entry.path = path;
  if (add_as_link(entry, status)) return;
  switch (entry.kind) {
    case FileKind::regular:
      if (!options_.data) return add(entry, status);
      return regular(folder, name, std::move(entry));
    case FileKind::directory:
      if (!options_.data && depth >= options_.depth) return add(entry, status);
      return directory(folder, name, std::move(entry), status.st_dev, depth);
    default:
      return special(folder, name, std::move(entry), status);
  }
}

void Scan::regular(int folder, const char* name, TreeEntry entry) {
  // Not blocking: in the meantime it may have become a fifo.
  const os::Descriptor fd(
      ::openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat status;
  if (!fd || ::fstat(fd.get(), &status) != 0) {
    if (errno != ENOENT && errno != ELOOP && errno != ENXIO) fail_path(errno, "open", entry.path);
    return notice(entry.path, "it was removed or replaced meanwhile");
  }
  if (!S_ISREG(status.st_mode)) return notice(entry.path, "it was replaced meanwhile");
  std::string path = std::move(entry.path);
  entry = describe(status);
  entry.path = std::move(path);
  if (add_as_link(entry, status)) return;
  add_xattrs(entry, os::read_attributes(fd.get()));
  add(entry, status);
  data(entry, fd.get());
}

void Scan::directory(int folder, const char* name, TreeEntry entry, dev_t device, unsigned depth) {
  // With depth + 1 as the number of folders that are open then, the root's included.
  if (depth >= max_depth) {
    throw Error(Errc::failed_precondition, shown(entry.path) + ": expected at most " +
                                               std::to_string(max_depth) +
                                               " folders one in another, found more");
  }
  os::Descriptor fd(::openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat status;
  if (!fd || ::fstat(fd.get(), &status) != 0) {
    if (errno != ENOENT && errno != ELOOP && errno != ENOTDIR) {
      fail_path(errno, "open the folder", entry.path);
    }
    return notice(entry.path, "it was removed or replaced meanwhile");
  }
  if (options_.data) add_xattrs(entry, os::read_attributes(fd.get()));
  add(entry, status);
  if (options_.data && device != device_ && os::is_kernel_file_system(fd.get())) {
    return notice(entry.path, "not entered: the kernel's own file system");
  }
  children(std::move(fd), entry.path, depth + 1);
}

void Scan::special(int folder, const char* name, TreeEntry entry, const struct stat& status) {
  if (entry.kind == FileKind::symlink) {
    entry.link_target.resize(max_target + 1);
    const ssize_t size =
        ::readlinkat(folder, name, entry.link_target.data(), entry.link_target.size());
    if (size <= 0 || static_cast<std::size_t>(size) > max_target) {
      return notice(entry.path, "it was removed or replaced meanwhile");
    }
    entry.link_target.resize(static_cast<std::size_t>(size));
  } else if (entry.kind == FileKind::socket && options_.data) {
    return notice(entry.path, "a socket is not copied");
  }
  if (options_.data && options_.all_xattrs) add_xattrs(entry, os::read_attributes(folder, name));
  add(entry, status);
}

void Scan::data(const TreeEntry& entry, int fd) {
  if (!options_.data) return;
  const auto size = static_cast<off_t>(entry.size);
  for (off_t at = 0; at < size;) {
    const off_t begin = ::lseek(fd, at, SEEK_DATA);
    if (begin < 0 && errno == ENXIO) {  // only a hole is left
      struct stat status;
      if (::fstat(fd, &status) == 0 && status.st_size < size) {
        notice(entry.path, "it became shorter meanwhile");
      }
      return;
    }
    if (begin < 0) {  // a file system that cannot tell
      piece(entry, fd, static_cast<std::uint64_t>(at), entry.size);
      return;
    }
    const off_t end = std::min(::lseek(fd, begin, SEEK_HOLE), size);
    if (end <= begin) return;
    if (!piece(entry, fd, static_cast<std::uint64_t>(begin), static_cast<std::uint64_t>(end))) {
      return;
    }
    at = end;
  }
}

bool Scan::piece(const TreeEntry& entry, int fd, std::uint64_t from, std::uint64_t to) {
  while (from < to) {
    const ssize_t count =
        ::pread(fd, buffer_.data(), std::min<std::uint64_t>(buffer_.size(), to - from),
                static_cast<off_t>(from));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_path(errno, "read", entry.path);
    if (count == 0) {
      notice(entry.path, "it became shorter meanwhile");
      return false;
    }
    writer_.write(from, std::span(buffer_).first(static_cast<std::size_t>(count)));
    result.bytes += static_cast<std::uint64_t>(count);
    on_bytes_(static_cast<std::uint64_t>(count));
    from += static_cast<std::uint64_t>(count);
  }
  return true;
}

}  // namespace

TreeEntry describe(const struct stat& status) {
  TreeEntry entry;
  entry.kind = kind_of(status.st_mode);
  entry.permissions = static_cast<std::uint16_t>(status.st_mode & 07777);
  entry.uid = status.st_uid;
  entry.gid = status.st_gid;
  entry.modified = file_time(os::modification_time(status));
  entry.accessed = file_time(os::access_time(status));
  if (entry.kind == FileKind::regular) entry.size = static_cast<std::uint64_t>(status.st_size);
  if (entry.kind == FileKind::character_device || entry.kind == FileKind::block_device) {
    const auto number = os::device_number(status.st_rdev);
    entry.device_major = number.major;
    entry.device_minor = number.minor;
  }
  return entry;
}

Scanned scan(const ScanRoot& root, TreeWriter& writer, const ScanOptions& options,
             const std::function<void(std::uint64_t)>& on_bytes) {
  Scan scan(writer, options, on_bytes);
  scan.root(root);
  return scan.result;
}

}  // namespace vmkit::agent::tree
