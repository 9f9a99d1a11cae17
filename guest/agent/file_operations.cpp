// SPDX-License-Identifier: Apache-2.0
#include "file_operations.hpp"

#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "agent/tree/build.hpp"
#include "agent/tree/format.hpp"
#include "agent/tree/path_error.hpp"
#include "agent/tree/scan.hpp"
#include "root_path.hpp"
#include "service.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::guest {
namespace {

using namespace agent;
using agent::protocol::invalid_params;
using os::Descriptor;
using tree::path_error;

constexpr std::size_t max_path = 4096;
constexpr std::size_t max_told_notices = 200;

class PipeSource final : public vmkit::Source {
 public:
  explicit PipeSource(int fd) : fd_(fd) {}
  std::size_t read(std::span<std::byte> buffer) override {
    for (;;) {
      const ssize_t count = ::read(fd_, buffer.data(), buffer.size());
      if (count >= 0) return static_cast<std::size_t>(count);
      if (errno != EINTR) throw Error::from_errno(errno, "read from the client");
    }
  }

 private:
  int fd_;
};

class PipeSink final : public Sink {
 public:
  explicit PipeSink(int fd) : fd_(fd) {}
  void write(std::span<const std::byte> data) override {
    while (!data.empty()) {
      const ssize_t count = ::write(fd_, data.data(), data.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) throw Error::from_errno(errno, "write to the client");
      data = data.subspan(static_cast<std::size_t>(count));
    }
  }

