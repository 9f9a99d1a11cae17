// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstdio>
#include <cstring>
#include <string_view>

#include <vmkit/archive/tar_writer.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::archive {
namespace {

constexpr std::size_t block_size = 512;
constexpr std::size_t longest_name = 100;

constexpr std::array<std::byte, 2 * block_size> zeros{};

struct Field {
  std::size_t offset;
  std::size_t length;

  std::size_t digits() const { return length - 1; }  // a NUL ends it
  bool holds(std::uint64_t value) const { return value >> (3 * digits()) == 0; }
};

constexpr Field name_field{0, 100}, mode_field{100, 8}, uid_field{108, 8}, gid_field{116, 8},
    size_field{124, 12}, mtime_field{136, 12}, checksum_field{148, 8}, link_field{157, 100},
    major_field{329, 8}, minor_field{337, 8};
constexpr std::size_t type_offset = 156;
constexpr std::size_t magic_offset = 257;

/// One header block.
class Header {
 public:
  void text(Field field, std::string_view value) {
    std::memcpy(bytes_.data() + field.offset, value.data(), std::min(value.size(), field.length));
  }

  void number(Field field, std::uint64_t value) {
    for (std::size_t i = field.digits(); i-- > 0; value >>= 3) {
      bytes_[field.offset + i] = static_cast<char>('0' + (value & 7));
    }
  }

  std::span<const std::byte> finish(char type) {
    bytes_[type_offset] = type;
    std::memcpy(bytes_.data() + magic_offset, "ustar\00000", 8);
    std::memset(bytes_.data() + checksum_field.offset, ' ', checksum_field.length);
    std::uint64_t sum = 0;
    for (const char c : bytes_) sum += static_cast<unsigned char>(c);
    // Six digits, a NUL and the space: as everybody has written it since there is tar.
    number({checksum_field.offset, 7}, sum);
    bytes_[checksum_field.offset + 6] = '\0';
    return std::as_bytes(std::span(bytes_));
  }

 private:
  std::array<char, block_size> bytes_{};
};

/// "LENGTH KEY=VALUE\n", where the length counts itself.
std::string pax_record(std::string_view key, std::string_view value) {
  const std::string rest = ' ' + std::string(key) + '=' + std::string(value) + '\n';
  std::size_t length = rest.size() + 1;
  while (std::to_string(length).size() + rest.size() != length) ++length;
  return std::to_string(length) + rest;
}

/// The number where its field can hold it; otherwise a record, and 0 in the field.
void put_number(Header& header, std::string& records, Field field, const char* key,
                std::uint64_t value) {
  if (field.holds(value)) {
    header.number(field, value);
  } else {
    header.number(field, 0);
    records += pax_record(key, std::to_string(value));
  }
}

void put_text(Header& header, std::string& records, Field field, const char* key,
              const std::string& value) {
  header.text(field, value);
  if (value.size() > longest_name) records += pax_record(key, value);
}

/// Decimal, of which the fraction of a negative time counts away from zero.
std::string decimal(const Timestamp& time) {
  std::int64_t seconds = time.seconds;
  std::uint32_t nanoseconds = time.nanoseconds;
  const bool negative = seconds < 0;
  if (negative && nanoseconds != 0) {
    ++seconds;
    nanoseconds = 1'000'000'000 - nanoseconds;
  }
  const std::uint64_t magnitude = negative ? std::uint64_t{0} - static_cast<std::uint64_t>(seconds)
                                           : static_cast<std::uint64_t>(seconds);
  std::string text = (negative ? "-" : "") + std::to_string(magnitude);
  if (nanoseconds != 0) {
    char fraction[16];
    std::snprintf(fraction, sizeof fraction, ".%09u", static_cast<unsigned>(nanoseconds));
    text += fraction;
  }
  return text;
}

void put_times(Header& header, std::string& records, const TarEntry& entry) {
  const Timestamp& time = entry.mtime;
  const bool plain = time.nanoseconds == 0 && time.seconds >= 0 &&
                     mtime_field.holds(static_cast<std::uint64_t>(time.seconds));
  header.number(mtime_field, plain ? static_cast<std::uint64_t>(time.seconds) : 0);
  if (!plain) records += pax_record("mtime", decimal(time));
  if (entry.atime) records += pax_record("atime", decimal(*entry.atime));
  if (entry.ctime) records += pax_record("ctime", decimal(*entry.ctime));
}

/// For messages: names come from disks and may hold anything.
std::string shown_path(std::string_view path) {
  constexpr std::size_t enough = 200;
  std::string text = "tar: \"";
  for (const char c : path.substr(0, enough)) text += c >= ' ' && c <= '~' ? c : '?';
  return text + (path.size() > enough ? "…\"" : "\"");
}

char type_flag(EntryType type) {
  switch (type) {
    case EntryType::regular:
      return '0';
    case EntryType::hardlink:
      return '1';
    case EntryType::symlink:
      return '2';
    case EntryType::character_device:
      return '3';
    case EntryType::block_device:
      return '4';
    case EntryType::directory:
      return '5';
    case EntryType::fifo:
      return '6';
  }
  throw Error(Errc::invalid_argument, "tar: unknown type of an entry");
}

void check_writable(const TarEntry& entry) {
  if (entry.path.empty()) throw Error(Errc::invalid_argument, "tar: an entry without a name");
  if ((entry.path + entry.link_target).find('\0') != std::string::npos) {
    throw Error(Errc::invalid_argument, "tar: a name with a NUL character");
  }
  for (const Xattr& xattr : entry.xattrs) {
    // Where a record's key ends is its first "=".
    if (!xattr.name.empty() &&
        xattr.name.find_first_of(std::string_view("=\0", 2)) == std::string::npos)
      continue;
    throw Error(Errc::unsupported, shown_path(entry.path) +
                                       " has an extended attribute whose name is empty or has a "
                                       "\"=\" in it, which a pax archive cannot hold");
  }
}

/// The map of a sparse file in GNU's format 1.0: decimal numbers, a line each, in whole blocks.
std::string sparse_map(const TarEntry& entry, std::span<const TarPiece> pieces) {
  std::string map;
  std::uint64_t end = 0;
  for (const TarPiece& piece : pieces) {
    if (piece.length == 0 || piece.offset < end || piece.offset > entry.size ||
        piece.length > entry.size - piece.offset) {
      throw Error(Errc::invalid_argument,
                  shown_path(entry.path) + ": its pieces are not in order or not within the file");
    }
    end = piece.offset + piece.length;
    map += std::to_string(piece.offset) + '\n' + std::to_string(piece.length) + '\n';
  }
  // A hole at the end is told by an empty piece.
  const bool hole_at_end = end < entry.size;
  if (hole_at_end) map += std::to_string(entry.size) + "\n0\n";
  map.insert(0, std::to_string(pieces.size() + (hole_at_end ? 1 : 0)) + '\n');
  map.resize((map.size() + block_size - 1) / block_size * block_size, '\0');
  return map;
}

}  // namespace

