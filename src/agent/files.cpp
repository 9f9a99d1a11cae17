// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "agent/peer.hpp"
#include "agent/tree/build.hpp"
#include "agent/tree/format.hpp"
#include "agent/tree/path_error.hpp"
#include "agent/tree/scan.hpp"

#include <vmkit/agent/files.hpp>
#include <vmkit/base/progress.hpp>

namespace vmkit::agent {
namespace {

using protocol::StreamKind;

constexpr std::size_t max_listed = 1'000'000;
// How long the reason of a stream's early end may be on its way.
constexpr auto reason_time = std::chrono::seconds(5);

template <class Read>
auto read_files_answer(const char* method, Read read) {
  try {
    return read();
  } catch (const Json::exception&) {
    throw Error(Errc::data_corruption,
                std::string("guest agent, ") + method + ": malformed answer");
  }
}

/// A request about files together with its stream.
class Transfer final : public Source, public Sink {
  template <class Use>
  auto guarded(Use use) {
    try {
      return use();
    } catch (const Error&) {
      broken_ = true;
      throw;
    }
  }

 public:
  Transfer(std::shared_ptr<Peer> peer, const char* method, Json params, const CallOptions& options)
      : peer_(std::move(peer)), options_(options) {
    options.check(method);
    stream_ = peer_->open(StreamKind::file, options);
    call_ = peer_->send(method, std::move(params), *stream_);
  }

  std::size_t read(std::span<std::byte> buffer) override {
    return guarded([&] {
      const std::size_t count = stream_->read(buffer, options_);
      if (count == 0) broken_ = true;  // or at its end: answer() tells
      return count;
    });
  }
  void write(std::span<const std::byte> data) override {
    guarded([&] {
      stream_->write(data, options_);
      return 0;
    });
  }
  void close_write() { stream_->close_write(); }

  /// Waits until the guest has done its part; throws what it failed with.
  Json answer() { return peer_->wait(*call_, options_); }

  /// Runs `work`, which uses the stream; if that ends early, the guest's reason is thrown.
  template <class Work>
  auto run(Work work) {
    try {
      return work();
    } catch (const Error& error) {
      if (!broken_ || error.code() == Errc::cancelled || error.code() == Errc::timeout) throw;
      peer_->wait(*call_, options_.with_timeout(reason_time));
      throw;
    }
  }

 private:
  std::shared_ptr<Peer> peer_;
  CallOptions options_;
  std::unique_ptr<MuxStream> stream_;
  RpcClient::CallPtr call_;
  bool broken_ = false;
};

/// The stream of a Transfer as the application reads it: its end is only one if the guest says so.
class CheckedSource final : public Source {
 public:
  explicit CheckedSource(std::unique_ptr<Transfer> transfer) : transfer_(std::move(transfer)) {
    transfer_->close_write();
  }
  std::size_t read(std::span<std::byte> buffer) override {
    const std::size_t count = transfer_->run([&] { return transfer_->read(buffer); });
    if (count == 0 && !std::exchange(checked_, true)) transfer_->answer();
    return count;
  }

