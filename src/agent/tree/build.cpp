// SPDX-License-Identifier: Apache-2.0
#include "agent/tree/build.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "agent/tree/attributes.hpp"
#include "agent/tree/destination.hpp"
#include "agent/tree/format.hpp"
#include "agent/tree/path_error.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::agent::tree {
namespace {

class Build {
 public:
  Build(TreeReader& reader, const BuildRules& rules,
        const std::function<void(std::uint64_t)>& on_bytes)
      : reader_(reader), rules_(rules), on_bytes_(on_bytes) {}

  CopyResult run(const OpenPath& open, const std::string& destination) {
    const TreeEntry* entry = reader_.next();
    if (entry == nullptr) throw Error(Errc::data_corruption, "file transfer: no files in it");
    Destination target = find_destination(open, destination, entry->kind, rules_);
    count(*entry);
    Temporary temporary;
    if (target.existing) {
      levels_.push_back({std::move(target.existing), "", {}, false});
    } else {
      temporary.begin(target.folder.get());
      make(target.folder.get(), temporary.name(), *entry, true);
    }
    while ((entry = reader_.next()) != nullptr) {
      count(*entry);
      const auto parent = parent_of(entry->path);
      while (levels_.size() > 1 && levels_.back().path != parent) leave();
      add(*entry);
    }
    while (!levels_.empty()) leave();
    if (temporary.active()) temporary.rename_to(target.name, destination);
    result_.notices.left_out += reader_.notices().left_out;
    for (const CopyNotice& notice : reader_.notices().list) result_.notices.add(notice);
    return std::move(result_);
  }

 private:
  struct Level {
    os::Descriptor folder;
    std::string path;
    TreeEntry entry;
    bool made;  // by this copy: nothing is in it but what came
  };

  /// A name that goes with what it names, unless that is given its own.
  class Temporary {
   public:
    ~Temporary() {
      try {
        if (active()) remove_all(folder_, name_);
      } catch (const Error&) {
        // What cannot be removed stays, under a name that says what it is.
      }
    }
    void begin(int folder) {
      folder_ = folder;
      name_ = temporary_name();
    }
    bool active() const { return folder_ >= 0; }
    const std::string& name() const { return name_; }
    void rename_to(const std::string& name, const std::string& path) {
      if (::renameat(folder_, name_.c_str(), folder_, name.c_str()) != 0) {
        if (errno == EISDIR || errno == ENOTDIR || errno == ENOTEMPTY || errno == EEXIST) {
          throw Error(Errc::failed_precondition,
                      "copy to " + shown(path) + ": what is there is of another kind",
                      NativeError{ErrorDomain::posix, errno});
        }
        fail_path(errno, "rename to", path);
      }
      // Renaming one name of a file to another one of it does nothing at all.
      ::unlinkat(folder_, name_.c_str(), 0);
      folder_ = -1;
    }
    void skip() { folder_ = -1; }

   private:
    int folder_ = -1;
    std::string name_;
  };

  void count(const TreeEntry& entry) {
    on_bytes_(0);
    if (++result_.entries > rules_.max_entries) {
      throw Error(Errc::resource_exhausted, "copy " + shown(entry.path) + ": expected at most " +
                                                std::to_string(rules_.max_entries) +
                                                " files, found more");
    }
  }

  void notice(const TreeEntry& entry, std::string what) {
    result_.notices.add({entry.path, std::move(what)});
  }

  void add(const TreeEntry& entry);
  bool make(int folder, const std::string& name, const TreeEntry& entry, bool root);
  bool make_hard_link(int folder, const std::string& name, const TreeEntry& entry);
  bool make_special(int folder, const std::string& name, const TreeEntry& entry);
  void make_file(int folder, const std::string& name, const TreeEntry& entry);
  void leave();

