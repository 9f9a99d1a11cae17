// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <utility>

#include "agent/tree/format.hpp"
#include "agent/tree/path_error.hpp"

#include <vmkit/agent/tree.hpp>
#include <vmkit/base/byte_order.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::agent {

using namespace tree;

namespace {

[[noreturn]] void malformed(const std::string& what) {
  throw Error(Errc::data_corruption, "file transfer: " + what);
}

/// Takes fields off the front of a record.
class Fields {
 public:
  explicit Fields(std::span<const std::byte> data) : data_(data) {}

  template <class T>
  T number() {
    const auto bytes = take(sizeof(T));
    if constexpr (sizeof(T) == 1) {
      return std::to_integer<T>(bytes[0]);
    } else {
      return load_be<T>(bytes.data());
    }
  }
  std::string text(std::size_t size) {
    const auto bytes = take(size);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  std::string rest() { return text(data_.size()); }
  std::span<const std::byte> rest_bytes() { return take(data_.size()); }
  bool empty() const { return data_.empty(); }

 private:
  std::span<const std::byte> take(std::size_t size) {
    if (data_.size() < size) malformed("a record is too short");
    const auto bytes = data_.first(size);
    data_ = data_.subspan(size);
    return bytes;
  }

  std::span<const std::byte> data_;
};

FileTime read_time(Fields& fields) {
  FileTime time;
  time.seconds = static_cast<std::int64_t>(fields.number<std::uint64_t>());
  time.nanoseconds = fields.number<std::uint32_t>();
  if (time.nanoseconds >= 1'000'000'000) malformed("a time has more than a second of nanoseconds");
  return time;
}

void check_kind(const TreeEntry& entry) {
  if (entry.kind != FileKind::regular && entry.size != 0) malformed("only files have a size");
  if (entry.size > max_file_size) malformed("a file of more than 2^63 bytes");
  const bool link = entry.kind == FileKind::symlink || entry.kind == FileKind::hard_link;
  if (link == entry.link_target.empty()) malformed("links have a target, and nothing else has");
  if (entry.link_target.find('\0') != std::string::npos) malformed("a link's target has a NUL");
  if (entry.kind == FileKind::hard_link && !is_relative_path(entry.link_target)) {
    malformed("a hard link leads out of the tree");
  }
}

}  // namespace

std::string_view to_string(FileKind kind) noexcept {
  switch (kind) {
    case FileKind::regular:
      return "file";
    case FileKind::directory:
      return "folder";
    case FileKind::symlink:
      return "symlink";
    case FileKind::hard_link:
      return "hard link";
    case FileKind::character_device:
      return "character device";
    case FileKind::block_device:
      return "block device";
    case FileKind::fifo:
      return "fifo";
    case FileKind::socket:
      return "socket";
  }
  return "?";
}

void CopyNotices::add(CopyNotice notice) {
  if (list.size() < max_notices) {
    list.push_back({printable(std::move(notice.path), max_notice_path),
                    printable(std::move(notice.what), max_notice_text)});
  } else {
    ++left_out;
  }
}

struct TreeReader::Impl {
  explicit Impl(Source& from) : source(from), buffer(2 * (record_header + max_record)) {}

  const TreeEntry* next();
  std::optional<TreeBlock> read_block();

  void read_magic();
  std::span<const std::byte> fill(std::size_t size);
  void consume(std::size_t size) { begin += size; }
  Record peek();
  std::span<const std::byte> take();
  void take_notice();
  void take_leave();
  void take_end();
  void take_entry();
  void take_xattr();

  Source& source;
  std::vector<std::byte> buffer;
  std::size_t begin = 0;
  std::size_t end = 0;