 private:
  std::unique_ptr<Transfer> transfer_;
  bool checked_ = false;
};

Json owner_json(const Ownership& owner) {
  switch (owner.kind) {
    case Ownership::Kind::keep:
      return "keep";
    case Ownership::Kind::fixed:
      return {{"uid", owner.uid}, {"gid", owner.gid}};
    case Ownership::Kind::receiver:
      break;
  }
  return "receiver";
}

Json copy_in_params(const std::string& destination, const CopyOptions& copy,
                    const std::string& name, bool contents_only) {
  Json params{{"path", destination},
              {"owner", owner_json(copy.owner)},
              {"create_parents", copy.create_parents},
              {"contents_only", contents_only},
              {"name", name}};
  if (copy.max_bytes) params["max_bytes"] = copy.max_bytes->bytes();
  if (copy.max_entries) params["max_entries"] = *copy.max_entries;
  return params;
}

CopyResult copy_result(const Json& answer) {
  return read_files_answer("copy_in", [&] {
    CopyResult result;
    result.entries = answer.at("entries").get<std::uint64_t>();
    result.bytes = answer.at("bytes").get<std::uint64_t>();
    for (const Json& notice : answer.at("notices")) {
      result.notices.add(
          {notice.at("path").get<std::string>(), notice.at("what").get<std::string>()});
    }
    result.notices.left_out += answer.at("notices_left_out").get<std::uint64_t>();
    return result;
  });
}

int open_on_host(const std::string& path, int flags) {
  return ::open(path.c_str(), flags | O_CLOEXEC);
}

/// What is called what in the path of a source, as `docker cp` sees it.
struct SourceName {
  std::string name;
  bool contents_only;
};

SourceName source_name(std::string path) {
  const bool contents_only = path == "." || path.ends_with("/.");
  while (path.ends_with('/') || path.ends_with("/.")) path.pop_back();
  std::string name(tree::name_of(path));
  if (name == "." || name == "..") name.clear();
  return {std::move(name), contents_only};
}

tree::ScanRoot open_source(const std::string& path, bool follow) {
  const auto quoted = "\"" + path + "\"";
  tree::ScanRoot root;
  if ((follow ? ::stat : ::lstat)(path.c_str(), &root.status) != 0) {
    throw tree::path_error(errno, "copy " + quoted);
  }
  const mode_t mode = root.status.st_mode;
  if (S_ISLNK(mode)) {
    root.link_target.resize(tree::max_target);
    const ssize_t size = ::readlink(path.c_str(), root.link_target.data(), root.link_target.size());
    if (size <= 0) throw tree::path_error(size < 0 ? errno : ENOENT, "copy " + quoted);
    root.link_target.resize(static_cast<std::size_t>(size));
  } else if (S_ISDIR(mode) || S_ISREG(mode)) {
    // Not blocking: in the meantime it may have become something else.
    root.fd.reset(open_on_host(path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
    if (!root.fd || ::fstat(root.fd.get(), &root.status) != 0) {
      throw tree::path_error(errno, "open " + quoted);
    }
    if ((root.status.st_mode & S_IFMT) != (mode & S_IFMT)) {
      throw Error(Errc::failed_precondition, quoted + " was replaced meanwhile");
    }
  } else if (S_ISSOCK(mode)) {
    throw Error(Errc::unsupported, quoted + ": a socket cannot be copied");
  }
  return root;
}

/// Counts bytes for the progress, and looks whether the call must end.
std::function<void(std::uint64_t)> follow_progress(ProgressMeter& meter, const CallOptions& options,
                                                   const char* what) {
  return [&meter, &options, what](std::uint64_t bytes) {
    options.check(what);
    if (bytes != 0) meter.add(bytes);
  };
}

}  // namespace

Files::Files(std::shared_ptr<Peer> peer) : peer_(std::move(peer)) {}
Files::~Files() = default;

CopyResult Files::copy_in(const std::filesystem::path& source, const std::string& destination,
                          const CopyOptions& copy, const CallOptions& options) {
  const auto root = open_source(source.native(), copy.follow_source);
  auto [name, contents_only] = source_name(source.native());
  if (name.empty()) name = std::filesystem::canonical(source).filename().native();
  ProgressMeter meter(
      options.progress, "copy in", source.native(), ProgressUnit::bytes,
      S_ISREG(root.status.st_mode) ? static_cast<std::uint64_t>(root.status.st_size) : 0);
  Transfer transfer(peer_, "copy_in", copy_in_params(destination, copy, name, contents_only),
                    options);
  transfer.run([&] {
    TreeWriter writer(transfer);
    tree::ScanOptions scan;
    scan.all_xattrs = copy.owner.kind == Ownership::Kind::keep;
    tree::scan(root, writer, scan, follow_progress(meter, options, "copying into the guest"));
    writer.finish();
    transfer.close_write();
  });
  const auto result = copy_result(transfer.answer());
  meter.flush();
  return result;
}

CopyResult Files::copy_out(const std::string& source, const std::filesystem::path& destination,
                           const CopyOptions& copy, const CallOptions& options) {
  tree::BuildRules rules;
  rules.owner = copy.owner;
  rules.create_parents = copy.create_parents;
  const auto [name, contents_only] = source_name(source);
  rules.source_name = name;
  rules.contents_only = contents_only;
  if (copy.max_bytes) rules.max_bytes = copy.max_bytes->bytes();
  if (copy.max_entries) rules.max_entries = *copy.max_entries;
  ProgressMeter meter(options.progress, "copy out", source, ProgressUnit::bytes, 0);
  Transfer transfer(peer_, "copy_out",
                    {{"path", source},
                     {"follow", copy.follow_source},
                     {"all_xattrs", copy.owner.kind == Ownership::Kind::keep}},
                    options);
  transfer.close_write();
  auto result = transfer.run([&] {
    TreeReader reader(transfer);
    return tree::build(reader, open_on_host, destination.native(), rules,
                       follow_progress(meter, options, "copying out of the guest"));
  });
  transfer.answer();
  meter.flush();
  return result;
}

std::unique_ptr<Source> Files::read_tree(const std::string& source, const CopyOptions& copy,
                                         const CallOptions& options) {
  return std::make_unique<CheckedSource>(
      std::make_unique<Transfer>(peer_, "copy_out",
                                 Json{{"path", source},
                                      {"follow", copy.follow_source},
                                      {"all_xattrs", copy.owner.kind == Ownership::Kind::keep}},
                                 options));
}

CopyResult Files::write_tree(Source& tree, const std::string& destination, const std::string& name,
                             const CopyOptions& copy, const CallOptions& options) {
  Transfer transfer(peer_, "copy_in", copy_in_params(destination, copy, name, name.empty()),
                    options);
  ProgressMeter meter(options.progress, "copy in", destination, ProgressUnit::bytes, 0);
  transfer.run([&] {
    std::vector<std::byte> buffer(tree::max_data);
    while (const std::size_t count = tree.read(buffer)) {
      transfer.write(std::span(buffer).first(count));
      meter.add(count);
    }
    transfer.close_write();
  });
  const auto result = copy_result(transfer.answer());
  meter.flush();
  return result;
}

std::unique_ptr<Source> Files::open_read(const std::string& path, std::uint64_t offset,
                                         const CallOptions& options) {
  return std::make_unique<CheckedSource>(std::make_unique<Transfer>(
      peer_, "read_file", Json{{"path", path}, {"offset", offset}}, options));
}

std::string Files::read(const std::string& path, ByteSize limit, const CallOptions& options) {
  const auto source = open_read(path, 0, options);
  std::string content;
  std::vector<std::byte> buffer(64 * 1024);
  while (const std::size_t count = source->read(buffer)) {
    if (count > limit.bytes() - content.size()) {
      throw Error(Errc::resource_exhausted, "\"" + path + "\" in the guest: expected at most " +
                                                to_string(limit) + ", found more");
    }
    content.append(reinterpret_cast<const char*>(buffer.data()), count);
  }
  return content;
}

void Files::write(const std::string& path, std::string_view content, std::uint16_t permissions,
                  const CallOptions& options) {
  Transfer transfer(peer_, "copy_in", copy_in_params(path, {}, "", false), options);
  transfer.run([&] {
    TreeWriter writer(transfer);
    TreeEntry entry;
    entry.permissions = permissions;
    entry.size = content.size();
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
    entry.modified = {seconds.count(),
                      static_cast<std::uint32_t>(std::chrono::nanoseconds(now - seconds).count())};
    entry.accessed = entry.modified;
    writer.add(entry);
    writer.write(0, std::as_bytes(std::span(content)));
    writer.finish();
    transfer.close_write();
  });
  transfer.answer();
}

std::uint64_t Files::write_from(Source& content, const std::string& path, const WriteOptions& write,
                                const CallOptions& options) {
  Transfer transfer(peer_, "write_file",
                    {{"path", path},
                     {"permissions", write.permissions},
                     {"offset", write.offset},
                     {"append", write.append},
                     {"truncate", write.truncate}},
                    options);
  transfer.run([&] {
    std::vector<std::byte> buffer(64 * 1024);
    while (const std::size_t count = content.read(buffer)) {
      transfer.write(std::span(buffer).first(count));
    }
    transfer.close_write();
  });
  const Json answer = transfer.answer();
  return read_files_answer("write_file", [&] { return answer.at("bytes").get<std::uint64_t>(); });
}

namespace {

std::vector<TreeEntry> describe_in_guest(const std::shared_ptr<Peer>& peer, const std::string& path,
                                         bool follow, unsigned depth, const CallOptions& options) {
  Transfer transfer(peer, "copy_out",
                    {{"path", path}, {"follow", follow}, {"data", false}, {"depth", depth}},
                    options);
  transfer.close_write();
  return transfer.run([&] {
    TreeReader reader(transfer);
    std::vector<TreeEntry> entries;
    while (const TreeEntry* entry = reader.next()) {
      if (entries.size() > max_listed) {
        throw Error(Errc::resource_exhausted,
                    "\"" + path + "\" in the guest: more than a million files");
      }
      entries.push_back(*entry);
    }
    if (entries.empty()) throw Error(Errc::data_corruption, "the guest agent listed nothing");
    return entries;
  });
}

}  // namespace

TreeEntry Files::stat(const std::string& path, const CallOptions& options) {
  return describe_in_guest(peer_, path, true, 0, options).front();
}

TreeEntry Files::lstat(const std::string& path, const CallOptions& options) {
  return describe_in_guest(peer_, path, false, 0, options).front();
}

std::vector<TreeEntry> Files::list(const std::string& path, const CallOptions& options) {
  auto entries = describe_in_guest(peer_, path, true, 1, options);
  if (entries.front().kind != FileKind::directory) {
    throw Error(Errc::failed_precondition, "\"" + path +
                                               "\" in the guest: expected a folder, found a " +
                                               std::string(to_string(entries.front().kind)));
  }
  entries.erase(entries.begin());
  return entries;
}

void Files::make_directory(const std::string& path, std::uint16_t permissions, bool parents,
                           const CallOptions& options) {
  peer_->call("make_directory",
              {{"path", path}, {"permissions", permissions}, {"parents", parents}}, options);
}

void Files::remove(const std::string& path, const RemoveOptions& remove,
                   const CallOptions& options) {
  peer_->call(
      "remove",
      {{"path", path}, {"recursive", remove.recursive}, {"ignore_missing", remove.ignore_missing}},
      options);
}

void Files::rename(const std::string& from, const std::string& to, const CallOptions& options) {
  peer_->call("rename", {{"from", from}, {"to", to}}, options);
}

void Files::set_attributes(const std::string& path, const AttributeChange& change,
                           const CallOptions& options) {
  Json params{{"path", path}, {"follow", change.follow}};
  if (change.permissions) params["permissions"] = *change.permissions;
  if (change.uid) params["uid"] = *change.uid;
  if (change.gid) params["gid"] = *change.gid;
  if (change.modified) {
    params["modified"] = {change.modified->seconds, change.modified->nanoseconds};
  }
  peer_->call("set_attributes", std::move(params), options);
}

void Files::make_symlink(const std::string& target, const std::string& path,
                         const CallOptions& options) {
  peer_->call("make_symlink", {{"target", target}, {"path", path}}, options);
}

void Files::make_hard_link(const std::string& existing, const std::string& path,
                           const CallOptions& options) {
  peer_->call("make_hard_link", {{"existing", existing}, {"path", path}}, options);
}

}  // namespace vmkit::agent
