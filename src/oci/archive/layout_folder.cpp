// SPDX-License-Identifier: Apache-2.0
#include "oci/archive/layout_folder.hpp"

#include "oci/archive/spooled_archive.hpp"
#include "oci/archive/spooled_file.hpp"
#include "oci/store/file_stream.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::oci {
namespace {

constexpr std::size_t blob_read_size = 256 * 1024;

[[noreturn]] void wrong_content(const std::filesystem::path& path, const Digest& found) {
  throw Error(Errc::data_corruption,
              path.string() + ": its content has the digest " + found.to_string());
}

}  // namespace

std::optional<std::string> LayoutFolder::text(std::string_view name) const {
  auto file = folder_.open_file(name);
  if (!file) return std::nullopt;
  const std::string path = file->path().string();
  FileSource source(std::move(*file));
  return read_document(source, path);
}

os::File LayoutFolder::open(const Descriptor& blob) const {
  const std::string name = blob_name(blob.digest);
  auto file = folder_.open_file(name);
  if (!file) {
    throw Error(Errc::data_corruption, (folder_.path() / name).string() + " is missing");
  }
  if (const ByteSize size = file->size(); size != blob.size) {
    throw Error(Errc::data_corruption, file->path().string() + ": expected " +
                                           std::to_string(blob.size.bytes()) + " bytes, found " +
                                           std::to_string(size.bytes()));
  }
  return std::move(*file);
}

void LayoutFolder::check(const Descriptor& blob) {
  open(blob);
}

std::string LayoutFolder::read(const Descriptor& blob) {
  os::File file = open(blob);
  const auto path = file.path();
  FileSource source(std::move(file));
  std::string content = read_document(source, path.string());
  const Digest found = digest_of(content, blob.digest.algorithm());
  if (found != blob.digest) wrong_content(path, found);
  return content;
}

void LayoutFolder::store(const Descriptor& blob) {
  ProgressMeter meter(options_.progress, "import", blob.digest.to_string(), ProgressUnit::bytes,
                      blob.size.bytes());
  if (!store_.has_blob(blob)) {
    const os::File file = open(blob);
    SpooledFile copy(spool_, blob.digest.algorithm());
    std::vector<std::byte> buffer(blob_read_size);
    // It may be growing: no more is taken than it should have.
    for (std::uint64_t done = 0; done < blob.size.bytes();) {
      options_.check("import " + file.path().string());
      const auto room =
          std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), blob.size.bytes() - done));
      const std::size_t count = file.read_at(done, room);
      if (count == 0) break;
      copy.write(room.first(count));
      done += count;
      meter.set(done);
    }
    copy.finish();
    if (copy.digest() != blob.digest) wrong_content(file.path(), copy.digest());
    copy.store(store_);
  }
  meter.set(blob.size.bytes());
  meter.flush();
}

}  // namespace vmkit::oci
