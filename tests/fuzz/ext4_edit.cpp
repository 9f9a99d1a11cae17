// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <vector>

#include "fuzz/ext4_image.hpp"
#include "fuzz/target.hpp"

#include <vmkit/ext4/filesystem.hpp>
#include <vmkit/ext4/reader.hpp>

namespace {

using vmkit::Errc;
using vmkit::ext4::CommitMode;
using vmkit::ext4::Filesystem;
using vmkit::ext4::FileType;
using vmkit::ext4::FileWriter;
using vmkit::ext4::Inode;
using vmkit::fuzz::accepts;
using vmkit::fuzz::require;

struct Name {
  Inode folder;
  std::string name;
  Inode inode;
};

std::vector<Name> names_of(const Filesystem& fs) {
  std::vector<Name> names;
  std::vector<Inode> folders{fs.root()};
  for (std::size_t i = 0; i < folders.size(); ++i) {
    fs.for_each_entry(folders[i], [&](std::string_view name, Inode inode) {
      names.push_back({folders[i], std::string(name), inode});
    });
    for (std::size_t j = names.size(); j-- > 0 && names[j].folder == folders[i];) {
      if (fs.type(names[j].inode) == FileType::directory) folders.push_back(names[j].inode);
    }
    require(folders.size() <= 100'000, "an image that is opened has no circles");
  }
  return names;
}

/// `call`, which may find that a small image is full, or that something else stands in its way.
bool attempt(const std::function<void()>& call) {
  return accepts({Errc::resource_exhausted, Errc::failed_precondition, Errc::invalid_argument,
                  Errc::unsupported, Errc::already_exists},
                 call);
}

void write_some(FileWriter writer) {
  writer.write(std::vector<std::byte>(5000, std::byte{7}));
  writer.skip(6000);
  writer.write(std::vector<std::byte>(10, std::byte{8}));
  writer.finish();
}

/// Something is done to everything.
void edit(Filesystem& fs) {
  const std::vector<Name> names = names_of(fs);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const Name& name = names[i];
    bool there = false;  // and its folder
    attempt([&] { there = fs.lookup(name.folder, name.name) == name.inode; });
    if (!there) continue;
    const FileType type = fs.type(name.inode);
    if (type == FileType::regular) {
      std::vector<std::byte> buffer(3000);
      fs.read(name.inode, fs.size(name.inode) / 2, buffer);
      attempt([&] {
        write_some(i % 2 == 0 ? fs.append_to(name.inode) : fs.replace_content(name.inode));
      });
    } else if (type == FileType::directory) {
      attempt([&] { write_some(fs.make_file(name.inode, "new file", {.permissions = 0644})); });
    }
    attempt([&] { fs.set_xattrs(name.inode, {{"user.new", std::string(i * 50 % 300, 'x')}}); });
    if (i % 3 == 0) attempt([&] { fs.rename(name.folder, name.name, fs.root(), "renamed"); });
    if (i % 3 == 1) attempt([&] { fs.remove(name.folder, name.name); });
    if (i % 3 == 2) attempt([&] { fs.set_attributes(name.inode, {.permissions = 0600}); });
  }
}

const vmkit::fuzz::Target target("ext4_edit", [](std::string_view input) {
  vmkit::test::MemoryBlockDevice device;
  vmkit::fuzz::make_image(input, device);
  vmkit::fuzz::mend_checksums(device);
  const bool opened =
      accepts({Errc::data_corruption, Errc::unsupported, Errc::failed_precondition}, [&] {
        Filesystem fs = Filesystem::open(device);
        // What is wrong with an old block shows when it is read again: then the image is as it was.
        edit(fs);
        fs.commit(CommitMode::in_place);
      });
  if (!opened) return;
  Filesystem fs = Filesystem::open(device);
  edit(fs);
  fs.commit(CommitMode::in_place);
  const std::size_t names = names_of(fs).size();
  require(names_of(Filesystem::open(device)).size() == names,
          "what was opened and committed can be opened again");
  for (const vmkit::ByteSize size : {vmkit::ByteSize(2 << 20), vmkit::ByteSize(1 << 20)}) {
    const bool resized = attempt([&] { fs.resize(size, CommitMode::in_place); });
    require(names_of(Filesystem::open(device)).size() == names, "resizing loses nothing");
    if (!resized) return;
  }
});

}  // namespace
