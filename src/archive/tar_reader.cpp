// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <archive.h>
#include <archive_entry.h>
#include <cerrno>
#include <clocale>
#include <exception>
#include <limits>
#include <map>
#include <string_view>
#if __has_include(<xlocale.h>)
#include <xlocale.h>
#endif

#include "archive/acl.hpp"

#include <vmkit/archive/tar_reader.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::archive {
namespace {

constexpr std::size_t buffer_size = 256 * 1024;
/// What libarchive is given at once, so that a header that is too large shows early.
constexpr std::size_t piece_size = 64 * 1024;
/// libarchive takes time quadratic in the entries of an ACL: a header of 1 MiB would hold it, with
/// nothing to stop it, for many seconds.
constexpr std::uint64_t largest_header = 128 * 1024;

/// Puts this thread into the "C" locale. pax names are UTF-8 and libarchive converts them to the
/// locale's charset; to ASCII that fails for all but ASCII, and then it keeps the bytes as they
/// are, which is what we want.
class PlainLocale {
 public:
  explicit PlainLocale(locale_t plain) : previous_(uselocale(plain)) {}
  ~PlainLocale() { uselocale(previous_); }
  PlainLocale(const PlainLocale&) = delete;
  PlainLocale& operator=(const PlainLocale&) = delete;

 private:
  locale_t previous_;
};

std::string text(const char* c_string) {
  return c_string != nullptr ? c_string : "";
}

/// A name for messages: shortened, and without bytes that a terminal would obey.
std::string shown(std::string_view name) {
  std::string result = "\"";
  for (const char c : name.substr(0, 256)) {
    result += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  }
  return result + (name.size() > 256 ? "...\"" : "\"");
}

EntryType type_of(::archive_entry* entry) {
  if (archive_entry_hardlink(entry) != nullptr) return EntryType::hardlink;
  switch (archive_entry_filetype(entry)) {
    case AE_IFDIR:
      return EntryType::directory;
    case AE_IFLNK:
      return EntryType::symlink;
    case AE_IFCHR:
      return EntryType::character_device;
    case AE_IFBLK:
      return EntryType::block_device;
    case AE_IFIFO:
      return EntryType::fifo;
    default:
      return EntryType::regular;  // as POSIX wants unknown types to be taken
  }
}

std::vector<Xattr> xattrs_of(::archive_entry* entry) {
  std::map<std::string, std::string> values;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  archive_entry_xattr_reset(entry);
  while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
    // An archive may give one attribute twice, in two records: the last one holds, and libarchive
    // tells it first.
    values.emplace(text(name), std::string(static_cast<const char*>(value), size));
  }
  if (auto acl = encode_acl(entry, ARCHIVE_ENTRY_ACL_TYPE_ACCESS)) {
    values["system.posix_acl_access"] = std::move(*acl);
  }
  if (auto acl = encode_acl(entry, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT)) {
    values["system.posix_acl_default"] = std::move(*acl);
  }
  std::vector<Xattr> result;
  for (auto& [attribute, bytes] : values) result.push_back({attribute, std::move(bytes)});
  return result;
}

}  // namespace

