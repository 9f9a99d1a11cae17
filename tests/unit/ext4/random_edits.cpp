// SPDX-License-Identifier: Apache-2.0
#include "unit/ext4/random_edits.hpp"

#include <algorithm>

#include "unit/ext4/image.hpp"

namespace vmkit::ext4::test {

std::string RandomEdits::new_name() {
  const unsigned length = below(4) == 0 ? below(200) : below(20);
  return std::to_string(names_++) + std::string(length, static_cast<char>('a' + below(26)));
}

Attributes RandomEdits::some_attributes() {
  const auto time = [&] { return Timestamp{below(2'000'000'000), below(1'000'000'000)}; };
  return {static_cast<std::uint16_t>(below(07777)), below(100'000), below(100'000),
          time(), time(), time()};
}

std::vector<Xattr> RandomEdits::some_xattrs() {
  std::vector<Xattr> xattrs;
  for (unsigned i = below(4); i > 0; --i) {
    xattrs.push_back({"user." + std::to_string(i), pattern(below(3) == 0 ? below(900) : 10, i)});
  }
  return xattrs;
}

/// In an order that the names alone decide.
std::vector<RandomEdits::Place> RandomEdits::all_places(Filesystem& fs) {
  std::vector<Place> places;
  std::vector<Inode> folders = {fs.root()};
  for (std::size_t i = 0; i < folders.size(); ++i) {
    std::vector<Place> here;
    fs.for_each_entry(folders[i], [&](std::string_view name, Inode inode) {
      if (name != "lost+found") here.push_back({folders[i], std::string(name), inode});
    });
    std::sort(here.begin(), here.end(),
              [](const Place& a, const Place& b) { return a.name < b.name; });
    for (const Place& place : here) {
      if (fs.type(place.inode) == FileType::directory) folders.push_back(place.inode);
      places.push_back(place);
    }
  }
  return places;
}

void RandomEdits::step(Filesystem& fs) {
  const std::vector<Place> places = all_places(fs);
  std::vector<Inode> folders = {fs.root()};
  std::vector<Place> files;
  for (const Place& place : places) {
    if (fs.type(place.inode) == FileType::directory) folders.push_back(place.inode);
    if (fs.type(place.inode) == FileType::regular) files.push_back(place);
  }
  const Inode folder = folders[below(static_cast<unsigned>(folders.size()))];
  const Place* place =
      places.empty() ? nullptr : &places[below(static_cast<unsigned>(places.size()))];
  switch (below(14)) {
    case 0:
    case 1:
      fs.make_directory(folder, new_name(), some_attributes());
      break;
    case 2:
    case 3:
    case 4: {
      FileWriter writer = fs.make_file(folder, new_name(), some_attributes());
      for (unsigned i = below(8); i > 0; --i) {
        writer.write(bytes_of(pattern(below(3) == 0 ? below(100'000) : below(5000), names_ + i)));
        if (below(3) == 0) writer.skip(below(50'000));
      }
      writer.finish();
      break;
    }
    case 5:
      fs.make_symlink(folder, new_name(), std::string(1 + below(below(2) == 0 ? 59 : 3000), 't'),
                      some_attributes());
      break;
    case 6:
      fs.make_special(folder, new_name(), FileType::character_device, {below(4096), below(1000)},
                      some_attributes());
      break;
    case 7:
      if (!files.empty()) {
        fs.link(folder, new_name(), files[below(static_cast<unsigned>(files.size()))].inode);
      }
      break;
    case 8:
      for (unsigned i = below(150); i > 0; --i) {
        fs.make_special(folder, new_name(), FileType::fifo, {}, {.permissions = 0600});
      }
      break;
    case 9:
    case 10:
      if (place != nullptr) fs.remove(place->folder, place->name);
      break;
    case 11:
      if (place != nullptr) fs.set_attributes(place->inode, some_attributes());
      break;
    default:
      if (place != nullptr) fs.set_xattrs(place->inode, some_xattrs());
      break;
  }
}

void RandomEdits::apply(Filesystem& fs, int steps) {
  for (int i = 0; i < steps; ++i) step(fs);
}

}  // namespace vmkit::ext4::test