  bool started = false;
  bool rooted = false;
  bool finished = false;
  std::uint64_t count = 0;
  std::string folder;              // the path of the innermost one that is open
  std::vector<std::size_t> outer;  // the lengths of `folder` to go back to; one for each
  TreeEntry entry;
  std::size_t xattr_bytes = 0;
  std::uint64_t data_end = 0;
  CopyNotices notices;
};

// `size` bytes of the source in one piece, or what there is before its end.
std::span<const std::byte> TreeReader::Impl::fill(std::size_t size) {
  if (end - begin < size && buffer.size() - begin < size) {
    std::memmove(buffer.data(), &buffer[begin], end - begin);
    end -= begin;
    begin = 0;
  }
  while (end - begin < size) {
    const std::size_t got = source.read(std::span(buffer).subspan(end));
    if (got == 0) break;
    end += got;
  }
  return std::span(buffer).subspan(begin, std::min(size, end - begin));
}

void TreeReader::Impl::read_magic() {
  if (std::exchange(started, true)) return;
  const auto bytes = fill(stream_magic.size());
  if (bytes.size() != stream_magic.size() ||
      std::memcmp(bytes.data(), stream_magic.data(), stream_magic.size()) != 0) {
    malformed(bytes.empty() ? "nothing came" : "not a tree of files");
  }
  consume(stream_magic.size());
}

Record TreeReader::Impl::peek() {
  const auto header = fill(record_header);
  if (header.size() < record_header) malformed("it ends before its end mark");
  const auto type = static_cast<Record>(header[0]);
  switch (type) {
    case Record::entry:
    case Record::xattr:
    case Record::data:
    case Record::leave:
    case Record::notice:
    case Record::end:
      return type;
  }
  malformed("an unknown record");
}

// Peeked at before. Valid until the next peek().
std::span<const std::byte> TreeReader::Impl::take() {
  const std::size_t size = load_be<std::uint32_t>(fill(record_header).data()) & 0xffffff;
  if (size > max_record) malformed("a record of " + std::to_string(size) + " bytes");
  const auto record = fill(record_header + size);
  if (record.size() < record_header + size) malformed("it ends within a record");
  consume(record_header + size);
  return record.subspan(record_header);
}

void TreeReader::Impl::take_notice() {
  Fields fields(take());
  const auto size = fields.number<std::uint16_t>();
  if (size > max_notice_path) malformed("a notice with a path that is too long");
  CopyNotice notice;
  notice.path = fields.text(size);
  notice.what = fields.rest();
  if (notice.what.size() > max_notice_text) malformed("a notice that is too long");
  notices.add(std::move(notice));
}

void TreeReader::Impl::take_leave() {
  if (!take().empty() || outer.empty()) malformed("a folder's end without a folder");
  folder.resize(outer.back());
  outer.pop_back();
}

void TreeReader::Impl::take_end() {
  Fields fields(take());
  const auto told = fields.number<std::uint64_t>();
  if (!fields.empty() || !rooted || !outer.empty() || told != count) {
    malformed("the end mark does not fit what came before it");
  }
  finished = true;
}

void TreeReader::Impl::take_entry() {
  Fields fields(take());
  const auto kind = fields.number<std::uint8_t>();
  if (kind > static_cast<std::uint8_t>(FileKind::socket)) malformed("an unknown kind of file");
  if (fields.number<std::uint8_t>() != 0) malformed("an entry's reserved byte is not zero");
  entry.kind = static_cast<FileKind>(kind);
  entry.permissions = fields.number<std::uint16_t>();
  if (entry.permissions > 07777) malformed("permissions beyond 12 bits");
  entry.uid = fields.number<std::uint32_t>();
  entry.gid = fields.number<std::uint32_t>();
  entry.modified = read_time(fields);
  entry.accessed = read_time(fields);
  entry.size = fields.number<std::uint64_t>();
  entry.device_major = fields.number<std::uint32_t>();
  entry.device_minor = fields.number<std::uint32_t>();
  const auto name_size = fields.number<std::uint16_t>();
  const auto target_size = fields.number<std::uint16_t>();
  const std::string name = fields.text(name_size);
  const std::size_t longest =
      entry.kind == FileKind::hard_link ? max_record : max_target;  // of a hard link: any path
  if (target_size > longest) malformed("a link's target is too long");
  entry.link_target = fields.text(target_size);
  if (!fields.empty()) malformed("an entry is too long");
  check_kind(entry);
  if (rooted ? outer.empty() || !is_name(name) : !name.empty()) {
    malformed(rooted ? "an entry outside of a folder, or without a name" : "the root has a name");
  }
  if (!rooted && entry.kind == FileKind::hard_link) malformed("the root is a hard link");
  entry.path = folder.empty() ? name : folder + "/" + name;
  rooted = true;
  ++count;
  if (entry.kind == FileKind::directory) {
    if (outer.size() >= max_depth) malformed("too many folders one in another");
    outer.push_back(folder.size());
    folder = entry.path;
  }
}

void TreeReader::Impl::take_xattr() {
  const auto record = take();
  Fields fields(record);
  const auto size = fields.number<std::uint16_t>();
  FileXattr xattr;
  xattr.name = fields.text(size);
  xattr.value = fields.rest();
  xattr_bytes += record.size();
  if (xattr.name.empty() || xattr.name.size() > max_name ||
      xattr.name.find('\0') != std::string::npos || xattr.value.size() > max_xattr_value ||
      xattr_bytes > max_xattr_bytes) {
    malformed("extended attributes beyond what files have");
  }
  entry.xattrs.push_back(std::move(xattr));
}

const TreeEntry* TreeReader::Impl::next() {
  read_magic();
  while (!finished) {
    switch (peek()) {
      case Record::data:
        if (!read_block()) malformed("data of no file");
        break;
      case Record::notice:
        take_notice();
        break;
      case Record::leave:
        take_leave();
        entry.kind = FileKind::directory;  // no data may follow
        entry.size = 0;
        break;
      case Record::end:
        take_end();
        break;
      case Record::xattr:
        malformed("an extended attribute of nothing");
      case Record::entry:
        take_entry();
        entry.xattrs.clear();
        xattr_bytes = 0;
        data_end = 0;
        while (peek() == Record::xattr) take_xattr();
        return &entry;
    }
  }
  return nullptr;
}

std::optional<TreeBlock> TreeReader::Impl::read_block() {
  while (!finished && rooted && peek() == Record::notice) take_notice();
  if (finished || !rooted || peek() != Record::data) return std::nullopt;
  Fields fields(take());
  TreeBlock block{fields.number<std::uint64_t>(), {}};
  block.data = fields.rest_bytes();
  if (entry.kind != FileKind::regular || block.data.empty() || block.offset < data_end ||
      block.offset > entry.size || block.data.size() > entry.size - block.offset) {
    malformed("data that is not in its file");
  }
  data_end = block.offset + block.data.size();
  return block;
}

TreeReader::TreeReader(Source& source) : impl_(std::make_unique<Impl>(source)) {}
TreeReader::~TreeReader() = default;

const TreeEntry* TreeReader::next() {
  return impl_->next();
}

std::optional<TreeBlock> TreeReader::read_block() {
  return impl_->read_block();
}

const CopyNotices& TreeReader::notices() const {
  return impl_->notices;
}

}  // namespace vmkit::agent