struct TarReader::Impl {
  Impl() : handle(archive_read_new()), entry(archive_entry_new()) {
    plain_locale = newlocale(LC_ALL_MASK, "C", static_cast<locale_t>(nullptr));
    if (!handle || !entry || plain_locale == static_cast<locale_t>(nullptr)) {
      throw Error(Errc::resource_exhausted, "tar: libarchive could not start: no memory");
    }
  }
  virtual ~Impl() {
    if (handle) archive_read_free(handle);
    if (entry) archive_entry_free(entry);
    if (plain_locale != static_cast<locale_t>(nullptr)) freelocale(plain_locale);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  /// More of the stream; empty only at its end.
  virtual std::span<const std::byte> more() = 0;

  void open() {
    const PlainLocale guard(plain_locale);
    // "empty" takes a stream without a byte; without it that is an unknown format.
    archive_read_support_format_tar(handle);
    archive_read_support_format_empty(handle);
    // Where libarchive was built for macOS it would swallow "._name" members.
    archive_read_set_format_option(handle, "tar", "mac-ext", nullptr);
    opened = true;
    check(archive_read_open(handle, this, nullptr, &Impl::on_read, nullptr));
  }

  static la_ssize_t on_read(::archive* handle, void* self, const void** buffer) {
    return static_cast<Impl*>(self)->give(handle, buffer);
  }

  la_ssize_t give(::archive* on, const void** buffer) noexcept {
    try {
      if (in_header && header_bytes > largest_header) {
        archive_set_error(on, EILSEQ, "a header is larger than 128 KiB");
        return -1;
      }
      if (waiting.empty()) waiting = more();
      const auto bytes = waiting.first(std::min(waiting.size(), piece_size));
      waiting = waiting.subspan(bytes.size());
      header_bytes += bytes.size();
      position += bytes.size();
      *buffer = bytes.data();
      return static_cast<la_ssize_t>(bytes.size());
    } catch (...) {
      failure = std::current_exception();
      archive_set_error(on, EIO, "the source failed");
      return -1;
    }
  }

  /// True when there is an entry or block, false at the end.
  bool check(int status) {
    if (failure) std::rethrow_exception(failure);
    if (status == ARCHIVE_OK) return true;
    if (status == ARCHIVE_EOF) return false;
    const char* message = archive_error_string(handle);
    const std::string_view why = message != nullptr ? message : "unknown error";
    // The wanted outcome of PlainLocale; every other warning means that something was dropped.
    if (status == ARCHIVE_WARN && why.find("can't be converted") != why.npos) return true;
    fail(why);
  }

  [[noreturn]] void fail(std::string_view why) {
    std::string where = "garbled tar archive before byte " + std::to_string(position);
    if (!current.path.empty()) where += ", at or after " + shown(current.path);
    throw Error(Errc::data_corruption, where + ": " + std::string(why),
                NativeError{ErrorDomain::libarchive, archive_errno(handle)});
  }

  const TarEntry* next() {
    if (at_end) return nullptr;
    if (!opened) open();
    while (in_entry) {
      if (!read_block()) in_entry = false;
    }
    const PlainLocale guard(plain_locale);
    in_header = true;
    header_bytes = 0;
    const bool more_entries = check(archive_read_next_header2(handle, entry));
    in_header = false;
    if (!more_entries) {
      at_end = true;
      while (!more().empty()) continue;
      return nullptr;
    }
    convert();
    in_entry = true;
    block_end = 0;
    return &current;
  }

  void convert() {
    current.path = text(archive_entry_pathname(entry));
    current.type = type_of(entry);
    current.link_target = text(current.type == EntryType::hardlink ? archive_entry_hardlink(entry)
                                                                   : archive_entry_symlink(entry));
    current.permissions = static_cast<std::uint16_t>(archive_entry_perm(entry) & 07777);
    current.uid = id(archive_entry_uid(entry), "uid");
    current.gid = id(archive_entry_gid(entry), "gid");
    current.mtime = time(archive_entry_mtime(entry), archive_entry_mtime_nsec(entry));
    current.atime.reset();
    if (archive_entry_atime_is_set(entry)) {
      current.atime = time(archive_entry_atime(entry), archive_entry_atime_nsec(entry));
    }
    current.ctime.reset();
    if (archive_entry_ctime_is_set(entry)) {
      current.ctime = time(archive_entry_ctime(entry), archive_entry_ctime_nsec(entry));
    }
    if (archive_entry_size(entry) < 0) fail("a negative size");
    current.size = current.type == EntryType::regular
                       ? static_cast<std::uint64_t>(archive_entry_size(entry))
                       : 0;
    const bool device =
        current.type == EntryType::character_device || current.type == EntryType::block_device;
    current.device_major = device ? static_cast<std::uint32_t>(archive_entry_rdevmajor(entry)) : 0;
    current.device_minor = device ? static_cast<std::uint32_t>(archive_entry_rdevminor(entry)) : 0;
    current.xattrs = xattrs_of(entry);
  }

  std::uint32_t id(la_int64_t value, const char* what) {
    if (value < 0 || value > std::numeric_limits<std::uint32_t>::max()) {
      fail(std::string(what) + " " + std::to_string(value) + " is out of range");
    }
    return static_cast<std::uint32_t>(value);
  }

  Timestamp time(std::int64_t seconds, long nanoseconds) {
    if (nanoseconds < 0 || nanoseconds > 999'999'999) fail("a time out of range");
    return {seconds, static_cast<std::uint32_t>(nanoseconds)};
  }

  std::optional<TarBlock> read_block() {
    if (!in_entry) return std::nullopt;
    for (;;) {
      const void* data = nullptr;
      std::size_t size = 0;
      la_int64_t offset = 0;
      if (!check(archive_read_data_block(handle, &data, &size, &offset))) {
        in_entry = false;
        return std::nullopt;
      }
      if (size == 0) continue;
      // Some writers give hard links a body; it is read over.
      if (current.type != EntryType::regular) continue;
      const auto start = static_cast<std::uint64_t>(offset);
      if (offset < 0 || start < block_end || start > current.size || size > current.size - start) {
        fail("data at " + std::to_string(offset) + " outside of its file of " +
             std::to_string(current.size) + " bytes");
      }
      block_end = start + size;
      return TarBlock{start, {static_cast<const std::byte*>(data), size}};
    }
  }

  ::archive* handle;
  ::archive_entry* entry;
  locale_t plain_locale;
  TarEntry current;
  std::exception_ptr failure;
  std::span<const std::byte> waiting;  // what libarchive was not given yet of more()
  std::uint64_t position = 0;          // in the stream, of what libarchive was given
  std::uint64_t header_bytes = 0;
  std::uint64_t block_end = 0;
  bool opened = false;
  bool in_header = false;
  bool in_entry = false;
  bool at_end = false;
};

namespace {

template <class Base>
struct FromSource final : Base {
  explicit FromSource(Source& from) : source(from), buffer(new std::byte[buffer_size]) {}
  std::span<const std::byte> more() override {
    return {buffer.get(), source.read(std::span(buffer.get(), buffer_size))};
  }
  Source& source;
  std::unique_ptr<std::byte[]> buffer;  // not filled with zeros first
};

template <class Base>
struct FromReadAhead final : Base {
  explicit FromReadAhead(ReadAhead& from) : source(from) {}
  std::span<const std::byte> more() override { return source.next(); }
  ReadAhead& source;
};

}  // namespace

TarReader::TarReader(Source& source) : impl_(std::make_unique<FromSource<Impl>>(source)) {}
TarReader::TarReader(ReadAhead& source) : impl_(std::make_unique<FromReadAhead<Impl>>(source)) {}
TarReader::~TarReader() = default;

const TarEntry* TarReader::next() {
  return impl_->next();
}

std::optional<TarBlock> TarReader::read_block() {
  return impl_->read_block();
}

}  // namespace vmkit::archive
