// SPDX-License-Identifier: Apache-2.0
#include <set>
#include <string>
#include <vector>

#include "fuzz/ext4_image.hpp"
#include "fuzz/target.hpp"

#include <vmkit/ext4/reader.hpp>
#include <vmkit/rootfs/export_tar.hpp>

namespace {

using vmkit::Errc;
using vmkit::Error;
using vmkit::ext4::FileExtent;
using vmkit::ext4::FileStatus;
using vmkit::ext4::FileType;
using vmkit::ext4::Inode;
using vmkit::ext4::Reader;
using vmkit::fuzz::accepts;
using vmkit::fuzz::require;

constexpr std::size_t most_folders = 64;

/// Takes a few megabytes of an archive: a sparse file may claim to be as large as it likes.
class BoundedSink final : public vmkit::Sink {
 public:
  void write(std::span<const std::byte> data) override {
    taken_ += data.size();
    if (taken_ > 8 << 20) throw Error(Errc::resource_exhausted, "enough of the archive");
  }

 private:
  std::uint64_t taken_ = 0;
};

/// `call`, of which nothing is expected but that it fails as documented if it fails.
void attempt(const std::function<void()>& call) {
  accepts({Errc::data_corruption, Errc::unsupported}, call);
}

void read_file(Reader& reader, Inode file, std::uint64_t size) {
  attempt([&] {
    std::uint64_t end = 0;
    std::size_t pieces = 0;
    reader.for_each_extent(file, [&](const FileExtent& extent) {
      require(extent.offset == end && extent.length > 0, "pieces follow one another");
      end += extent.length;
      return ++pieces < 10'000;
    });
    require(pieces >= 10'000 || end == size, "pieces cover the file");
  });
  std::vector<std::byte> buffer(3000);
  for (const std::uint64_t at : {std::uint64_t{0}, size / 2, size - 1, size, ~std::uint64_t{0}}) {
    attempt([&] {
      const std::size_t count = reader.read(file, at, buffer);
      const std::uint64_t left = at < size ? size - at : 0;
      require(count == std::min<std::uint64_t>(left, buffer.size()), "reads as far as it goes");
    });
  }
}

void look_at(Reader& reader, Inode inode, std::vector<Inode>& folders) {
  attempt([&] {
    const FileStatus status = reader.stat(inode);
    require(status.attributes.mtime.nanoseconds < 1'000'000'000, "a second has that many");
    require(status.attributes.permissions <= 07777, "permissions are 12 bits");
    if (status.type == FileType::directory) folders.push_back(inode);
    if (status.type == FileType::regular) read_file(reader, inode, status.size);
    if (status.type == FileType::symlink) {
      attempt([&] { require(!reader.symlink_target(inode).empty(), "symlinks have a target"); });
    }
  });
  attempt([&] {
    const auto xattrs = reader.xattrs(inode);
    for (std::size_t i = 1; i < xattrs.size(); ++i) {
      require(xattrs[i - 1].name < xattrs[i].name, "attributes come in order, each once");
    }
  });
}

void walk(Reader& reader) {
  std::set<Inode> seen{reader.root()};
  std::vector<Inode> folders{reader.root()};
  for (std::size_t i = 0; i < folders.size() && i < most_folders; ++i) {
    std::vector<std::pair<std::string, Inode>> entries;
    attempt([&] {
      reader.for_each_entry(folders[i], [&](std::string_view name, Inode inode) {
        require(!name.empty() && name.size() <= 255, "names are names");
        entries.emplace_back(name, inode);
      });
    });
    for (const auto& [name, inode] : entries) {
      if (seen.insert(inode).second) look_at(reader, inode, folders);
    }
    // An index may lead past a name that is there.
    if (!entries.empty()) attempt([&] { reader.lookup(folders[i], entries.back().first); });
  }
}

const vmkit::fuzz::Target target("ext4_read", [](std::string_view input) {
  vmkit::test::MemoryBlockDevice device;
  vmkit::fuzz::make_image(input, device);
  vmkit::fuzz::mend_checksums(device);
  const std::uint64_t changes = device.changes();
  attempt([&] {
    Reader reader = Reader::open(device);
    walk(reader);
    accepts({Errc::data_corruption, Errc::failed_precondition},
            [&] { reader.resolve("/folder/../folder/symlink/x"); });
    BoundedSink sink;
    accepts({Errc::data_corruption, Errc::unsupported, Errc::resource_exhausted},
            [&] { vmkit::rootfs::export_tar(reader, sink); });
  });
  require(device.changes() == changes, "a reader does not write");
});

}  // namespace