 private:
  int fd_;
};

void ignore_bytes(std::uint64_t) {}

std::string path_in(const Json& params, const char* name) {
  auto path = params.at(name).get<std::string>();
  if (!path.starts_with('/') || path.size() > max_path || path.find('\0') != std::string::npos) {
    throw RpcError(invalid_params, std::string(name) + ": expected an absolute path of at most " +
                                       std::to_string(max_path) + " bytes");
  }
  return path;
}

std::string quoted(const std::string& path) {
  return "\"" + path + "\"";
}

tree::OpenPath opener(int root) {
  return [root](const std::string& path, int flags) { return open_in_root(root, path, flags); };
}

/// `path` without opening what it names: symlinks are followed if `follow`.
Descriptor look_at(int root, const std::string& path, bool follow, struct stat& status) {
  Descriptor found(open_in_root(root, path, O_PATH | (follow ? 0 : O_NOFOLLOW)));
  if (!found || ::fstat(found.get(), &status) != 0) throw path_error(errno, quoted(path));
  return found;
}

/// How a file is reached that is open with O_PATH, by calls that take no descriptor.
std::string magic_path(const Descriptor& file) {
  return "/proc/self/fd/" + std::to_string(file.get());
}

Json copy_out(const Json& params, int root, int stream) {
  const auto path = path_in(params, "path");
  tree::ScanRoot start;
  const Descriptor found = look_at(root, path, get_or<bool>(params, "follow", false), start.status);
  const mode_t mode = start.status.st_mode;
  tree::ScanOptions options;
  options.data = get_or<bool>(params, "data", true);
  options.depth = get_or<unsigned>(params, "depth", options.depth);
  options.all_xattrs = get_or<bool>(params, "all_xattrs", false);
  if (S_ISLNK(mode)) {
    start.link_target.resize(tree::max_target);
    const ssize_t size =
        ::readlinkat(found.get(), "", start.link_target.data(), start.link_target.size());
    if (size <= 0) throw path_error(size < 0 ? errno : ENOENT, quoted(path));
    start.link_target.resize(static_cast<std::size_t>(size));
  } else if (S_ISDIR(mode) ? options.depth > 0 : S_ISREG(mode) && options.data) {
    start.fd.reset(::open(magic_path(found).c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!start.fd) throw path_error(errno, "open " + quoted(path));
  } else if (S_ISSOCK(mode) && options.data) {
    throw Error(Errc::unsupported, quoted(path) + ": a socket cannot be copied");
  }
  PipeSink sink(stream);
  TreeWriter writer(sink);
  const auto scanned = tree::scan(start, writer, options, ignore_bytes);
  writer.finish();
  return {{"entries", scanned.entries}, {"bytes", scanned.bytes}};
}

Ownership ownership_in(const Json& params) {
  const auto owner = params.value("owner", Json("receiver"));
  if (owner.is_object()) {
    return {Ownership::Kind::fixed, owner.at("uid").get<std::uint32_t>(),
            owner.at("gid").get<std::uint32_t>()};
  }
  if (owner == "keep") return {Ownership::Kind::keep};
  if (owner == "receiver") return {};
  throw RpcError(invalid_params, "owner: expected \"receiver\", \"keep\" or uid and gid");
}

Json copy_in(const Json& params, int root, int stream) {
  tree::BuildRules rules;
  rules.trusted = true;
  rules.owner = ownership_in(params);
  rules.create_parents = get_or<bool>(params, "create_parents", false);
  rules.contents_only = get_or<bool>(params, "contents_only", false);
  rules.source_name = get_or<std::string>(params, "name", "");
  rules.max_bytes = get_or<std::uint64_t>(params, "max_bytes", rules.max_bytes);
  rules.max_entries = get_or<std::uint64_t>(params, "max_entries", rules.max_entries);
  PipeSource source(stream);
  TreeReader reader(source);
  const auto result =
      tree::build(reader, opener(root), path_in(params, "path"), rules, ignore_bytes);
  Json notices = Json::array();
  for (const CopyNotice& notice : result.notices.list) {
    if (notices.size() == max_told_notices) break;
    notices.push_back({{"path", notice.path}, {"what", notice.what}});
  }
  const auto left_out = result.notices.left_out + (result.notices.list.size() - notices.size());
  return {{"entries", result.entries},
          {"bytes", result.bytes},
          {"notices", std::move(notices)},
          {"notices_left_out", left_out}};
}

void require_regular(const Descriptor& file, const std::string& path) {
  struct stat status;
  if (!file || ::fstat(file.get(), &status) != 0) throw path_error(errno, "open " + quoted(path));
  if (S_ISREG(status.st_mode)) return;
  const int number = S_ISDIR(status.st_mode) ? EISDIR : EINVAL;
  throw Error(Errc::failed_precondition, quoted(path) + ": expected a regular file",
              NativeError{ErrorDomain::posix, number});
}

Json give_file(const Json& params, int root, int stream) {
  const auto path = path_in(params, "path");
  const Descriptor file(open_in_root(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  require_regular(file, path);
  PipeSink sink(stream);
  std::vector<std::byte> buffer(64 * 1024);
  auto offset = get_or<std::uint64_t>(params, "offset", 0);
  const std::uint64_t begin = offset;
  for (;;) {
    const ssize_t count =
        ::pread(file.get(), buffer.data(), buffer.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw path_error(errno, "read " + quoted(path));
    if (count == 0) return {{"bytes", offset - begin}};
    sink.write(std::span(buffer).first(static_cast<std::size_t>(count)));
    offset += static_cast<std::uint64_t>(count);
  }
}

Json take_file(const Json& params, int root, int stream) {
  const auto path = path_in(params, "path");
  const bool append = get_or<bool>(params, "append", false);
  const Descriptor file(
      open_in_root(root, path, O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY | (append ? O_APPEND : 0),
                   get_or<unsigned>(params, "permissions", 0644) & 07777));
  require_regular(file, path);
  if (!append) {
    const auto offset = get_or<std::uint64_t>(params, "offset", 0);
    if (::lseek(file.get(), static_cast<off_t>(offset), SEEK_SET) < 0) {
      throw path_error(errno, quoted(path) + ": the offset " + std::to_string(offset));
    }
  }
  PipeSource source(stream);
  PipeSink sink(file.get());
  std::vector<std::byte> buffer(64 * 1024);
  std::uint64_t bytes = 0;
  while (const std::size_t count = source.read(buffer)) {
    try {
      sink.write(std::span(buffer).first(count));
    } catch (const Error& error) {
      throw path_error(static_cast<int>(error.native()->code), "write " + quoted(path));
    }
    bytes += count;
  }
  if (get_or<bool>(params, "truncate", false) &&
      ::ftruncate(file.get(), ::lseek(file.get(), 0, SEEK_CUR)) != 0) {
    throw path_error(errno, "shorten " + quoted(path));
  }
  return {{"bytes", bytes}};
}

Json make_directory(const Json& params, int root, int) {
  const auto path = path_in(params, "path");
  const auto permissions = get_or<unsigned>(params, "permissions", 0755) & 07777;
  if (get_or<bool>(params, "parents", false)) {
    tree::make_directories(opener(root), path, permissions);
    return Json::object();
  }
  const auto place = tree::place_of(opener(root), path);
  if (::mkdirat(place.folder.get(), place.name.c_str(), permissions) != 0) {
    throw path_error(errno, "make the folder " + quoted(path));
  }
  return Json::object();
}

Json remove(const Json& params, int root, int) {
  const auto path = path_in(params, "path");
  const bool ignore_missing = get_or<bool>(params, "ignore_missing", false);
  std::optional<tree::Place> place;
  try {
    place = tree::place_of(opener(root), path);
  } catch (const Error& error) {
    if (ignore_missing && error.code() == Errc::not_found) return Json::object();
    throw;
  }
  const int folder = place->folder.get();
  const char* name = place->name.c_str();
  struct stat status;
  if (::fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT && ignore_missing) return Json::object();
    throw path_error(errno, "remove " + quoted(path));
  }
  if (get_or<bool>(params, "recursive", false)) {
    tree::remove_all(folder, place->name);
  } else if (::unlinkat(folder, name, S_ISDIR(status.st_mode) ? AT_REMOVEDIR : 0) != 0) {
    throw path_error(errno, "remove " + quoted(path));
  }
  return Json::object();
}

Json rename(const Json& params, int root, int) {
  const auto from = path_in(params, "from");
  const auto to = path_in(params, "to");
  const auto here = tree::place_of(opener(root), from);
  const auto there = tree::place_of(opener(root), to);
  if (::renameat(here.folder.get(), here.name.c_str(), there.folder.get(), there.name.c_str()) !=
      0) {
    throw path_error(errno == EEXIST ? ENOTEMPTY : errno,
                     "rename " + quoted(from) + " to " + quoted(to));
  }
  return Json::object();
}

Json set_attributes(const Json& params, int root, int) {
  const auto path = path_in(params, "path");
  struct stat status;
  const Descriptor file = look_at(root, path, get_or<bool>(params, "follow", true), status);
  constexpr auto unchanged = static_cast<std::uint32_t>(-1);
  const auto uid = get_or<std::uint32_t>(params, "uid", unchanged);
  const auto gid = get_or<std::uint32_t>(params, "gid", unchanged);
  if ((uid != unchanged || gid != unchanged) &&
      ::fchownat(file.get(), "", uid, gid, AT_EMPTY_PATH) != 0) {
    throw path_error(errno, "change the owner of " + quoted(path));
  }
  if (params.contains("permissions") &&
      ::chmod(magic_path(file).c_str(), params["permissions"].get<unsigned>() & 07777) != 0) {
    throw path_error(errno, "change the permissions of " + quoted(path));
  }
  if (params.contains("modified")) {
    timespec times[2]{};
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_sec = params["modified"].at(0).get<std::int64_t>();
    times[1].tv_nsec = params["modified"].at(1).get<std::uint32_t>();
    if (::utimensat(AT_FDCWD, magic_path(file).c_str(), times, 0) != 0) {
      throw path_error(errno, "change the time of " + quoted(path));
    }
  }
  return Json::object();
}

Json make_symlink(const Json& params, int root, int) {
  const auto path = path_in(params, "path");
  const auto target = params.at("target").get<std::string>();
  const auto place = tree::place_of(opener(root), path);
  if (::symlinkat(target.c_str(), place.folder.get(), place.name.c_str()) != 0) {
    throw path_error(errno, "make the symlink " + quoted(path));
  }
  return Json::object();
}

Json make_hard_link(const Json& params, int root, int) {
  const auto path = path_in(params, "path");
  const auto existing = path_in(params, "existing");
  const auto from = tree::place_of(opener(root), existing);
  const auto place = tree::place_of(opener(root), path);
  if (::linkat(from.folder.get(), from.name.c_str(), place.folder.get(), place.name.c_str(), 0) !=
      0) {
    throw path_error(errno, "link " + quoted(existing) + " as " + quoted(path));
  }
  return Json::object();
}

}  // namespace

const FileMethod file_methods[10] = {
    {"copy_out", FileStream::to_client, copy_out},
    {"copy_in", FileStream::from_client, copy_in},
    {"read_file", FileStream::to_client, give_file},
    {"write_file", FileStream::from_client, take_file},
    {"make_directory", FileStream::none, make_directory},
    {"remove", FileStream::none, remove},
    {"rename", FileStream::none, rename},
    {"set_attributes", FileStream::none, set_attributes},
    {"make_symlink", FileStream::none, make_symlink},
    {"make_hard_link", FileStream::none, make_hard_link},
};

}  // namespace vmkit::guest
