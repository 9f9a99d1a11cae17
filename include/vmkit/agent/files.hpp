// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <vmkit/agent/copy.hpp>
#include <vmkit/agent/tree.hpp>
#include <vmkit/base/byte_size.hpp>
#include <vmkit/base/call_options.hpp>
#include <vmkit/base/stream.hpp>

namespace vmkit::agent {

class Peer;

/// How Files::remove takes folders and what is not there.
struct RemoveOptions {
  bool recursive = false;  ///< A folder with everything in it.
  bool ignore_missing = false;
};

/// How Files::write makes the file.
struct WriteOptions {
  std::uint16_t permissions = 0644;  ///< Of a new file.
  /// Where to write in a file that exists; made if it is missing.
  std::uint64_t offset = 0;
  bool append = false;    ///< At its end instead.
  bool truncate = false;  ///< Nothing remains behind what is written.
};

/// What of a file is to be changed.
struct AttributeChange {
  std::optional<std::uint16_t> permissions = {};
  std::optional<std::uint32_t> uid = {};
  std::optional<std::uint32_t> gid = {};
  std::optional<FileTime> modified = {};
  bool follow = true;  ///< Of what a symlink points to; permissions need that.
};

/// The files of a container while it runs. A handle: cheap to copy, valid as long as its Client is.
/// Thread-safe; any number of calls at once, none of which holds up another, a process or an end.
///
/// Paths in the guest are absolute, and resolved within the container's root at every step: a
/// symlink or ".." cannot lead out of it, whatever changes meanwhile, and links of procfs such as
/// /proc/1/root are not followed (invalid_argument, ELOOP). They must be UTF-8; names within a tree
/// are any bytes.
///
/// Errors, with the guest's errno: not_found, already_exists, permission_denied (also: read-only),
/// resource_exhausted (full), failed_precondition (a folder where a file is expected and the other
/// way round; not empty), invalid_argument (a path that is not absolute); unavailable if the
/// connection is lost. After stop or deadline the guest ends by itself what was begun.
class Files {
 public:
  explicit Files(std::shared_ptr<Peer> peer);
  ~Files();
  Files(const Files&) = default;
  Files& operator=(const Files&) = default;

  /// Copies a file or a tree from the host into the guest. Where to, is decided as `docker cp`
  /// does:
  /// - `destination` is a folder: into it, under the source's name; if the source ends in "/.",
  ///   what is in the source;
  /// - it does not exist: `destination` itself becomes the copy; its folder must exist;
  /// - it is a file: replaced by a file; a folder over it is an error, as is a file over a folder.
  /// Kept are permissions with setuid, times, links of both kinds, devices, fifos, extended
  /// attributes and holes. A file, and a folder that did not exist before, appear with all that is
  /// in them, or not at all; in a folder that existed, and on an error keeps what came until then,
  /// that holds for each file. Folders that existed keep their own attributes.
  /// Progress: phase "copy in", bytes.
  CopyResult copy_in(const std::filesystem::path& source, const std::string& destination,
                     const CopyOptions& copy = {}, const CallOptions& options = {});

  /// The other way, under the same rules. The guest is not trusted: nothing is ever written outside
  /// of the destination, and devices, setuid bits (without Ownership::keep) and what this user may
  /// not do are left out and told in the result. Progress: phase "copy out", bytes.
  CopyResult copy_out(const std::string& source, const std::filesystem::path& destination,
                      const CopyOptions& copy = {}, const CallOptions& options = {});

  /// A file or tree of the guest as a stream for TreeReader or write_tree(). The stream holds
  /// `options` for each of its reads. Only one thread reads it.
  std::unique_ptr<Source> read_tree(const std::string& source, const CopyOptions& copy = {},
                                    const CallOptions& options = {});
  /// Makes the tree of a stream as copy_in() does. `name` is what its root is called in a
  /// destination that is a folder; empty: only what is in the root comes there.
  CopyResult write_tree(Source& tree, const std::string& destination, const std::string& name = {},
                        const CopyOptions& copy = {}, const CallOptions& options = {});

  /// The content of a regular file, procfs included, from `offset` on.
  std::unique_ptr<Source> open_read(const std::string& path, std::uint64_t offset = 0,
                                    const CallOptions& options = {});
  /// All of a file that is not longer than `limit`: resource_exhausted if it is.
  std::string read(const std::string& path, ByteSize limit = 16_MiB,
                   const CallOptions& options = {});

  /// Replaces or makes a file: whoever looks sees the old or the new content, whole. An existing
  /// file's owner and permissions go.
  void write(const std::string& path, std::string_view content, std::uint16_t permissions = 0644,
             const CallOptions& options = {});
  /// Writes into a file as it is, all of `content` up to its end. Returns how many bytes.
  std::uint64_t write_from(Source& content, const std::string& path, const WriteOptions& write,
                           const CallOptions& options = {});

  /// Of the file that a symlink points to. The entry's path is empty.
  TreeEntry stat(const std::string& path, const CallOptions& options = {});
  /// Of the path itself.
  TreeEntry lstat(const std::string& path, const CallOptions& options = {});
  /// What is in a folder, in no order; `path` is each one's name. failed_precondition if it is no
  /// folder.
  std::vector<TreeEntry> list(const std::string& path, const CallOptions& options = {});

  /// Throws already_exists, unless `parents` and it is a folder.
  void make_directory(const std::string& path, std::uint16_t permissions = 0755,
                      bool parents = false, const CallOptions& options = {});
  void remove(const std::string& path, const RemoveOptions& remove = {},
              const CallOptions& options = {});
  /// Also replaces a file, or an empty folder, at `to`.
  void rename(const std::string& from, const std::string& to, const CallOptions& options = {});
  void set_attributes(const std::string& path, const AttributeChange& change,
                      const CallOptions& options = {});
  /// `target` is kept as it is.
  void make_symlink(const std::string& target, const std::string& path,
                    const CallOptions& options = {});
  void make_hard_link(const std::string& existing, const std::string& path,
                      const CallOptions& options = {});

 private:
  std::shared_ptr<Peer> peer_;
};

}  // namespace vmkit::agent
