// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string_view>

#include "agent/tree/format.hpp"
#include "agent/tree/path_error.hpp"

#include <vmkit/agent/tree.hpp>
#include <vmkit/base/byte_order.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::agent {

using namespace tree;

struct TreeWriter::Impl {
  explicit Impl(Sink& to) : sink(to) { put_text(stream_magic); }

  void begin(Record type, std::size_t size);
  template <class T>
  void put(T value) {
    std::byte bytes[sizeof(T)];
    store_be(bytes, value);
    output.insert(output.end(), bytes, bytes + sizeof bytes);
  }
  void put_text(std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text));
    output.insert(output.end(), bytes.begin(), bytes.end());
  }
  void put_time(const FileTime& time) {
    put(static_cast<std::uint64_t>(time.seconds));
    put(time.nanoseconds);
  }
  void flush();
  void enter(const TreeEntry& entry);

  Sink& sink;
  std::vector<std::byte> output;
  std::vector<std::string> folders;  // those that are open, by their paths
  bool rooted = false;
  std::uint64_t count = 0;
  std::uint64_t size = 0;  // of the file that is written
  std::uint64_t data_end = 0;
};

namespace {

constexpr std::size_t flush_size = 64 * 1024;

[[noreturn]] void refuse(const TreeEntry& entry, const char* what) {
  throw Error(Errc::invalid_argument, "file transfer: " + shown(entry.path) + ": " + what);
}

void check(const TreeEntry& entry) {
  const bool link = entry.kind == FileKind::symlink || entry.kind == FileKind::hard_link;
  if (link == entry.link_target.empty()) refuse(entry, "links have a target, and only they");
  if (entry.link_target.find('\0') != std::string::npos ||
      (entry.kind == FileKind::symlink ? entry.link_target.size() > max_target
                                       : link && !is_relative_path(entry.link_target))) {
    refuse(entry, "the link's target is none");
  }
  if (entry.permissions > 07777) refuse(entry, "permissions beyond 12 bits");
  if (entry.kind != FileKind::regular ? entry.size != 0 : entry.size > max_file_size) {
    refuse(entry, "only files have a size, of less than 2^63 bytes");
  }
  for (const FileTime& time : {entry.modified, entry.accessed}) {
    if (time.nanoseconds >= 1'000'000'000) refuse(entry, "nanoseconds are less than a second");
  }
  std::size_t bytes = 0;
  for (const FileXattr& xattr : entry.xattrs) {
    bytes += 2 + xattr.name.size() + xattr.value.size();
    if (xattr.name.empty() || xattr.name.size() > max_name ||
        xattr.name.find('\0') != std::string::npos || xattr.value.size() > max_xattr_value ||
        bytes > max_xattr_bytes) {
      refuse(entry, "extended attributes beyond what files have");
    }
  }
}

}  // namespace

void TreeWriter::Impl::begin(Record type, std::size_t length) {
  put(static_cast<std::uint32_t>(static_cast<std::uint32_t>(type) << 24 | length));
}

void TreeWriter::Impl::flush() {
  if (output.empty()) return;
  sink.write(output);
  output.clear();
}

// Leaves the folders that the entry is not in.
void TreeWriter::Impl::enter(const TreeEntry& entry) {
  if (!rooted) {
    if (!entry.path.empty() || entry.kind == FileKind::hard_link) {
      refuse(entry, "a tree begins with its root, whose path is empty");
    }
    return;
  }
  if (!is_relative_path(entry.path)) refuse(entry, "expected a path within the tree");
  const auto parent = parent_of(entry.path);
  const auto found = std::find(folders.rbegin(), folders.rend(), parent);
  if (found == folders.rend()) refuse(entry, "its folder has not come, or is over");
  for (auto open = folders.rbegin(); open != found; ++open) begin(Record::leave, 0);
  folders.erase(found.base(), folders.end());
}

TreeWriter::TreeWriter(Sink& sink) : impl_(std::make_unique<Impl>(sink)) {}
TreeWriter::~TreeWriter() = default;

void TreeWriter::add(const TreeEntry& entry) {
  check(entry);
  impl_->enter(entry);
  if (entry.kind == FileKind::directory) {
    if (impl_->folders.size() >= max_depth) refuse(entry, "too many folders one in another");
    impl_->folders.push_back(entry.path);
  }
  const auto name = name_of(entry.path);
  Impl& out = *impl_;
  out.begin(Record::entry, entry_fixed_size + name.size() + entry.link_target.size());
  out.put(static_cast<std::uint16_t>(static_cast<unsigned>(entry.kind) << 8));
  out.put(entry.permissions);
  out.put(entry.uid);
  out.put(entry.gid);
  out.put_time(entry.modified);
  out.put_time(entry.accessed);
  out.put(entry.size);
  out.put(entry.device_major);
  out.put(entry.device_minor);
  out.put(static_cast<std::uint16_t>(name.size()));
  out.put(static_cast<std::uint16_t>(entry.link_target.size()));
  out.put_text(name);
  out.put_text(entry.link_target);
  for (const FileXattr& xattr : entry.xattrs) {
    out.begin(Record::xattr, 2 + xattr.name.size() + xattr.value.size());
    out.put(static_cast<std::uint16_t>(xattr.name.size()));
    out.put_text(xattr.name);
    out.put_text(xattr.value);
  }
  out.rooted = true;
  ++out.count;
  out.size = entry.kind == FileKind::regular ? entry.size : 0;
  out.data_end = 0;
  if (out.output.size() >= flush_size) out.flush();
}

void TreeWriter::write(std::uint64_t offset, std::span<const std::byte> data) {
  if (offset < impl_->data_end || offset > impl_->size || data.size() > impl_->size - offset) {
    throw Error(Errc::invalid_argument, "file transfer: data that is not in its file");
  }
  impl_->data_end = offset + data.size();
  while (!data.empty()) {
    const auto part = data.first(std::min(data.size(), max_data));
    impl_->begin(Record::data, sizeof offset + part.size());
    impl_->put(offset);
    impl_->output.insert(impl_->output.end(), part.begin(), part.end());
    if (impl_->output.size() >= flush_size) impl_->flush();
    offset += part.size();
    data = data.subspan(part.size());
  }
}

void TreeWriter::notice(const CopyNotice& notice) {
  const std::string_view path = std::string_view(notice.path).substr(0, max_notice_path);
  const std::string_view what = std::string_view(notice.what).substr(0, max_notice_text);
  impl_->begin(Record::notice, 2 + path.size() + what.size());
  impl_->put(static_cast<std::uint16_t>(path.size()));
  impl_->put_text(path);
  impl_->put_text(what);
}

void TreeWriter::finish() {
  if (!impl_->rooted) {
    throw Error(Errc::failed_precondition, "file transfer: a tree without a root cannot end");
  }
  for (std::size_t i = 0; i < impl_->folders.size(); ++i) impl_->begin(Record::leave, 0);
  impl_->folders.clear();
  impl_->begin(Record::end, sizeof impl_->count);
  impl_->put(impl_->count);
  impl_->flush();
}

}  // namespace vmkit::agent