void TarWriter::add(const TarEntry& entry) {
  end_entry();
  check_writable(entry);
  begin(entry, {}, entry.type == EntryType::regular ? entry.size : 0, entry.path);
}

void TarWriter::add_sparse(const TarEntry& entry, std::span<const TarPiece> pieces) {
  end_entry();
  check_writable(entry);
  const std::string map = sparse_map(entry, pieces);
  std::uint64_t stored = map.size();
  for (const TarPiece& piece : pieces) stored += piece.length;
  const std::string records = pax_record("GNU.sparse.major", "1") +
                              pax_record("GNU.sparse.minor", "0") +
                              pax_record("GNU.sparse.name", entry.path) +
                              pax_record("GNU.sparse.realsize", std::to_string(entry.size));
  // Under this name it is put aside by who does not know the format.
  const std::string stored_path = "GNUSparseFile.0/" + entry.path;
  begin(entry, records, stored, stored_path.substr(0, longest_name));
  write(std::as_bytes(std::span(map)));
}

void TarWriter::begin(const TarEntry& entry, std::string records, std::uint64_t size,
                      const std::string& stored_path) {
  Header header;
  put_text(header, records, name_field, "path", stored_path);
  put_text(header, records, link_field, "linkpath", entry.link_target);
  header.number(mode_field, entry.permissions);
  put_number(header, records, uid_field, "uid", entry.uid);
  put_number(header, records, gid_field, "gid", entry.gid);
  put_number(header, records, size_field, "size", size);
  put_times(header, records, entry);
  for (const Xattr& xattr : entry.xattrs) {
    records += pax_record("SCHILY.xattr." + xattr.name, xattr.value);
  }
  for (const auto& [field, value] :
       {std::pair(major_field, entry.device_major), std::pair(minor_field, entry.device_minor)}) {
    if (!field.holds(value)) {
      throw Error(Errc::unsupported, shown_path(entry.path) + ": device number too large");
    }
    header.number(field, value);
  }
  if (!records.empty()) {
    Header extended;
    extended.text(name_field, "PaxHeaders/" + entry.path);
    extended.number(mode_field, 0644);
    for (const Field field : {uid_field, gid_field, mtime_field, major_field, minor_field}) {
      extended.number(field, 0);
    }
    extended.number(size_field, records.size());
    put(extended.finish('x'));
    records.resize((records.size() + block_size - 1) / block_size * block_size, '\0');
    put(std::as_bytes(std::span(records)));
  }
  put(header.finish(type_flag(entry.type)));
  path_ = entry.path;
  missing_ = size;
  padding_ = static_cast<std::size_t>((block_size - size % block_size) % block_size);
}

void TarWriter::write(std::span<const std::byte> data) {
  if (data.size() > missing_) {
    throw Error(Errc::invalid_argument, shown_path(path_) + ": more data than its size");
  }
  missing_ -= data.size();
  if (!data.empty()) put(data);
}

void TarWriter::end_entry() {
  if (missing_ != 0) {
    throw Error(Errc::failed_precondition, shown_path(path_) + ": " + std::to_string(missing_) +
                                               " bytes of its data are missing");
  }
  if (padding_ != 0) put(std::span(zeros).first(padding_));
  padding_ = 0;
}

void TarWriter::finish() {
  end_entry();
  put(zeros);
}

}  // namespace vmkit::archive
