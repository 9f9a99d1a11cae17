// SPDX-License-Identifier: Apache-2.0
#include "oci/archive/spooled_archive.hpp"

#include <algorithm>
#include <vector>

#include "oci/document/shown.hpp"
#include "oci/store/store_layout.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::oci {
namespace {

// Both bound the memory for names; ours and everybody else's have at most some 150 characters.
constexpr std::size_t most_entries = 50'000;
constexpr std::size_t longest_name = 512;
constexpr int longest_link_chain = 8;
constexpr std::size_t longest_shown_name = 200;

const char* kind_of(archive::EntryType type) {
  switch (type) {
    case archive::EntryType::regular:
      return "a regular file";
    case archive::EntryType::directory:
      return "a folder";
    case archive::EntryType::symlink:
      return "a symbolic link";
    case archive::EntryType::hardlink:
      return "a hard link";
    case archive::EntryType::fifo:
      return "a fifo";
    default:
      return "a device";
  }
}

bool is_link(archive::EntryType type) {
  return type == archive::EntryType::symlink || type == archive::EntryType::hardlink;
}

std::string_view folder_of(std::string_view name) {
  const std::size_t slash = name.rfind('/');
  return slash == name.npos ? std::string_view() : name.substr(0, slash);
}

}  // namespace

std::string blob_name(const Digest& digest) {
  return std::string(layout::blobs) + '/' + std::string(to_string(digest.algorithm())) + '/' +
         digest.hex();
}

std::optional<Digest> digest_of_blob_name(std::string_view name) {
  const std::string prefix = std::string(layout::blobs) + '/';
  if (!name.starts_with(prefix)) return std::nullopt;
  std::string text(name.substr(prefix.size()));
  const std::size_t slash = text.find('/');
  if (slash == text.npos) return std::nullopt;
  text[slash] = ':';
  return Digest::try_parse(text);
}

std::string read_document(Source& source, std::string_view what) {
  std::string content;
  std::vector<std::byte> buffer(64 * 1024);
  while (const std::size_t count = source.read(buffer)) {
    content.append(reinterpret_cast<const char*>(buffer.data()), count);
    if (content.size() > longest_document.bytes()) {
      throw Error(Errc::data_corruption, std::string(what) + ": expected at most " +
                                             to_string(longest_document) + " of JSON, found more");
    }
  }
  return content;
}

std::string SpooledArchive::entry_text(std::string_view name) const {
  return archive_ + ": entry " + shown(name, longest_shown_name);
}

void SpooledArchive::fail(std::string_view name, const std::string& problem) const {
  throw Error(Errc::data_corruption, entry_text(name) + ": " + problem);
}

std::string SpooledArchive::normalised(std::string_view name) const {
  for (std::string_view rest = name; !rest.empty();) {
    const std::string_view part = rest.substr(0, rest.find('/'));
    if (part == "..") fail(name, "expected a plain name, found one with \"..\"");
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
  }
  return target_of(name, {}, name);
}

std::string SpooledArchive::target_of(std::string_view name, std::string_view folder,
                                      std::string_view shown_as) const {
  if (name.starts_with('/')) fail(shown_as, "expected a relative name, found an absolute one");
  if (name.size() > longest_name) fail(shown_as, "the name is too long");
  std::string result(folder);
  while (!name.empty()) {
    const std::string_view part = name.substr(0, name.find('/'));
    name.remove_prefix(std::min(name.size(), part.size() + 1));
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (result.empty()) fail(shown_as, "links to something outside of the archive");
      result.resize(folder_of(result).size());
      continue;
    }
    if (!result.empty()) result += '/';
    result += part;
  }
  return result;
}

void SpooledArchive::read(Source& tar,
                          const std::function<bool(const std::string& name)>& is_needed,
                          const std::function<void(const std::string& name)>& arrived) {
  archive::TarReader reader(tar);
  const auto next = [&] {
    try {
      return reader.next();
    } catch (const Error& error) {
      throw error.with_context(archive_);
    }
  };
  while (const archive::TarEntry* entry = next()) {
    options_.check("import " + archive_);
    take(reader, *entry, is_needed, arrived);
  }
}

