// SPDX-License-Identifier: Apache-2.0
#include "agent/tree/attributes.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

#include "os/attributes.hpp"
#include "os/descriptor.hpp"

namespace vmkit::agent::tree {
namespace {

constexpr mode_t set_id_bits = S_ISUID | S_ISGID;

class Application {
 public:
  Application(const TreeEntry& entry, const BuildRules& rules, CopyNotices& notices)
      : entry_(entry), rules_(rules), notices_(notices) {}

  /// `change(uid, gid)` returns 0 or the errno; so do those below.
  template <class Change>
  void owner(Change change) {
    std::uint32_t uid = static_cast<std::uint32_t>(::geteuid());
    std::uint32_t gid = static_cast<std::uint32_t>(::getegid());
    if (rules_.owner.kind == Ownership::Kind::keep) {
      uid = entry_.uid;
      gid = entry_.gid;
    } else if (rules_.owner.kind == Ownership::Kind::fixed) {
      uid = rules_.owner.uid;
      gid = rules_.owner.gid;
    } else if (!rules_.trusted) {
      return;  // what this user makes is this user's
    }
    const int failure = change(uid, gid);
    owned_ = failure == 0;
    if (owned_) return;
    tell("its owner " + std::to_string(uid) + ":" + std::to_string(gid) + " was not kept", failure);
  }

  template <class Set>
  void xattrs(Set set) {
    for (const FileXattr& xattr : entry_.xattrs) {
      const bool users = xattr.name.starts_with("user.");
      if (!users && rules_.owner.kind != Ownership::Kind::keep) {
        tell("its attribute " + xattr.name + " goes only where owners are kept", 0);
      } else if (const int failure = set(os::ExtendedAttribute{xattr.name, xattr.value})) {
        tell("its attribute " + xattr.name + " was not kept", failure);
      }
    }
  }

  template <class Change>
  void permissions(Change change) {
    mode_t mode = entry_.permissions;
    const bool kept = rules_.owner.kind == Ownership::Kind::keep && owned_;
    if ((mode & set_id_bits) != 0 && entry_.kind != FileKind::directory && !kept &&
        !rules_.trusted) {
      mode &= ~set_id_bits;
      tell("its setuid or setgid bit goes only with its owner", 0);
    }
    if (const int failure = change(mode)) tell("its permissions were not kept", failure);
  }

  template <class Change>
  void times(Change change) {
    const timespec times[] = {to_timespec(entry_.accessed), to_timespec(entry_.modified)};
    if (const int failure = change(times)) tell("its times were not kept", failure);
  }

 private:
  static timespec to_timespec(const FileTime& time) {
    timespec result{};
    result.tv_sec = static_cast<time_t>(time.seconds);
    result.tv_nsec = static_cast<long>(time.nanoseconds);
    return result;
  }
  void tell(std::string what, int errno_value) {
    if (errno_value != 0) what.append(": ").append(std::strerror(errno_value));
    notices_.add({entry_.path, std::move(what)});
  }

  const TreeEntry& entry_;
  const BuildRules& rules_;
  CopyNotices& notices_;
  bool owned_ = false;
};

int result_of(int returned) {
  return returned == 0 ? 0 : errno;
}

}  // namespace

// The owner first: a change of it takes setuid bits and capabilities away.
void apply_attributes(int fd, const TreeEntry& entry, const BuildRules& rules,
                      CopyNotices& notices) {
  Application apply(entry, rules, notices);
  apply.owner([&](uid_t uid, gid_t gid) { return result_of(::fchown(fd, uid, gid)); });
  apply.xattrs([&](const os::ExtendedAttribute& xattr) { return os::write_attribute(fd, xattr); });
  apply.permissions([&](mode_t mode) { return result_of(::fchmod(fd, mode)); });
  apply.times([&](const timespec* times) { return result_of(::futimens(fd, times)); });
}

void apply_attributes(int folder, const std::string& name, const TreeEntry& entry,
                      const BuildRules& rules, CopyNotices& notices) {
  Application apply(entry, rules, notices);
  apply.owner([&](uid_t uid, gid_t gid) {
    return result_of(::fchownat(folder, name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW));
  });
  apply.xattrs(
      [&](const os::ExtendedAttribute& xattr) { return os::write_attribute(folder, name, xattr); });
  if (entry.kind == FileKind::fifo) {
    // Made with what the umask leaves; the other way to set them would follow a symlink.
    apply.permissions([&](mode_t mode) {
      const os::Descriptor fifo(
          ::openat(folder, name.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
      return fifo ? result_of(::fchmod(fifo.get(), mode)) : errno;
    });
  }
  apply.times([&](const timespec* times) {
    return result_of(::utimensat(folder, name.c_str(), times, AT_SYMLINK_NOFOLLOW));
  });
}

// The permissions of a device are what the umask leaves: whoever may make devices has set it to 0.
bool make_node(int folder, const std::string& name, const TreeEntry& entry) {
  if (entry.kind == FileKind::fifo) return ::mkfifoat(folder, name.c_str(), 0600) == 0;
  const mode_t kind = entry.kind == FileKind::character_device ? S_IFCHR : S_IFBLK;
  return ::mknodat(folder, name.c_str(), kind | entry.permissions,
                   os::make_device({entry.device_major, entry.device_minor})) == 0;
}

}  // namespace vmkit::agent::tree
