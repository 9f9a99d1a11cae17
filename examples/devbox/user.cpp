// SPDX-License-Identifier: Apache-2.0
#include "user.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <sstream>

#include <vmkit/vmkit.hpp>

namespace devbox {
namespace {

using namespace vmkit;

/// A disk's files, as a shell would handle them.
class Editor {
 public:
  explicit Editor(const std::filesystem::path& disk)
      : file_(disk::ImageFile::open(disk, disk::ImageFile::Access::read_write)),
        tree_(ext4::Filesystem::open(file_)) {}

  bool has(const std::string& path) const { return tree_.resolve(path).has_value(); }

  std::string read(const std::string& path) const {
    const auto inode = tree_.resolve(path);
    if (!inode) return {};
    std::string content(tree_.size(*inode), '\0');
    tree_.read(*inode, 0, std::as_writable_bytes(std::span(content)));
    return content;
  }

  void make_folder(const std::string& path, std::uint16_t permissions, std::uint32_t owner) {
    tree_.set_attributes(tree_.make_directories(path, {.permissions = 0755}),
                         attributes(permissions, owner));
  }

  /// A file that exists keeps its attributes.
  void write(const std::string& folder, const std::string& name, const std::string& content,
             std::uint16_t permissions, std::uint32_t owner) {
    const auto parent = tree_.make_directories(folder, attributes(0755, 0));
    const auto existing = tree_.lookup(parent, name);
    auto writer = existing ? tree_.replace_content(*existing)
                           : tree_.make_file(parent, name, attributes(permissions, owner));
    writer.write(std::as_bytes(std::span(content)));
    writer.finish();
  }

  void append(const std::string& folder, const std::string& name, const std::string& line,
              std::uint16_t permissions) {
    write(folder, name, read(folder + "/" + name) + line + "\n", permissions, 0);
  }

  void commit() { tree_.commit(); }

 private:
  static ext4::Attributes attributes(std::uint16_t permissions, std::uint32_t owner) {
    const auto now = std::chrono::duration_cast<std::chrono::seconds>(
                         std::chrono::system_clock::now().time_since_epoch())
                         .count();
    return {.permissions = permissions,
            .uid = owner,
            .gid = owner,
            .mtime = {now},
            .atime = {now},
            .ctime = {now}};
  }

  disk::ImageFile file_;
  ext4::Filesystem tree_;
};

/// The first number from 1000 on that neither a user nor a group has.
std::uint32_t free_id(const std::string& passwd, const std::string& groups) {
  std::uint32_t id = 1000;
  std::istringstream lines(passwd + groups);
  for (std::string line; std::getline(lines, line);) {
    const auto second = line.find(':', line.find(':') + 1);
    if (second == std::string::npos) continue;
    std::uint32_t taken = 0;
    std::from_chars(line.data() + second + 1, line.data() + line.size(), taken);
    if (taken >= id && taken < 60000) id = taken + 1;
  }
  return id;
}

bool is_user_name(const std::string& name) {
  return !name.empty() && name.size() <= 32 && name[0] >= 'a' && name[0] <= 'z' &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == std::string::npos;
}

}  // namespace

void add_user(const std::filesystem::path& disk, const User& user) {
  if (!is_user_name(user.name)) {
    throw Error(Errc::invalid_argument, "\"" + user.name +
                                            "\" is no user name: expected lower "
                                            "case letters, digits, '_' and '-', at most 32");
  }
  Editor editor(disk);
  const std::string passwd = editor.read("/etc/passwd");
  if (("\n" + passwd).find("\n" + user.name + ":") != std::string::npos) {
    throw Error(Errc::already_exists, "the image has a user " + user.name + " already");
  }
  const std::uint32_t id = free_id(passwd, editor.read("/etc/group"));
  const std::string number = std::to_string(id);
  const std::string home = "/home/" + user.name;
  const std::string shell = editor.has("/bin/bash") ? "/bin/bash" : "/bin/sh";

  editor.append("/etc", "passwd",
                user.name + ":x:" + number + ":" + number + "::" + home + ":" + shell, 0644);
  editor.append("/etc", "group", user.name + ":x:" + number + ":", 0644);
  // "*": no password fits, but the account is not locked, so that SSH takes its keys.
  editor.append("/etc", "shadow", user.name + ":*:19000:0:99999:7:::", 0640);
  editor.make_folder("/etc/sudoers.d", 0750, 0);
  editor.write("/etc/sudoers.d", "90-" + user.name, user.name + " ALL=(ALL) NOPASSWD:ALL\n", 0440,
               0);
  editor.make_folder(home, 0755, id);
  editor.make_folder(home + "/.ssh", 0700, id);
  std::string keys;
  for (const std::string& key : user.keys) keys += key + "\n";
  editor.write(home + "/.ssh", "authorized_keys", keys, 0600, id);
  editor.commit();
}

}  // namespace devbox
