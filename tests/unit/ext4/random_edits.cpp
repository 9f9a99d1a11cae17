// SPDX-License-Identifier: Apache-2.0
#include "unit/ext4/random_edits.hpp"

#include <algorithm>
#include <cstdlib>

#include "unit/ext4/image.hpp"

namespace vmkit::ext4::test {
namespace {

bool any(FileType) {
  return true;
}
bool regular(FileType type) {
  return type == FileType::regular;
}
bool folder_type(FileType type) {
  return type == FileType::directory;
}

std::string parent_of(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}
std::string base_of(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

std::string content_in(Filesystem& fs, Inode file) {
  std::string text(fs.size(file), '\0');
  const std::size_t found = fs.read(file, 0, std::as_writable_bytes(std::span(text)));
  CHECK(found == text.size());
  return text;
}

}  // namespace

std::string RandomEdits::new_name() {
  const unsigned length = below(4) == 0 ? below(200) : below(20);
  return std::to_string(names_++) + std::string(length, static_cast<char>('a' + below(26)));
}

Attributes RandomEdits::some_attributes() {
  const auto time = [&] { return Timestamp{below(2'000'000'000), below(1'000'000'000)}; };
  const auto permissions = static_cast<std::uint16_t>(below(07777));
  const std::uint32_t uid = below(100'000);
  const std::uint32_t gid = below(100'000);
  const Timestamp mtime = time();
  const Timestamp atime = time();
  return {permissions, uid, gid, mtime, atime, time()};
}

std::vector<Xattr> RandomEdits::some_xattrs() {
  std::vector<Xattr> xattrs;
  for (unsigned i = below(4); i > 0; --i) {
    xattrs.push_back({"trusted." + std::to_string(i), pattern(below(3) == 0 ? below(900) : 10, i)});
  }
  return xattrs;
}

std::string RandomEdits::pick(Filesystem& fs, bool (*fits)(FileType)) {
  std::vector<const std::string*> fitting;
  for (const auto& [path, inode] : paths_) {
    if (fits(fs.type(inode))) fitting.push_back(&path);
  }
  return fitting.empty() ? std::string() : *fitting[below(fitting.size())];
}

void RandomEdits::write_something(Filesystem& fs, Inode file) {
  const bool anew = below(2) == 0;
  FileWriter writer = anew ? fs.replace_content(file) : fs.append_to(file);
  std::string& content = contents_[file];
  if (anew) content.clear();
  for (unsigned i = below(8); i > 0; --i) {
    const std::string data = pattern(below(3) == 0 ? below(100'000) : below(5000), names_ + i);
    writer.write(bytes_of(data));
    content += data;
    if (below(3) != 0) continue;
    const unsigned hole = below(50'000);
    writer.skip(hole);
    content.append(hole, '\0');
  }
  writer.finish();
}

void RandomEdits::add_something(Filesystem& fs, Inode folder, const std::string& path) {
  const std::string name = base_of(path);
  switch (below(8)) {
    case 0:
    case 1:
      paths_[path] = fs.make_directory(folder, name, some_attributes());
      break;
    case 2:
    case 3:
    case 4: {
      FileWriter writer = fs.make_file(folder, name, some_attributes());
      const Inode file = paths_[path] = writer.inode();
      writer.finish();
      contents_[file].clear();  // the number may have been another's
      write_something(fs, file);
      break;
    }
    case 5:
      paths_[path] = fs.make_symlink(
          folder, name, std::string(1 + below(below(2) == 0 ? 59 : 3000), 't'), some_attributes());
      break;
    case 6:
      paths_[path] = fs.make_special(folder, name, FileType::character_device,
                                     {below(4096), below(1000)}, some_attributes());
      break;
    default: {
      const std::string target = pick(fs, regular);
      if (target.empty()) break;
      fs.link(folder, name, at(target));
      paths_[path] = at(target);
      break;
    }
  }
}

void RandomEdits::forget(const std::string& path) {
  paths_.erase(path);
  const std::string below_it = path + '/';
  for (auto at = paths_.lower_bound(below_it);
       at != paths_.end() && at->first.starts_with(below_it);) {
    at = paths_.erase(at);
  }
}

void RandomEdits::rename_something(Filesystem& fs) {
  const std::string from = pick(fs, any);
  const std::string folder = pick(fs, folder_type);
  if (from.empty()) return;
  std::string to = folder + '/' + new_name();
  if (below(3) == 0) to = pick(fs, any);
  const Inode from_folder = parent_of(from).empty() ? fs.root() : at(parent_of(from));
  const Inode to_folder = parent_of(to).empty() ? fs.root() : at(parent_of(to));
  const Inode moved = at(from);
  try {
    fs.rename(from_folder, base_of(from), to_folder, base_of(to));
  } catch (const Error& error) {
    const bool expected =
        error.code() == Errc::invalid_argument || error.code() == Errc::failed_precondition;
    CHECK_MESSAGE(expected, error.what());
    return;
  }
  const auto there = paths_.find(to);
  if (there != paths_.end() && there->second == moved) return;
  forget(to);
  Paths renamed;
  for (const auto& [path, inode] : paths_) {
    const bool inside = path == from || path.starts_with(from + '/');
    renamed[inside ? to + path.substr(from.size()) : path] = inode;
  }
  paths_ = std::move(renamed);
}

void RandomEdits::step(Filesystem& fs) {
  const std::string folder = below(4) == 0 ? std::string() : pick(fs, folder_type);
  const Inode folder_inode = folder.empty() ? fs.root() : at(folder);
  const std::string some = pick(fs, any);
  switch (below(16)) {
    case 0:
      for (unsigned i = below(150); i > 0; --i) {
        const std::string name = new_name();
        paths_[folder + '/' + name] =
            fs.make_special(folder_inode, name, FileType::fifo, {}, {.permissions = 0600});
      }
      break;
    case 1:
    case 2:
      if (some.empty()) break;
      fs.remove(parent_of(some).empty() ? fs.root() : at(parent_of(some)), base_of(some));
      forget(some);
      break;
    case 3:
      if (!some.empty()) fs.set_attributes(at(some), some_attributes());
      break;
    case 4:
    case 5:
      if (!some.empty()) fs.set_xattrs(at(some), some_xattrs());
      break;
    case 6:
    case 7: {
      const std::string file = pick(fs, regular);
      if (!file.empty()) write_something(fs, at(file));
      break;
    }
    case 8:
    case 9:
      rename_something(fs);
      break;
    default:
      add_something(fs, folder_inode, folder + '/' + new_name());
      break;
  }
}

void RandomEdits::apply(Filesystem& fs, int steps) {
  for (int i = 0; i < steps; ++i) step(fs);
}

RandomEdits::Paths RandomEdits::paths_in(Filesystem& fs) {
  Paths found;
  std::vector<std::pair<std::string, Inode>> folders = {{"", fs.root()}};
  for (std::size_t i = 0; i < folders.size(); ++i) {
    const std::string prefix = folders[i].first;
    const Inode folder = folders[i].second;
    fs.for_each_entry(folder, [&](std::string_view name, Inode inode) {
      const std::string path = prefix + '/' + std::string(name);
      if (path == "/lost+found") return;
      found[path] = inode;
      if (fs.type(inode) == FileType::directory) folders.emplace_back(path, inode);
    });
  }
  return found;
}

void RandomEdits::adopt(Filesystem& fs) {
  paths_ = paths_in(fs);
  for (const auto& [path, inode] : paths_) {
    if (fs.type(inode) == FileType::regular) contents_[inode] = content_in(fs, inode);
    // New names begin with numbers that are new.
    const std::string name = base_of(path);
    names_ = std::max(names_, static_cast<unsigned>(std::strtoul(name.c_str(), nullptr, 10)) + 1);
  }
}

void RandomEdits::check(Filesystem& fs) const {
  CHECK((paths_in(fs) == paths_));
  for (const auto& place : paths_) {
    const std::string& path = place.first;
    const Inode inode = place.second;
    if (fs.type(inode) != FileType::regular) continue;
    CAPTURE(path);
    CHECK((content_in(fs, inode) == contents_.at(inode)));
  }
}

}  // namespace vmkit::ext4::test