  TreeReader& reader_;
  const BuildRules& rules_;
  const std::function<void(std::uint64_t)>& on_bytes_;
  std::vector<Level> levels_;
  CopyResult result_;
};

void Build::add(const TreeEntry& entry) {
  const Level& level = levels_.back();
  const int folder = level.folder.get();
  const std::string name(name_of(entry.path));
  if (level.made) {
    make(folder, name, entry, false);
    return;
  }
  struct stat status;
  const bool exists = ::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
  if (entry.kind == FileKind::directory) {
    if (!exists) {
      make(folder, name, entry, false);
      return;
    }
    os::Descriptor existing(
        ::openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!existing && !S_ISDIR(status.st_mode)) throw_kind_conflict(entry.path, entry.kind);
    if (!existing) fail_path(errno, "open the folder", entry.path);
    levels_.push_back({std::move(existing), entry.path, {}, false});
    return;
  }
  if (exists && S_ISDIR(status.st_mode)) throw_kind_conflict(entry.path, entry.kind);
  Temporary temporary;
  temporary.begin(folder);
  if (make(folder, temporary.name(), entry, false)) {
    temporary.rename_to(name, entry.path);
  } else {
    temporary.skip();
  }
}

// True if there is something of that name now.
bool Build::make(int folder, const std::string& name, const TreeEntry& entry, bool root) {
  switch (entry.kind) {
    case FileKind::regular:
      make_file(folder, name, entry);
      return true;
    case FileKind::directory: {
      if (::mkdirat(folder, name.c_str(), 0700) != 0)
        fail_path(errno, "make the folder", entry.path);
      os::Descriptor made(
          ::openat(folder, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!made) fail_path(errno, "open the folder", entry.path);
      levels_.push_back({std::move(made), entry.path, entry, true});
      return true;
    }
    case FileKind::symlink:
      if (::symlinkat(entry.link_target.c_str(), folder, name.c_str()) != 0) {
        fail_path(errno, "make the symlink", entry.path);
      }
      apply_attributes(folder, name, entry, rules_, result_.notices);
      return true;
    case FileKind::hard_link:
      return make_hard_link(folder, name, entry);
    default:
      if (make_special(folder, name, entry)) return true;
      if (root) {
        throw Error(Errc::unsupported, "copy " + shown(entry.path) + ": a " +
                                           std::string(to_string(entry.kind)) +
                                           " cannot be made here");
      }
      return false;
  }
}

void Build::make_file(int folder, const std::string& name, const TreeEntry& entry) {
  const os::Descriptor file(
      ::openat(folder, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) fail_path(errno, "make the file", entry.path);
  std::uint64_t end = 0;
  while (auto block = reader_.read_block()) {
    end = block->offset + block->data.size();
    result_.bytes += block->data.size();
    if (result_.bytes > rules_.max_bytes) {
      throw Error(Errc::resource_exhausted, "copy " + shown(entry.path) + ": expected at most " +
                                                std::to_string(rules_.max_bytes) +
                                                " bytes of data, found more");
    }
    on_bytes_(block->data.size());
    while (!block->data.empty()) {
      const ssize_t count = ::pwrite(file.get(), block->data.data(), block->data.size(),
                                     static_cast<off_t>(block->offset));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) fail_path(errno, "write", entry.path);
      block->offset += static_cast<std::uint64_t>(count);
      block->data = block->data.subspan(static_cast<std::size_t>(count));
    }
  }
  if (end < entry.size && ::ftruncate(file.get(), static_cast<off_t>(entry.size)) != 0) {
    fail_path(errno, "give its size to", entry.path);
  }
  apply_attributes(file.get(), entry, rules_, result_.notices);
}

bool Build::make_hard_link(int folder, const std::string& name, const TreeEntry& entry) {
  if (levels_.empty()) throw Error(Errc::internal, "file transfer: a hard link as a root");
  int from = levels_.front().folder.get();
  os::Descriptor opened;
  std::string_view path = entry.link_target;
  for (auto slash = path.find('/'); slash != path.npos; slash = path.find('/')) {
    const std::string part(path.substr(0, slash));
    path.remove_prefix(slash + 1);
    opened.reset(::openat(from, part.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!opened) fail_path(errno, "find what is linked as", entry.path);
    from = opened.get();
  }
  if (::linkat(from, std::string(path).c_str(), folder, name.c_str(), 0) == 0) return true;
  if (errno != ENOENT && errno != EPERM && errno != EXDEV && errno != ENOTSUP) {
    fail_path(errno, "make the hard link", entry.path);
  }
  notice(entry, errno == ENOENT ? "a hard link to something that was not copied"
                                : "this file system or user cannot make the hard link");
  return false;
}

bool Build::make_special(int folder, const std::string& name, const TreeEntry& entry) {
  if (entry.kind == FileKind::socket) {
    notice(entry, "a socket is not copied");
    return false;
  }
  if (entry.kind != FileKind::fifo && !rules_.trusted) {
    notice(entry, "a " + std::string(to_string(entry.kind)) + " is not made on the host");
    return false;
  }
  if (!make_node(folder, name, entry)) {
    if (errno != EPERM)
      fail_path(errno, "make the " + std::string(to_string(entry.kind)), entry.path);
    notice(entry, "not allowed to make a " + std::string(to_string(entry.kind)));
    return false;
  }
  apply_attributes(folder, name, entry, rules_, result_.notices);
  return true;
}

void Build::leave() {
  const Level& level = levels_.back();
  if (level.made) apply_attributes(level.folder.get(), level.entry, rules_, result_.notices);
  levels_.pop_back();
}

}  // namespace

CopyResult build(TreeReader& reader, const OpenPath& open, const std::string& destination,
                 const BuildRules& rules, const std::function<void(std::uint64_t)>& on_bytes) {
  return Build(reader, rules, on_bytes).run(open, destination);
}

}  // namespace vmkit::agent::tree