void SpooledArchive::take(archive::TarReader& reader, const archive::TarEntry& entry,
                          const std::function<bool(const std::string& name)>& is_needed,
                          const std::function<void(const std::string& name)>& arrived) {
  const std::string name = normalised(entry.path);
  if (entry.type == archive::EntryType::directory) return;
  if (name.empty()) fail(entry.path, "expected a name");
  if (entries_.size() >= most_entries) {
    throw Error(
        Errc::resource_exhausted,
        archive_ + ": expected at most " + std::to_string(most_entries) + " entries, found more");
  }
  const auto [place, added] = entries_.try_emplace(name, Entry{entry.type});
  if (!added) fail(name, "is in the archive twice");
  if (entry.type == archive::EntryType::symlink) {
    place->second.link = target_of(entry.link_target, folder_of(name), name);
  } else if (entry.type == archive::EntryType::hardlink) {
    place->second.link = normalised(entry.link_target);
  }
  if (entry.type != archive::EntryType::regular || !is_needed(name)) return;
  place->second.file = spool(reader, entry, name);
  arrived(name);
}

std::unique_ptr<SpooledFile> SpooledArchive::find_in_store(const Digest& digest, ByteSize size) {
  const Descriptor blob{{}, digest, size};
  if (!store_.has_blob(blob)) return nullptr;
  lease_.add(std::span(&digest, 1), options_);
  // Only from now on does it stay.
  return store_.has_blob(blob) ? std::make_unique<SpooledFile>(store_, blob) : nullptr;
}

std::unique_ptr<SpooledFile> SpooledArchive::spool(archive::TarReader& reader,
                                                   const archive::TarEntry& entry,
                                                   const std::string& name) {
  const auto digest = digest_of_blob_name(name);
  if (digest) {
    if (auto file = find_in_store(*digest, ByteSize(entry.size))) return file;
  }
  const auto next = [&] {
    try {
      return reader.read_block();
    } catch (const Error& error) {
      throw error.with_context(entry_text(name));
    }
  };
  auto file =
      std::make_unique<SpooledFile>(spool_, digest ? digest->algorithm() : DigestAlgorithm::sha256);
  std::uint64_t length = 0;
  const auto check_dense = [&](std::uint64_t offset) {
    if (offset != length) fail(name, "expected all of its bytes, found a sparse file");
  };
  while (const auto block = next()) {
    options_.check("import " + archive_);
    check_dense(block->offset);
    file->write(block->data);
    length += block->data.size();
  }
  check_dense(entry.size);
  file->finish();
  if (digest && file->digest() != *digest) {
    fail(name, "its content has the digest " + file->digest().to_string());
  }
  return file;
}

bool SpooledArchive::has(const std::string& name) const {
  const auto entry = entries_.find(name);
  return entry != entries_.end() && entry->second.file != nullptr;
}

bool SpooledArchive::has(const Digest& digest) const {
  return has(blob_name(digest));
}

SpooledFile& SpooledArchive::file(const std::string& name) {
  std::string at = normalised(name);
  for (int links = 0; links <= longest_link_chain; ++links) {
    const auto entry = entries_.find(at);
    if (entry == entries_.end()) {
      fail(name, links == 0 ? "is missing in the archive"
                            : "links to " + shown(at, longest_shown_name) +
                                  ", which is missing in the archive");
    }
    if (!is_link(entry->second.type)) {
      if (!entry->second.file) {
        fail(name, std::string("expected a regular file, found ") + kind_of(entry->second.type));
      }
      return *entry->second.file;
    }
    at = entry->second.link;
  }
  fail(name, "links lead in a circle, or too far");
}

std::string SpooledArchive::text(const std::string& name) {
  return read_document(*file(name).open(), entry_text(name));
}

void SpooledArchive::check(const Descriptor& blob) {
  const std::string name = blob_name(blob.digest);
  const auto entry = entries_.find(name);
  if (entry != entries_.end() && entry->second.type != archive::EntryType::regular) {
    fail(name, std::string("expected a regular file, found ") + kind_of(entry->second.type));
  }
  const SpooledFile& found = file(name);
  if (found.size() == blob.size) return;
  fail(name, "expected " + std::to_string(blob.size.bytes()) + " bytes, found " +
                 std::to_string(found.size().bytes()));
}

std::string SpooledArchive::read(const Descriptor& blob) {
  check(blob);
  const std::string name = blob_name(blob.digest);
  std::string content = text(name);
  // What was in the store before was not hashed when it came.
  if (digest_of(content, blob.digest.algorithm()) == blob.digest) return content;
  throw Error(Errc::data_corruption, store_.blob_path(blob.digest).string() +
                                         ": its content has another digest; remove it");
}

void SpooledArchive::store(const Descriptor& blob) {
  check(blob);
  file(blob_name(blob.digest)).store(store_);
}

}  // namespace vmkit::oci
