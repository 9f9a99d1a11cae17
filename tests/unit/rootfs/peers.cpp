// SPDX-License-Identifier: Apache-2.0
#include "unit/rootfs/peers.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <doctest/doctest.h>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "os/file.hpp"
#include "support/e2fsck.hpp"

#include <vmkit/base/digest.hpp>

namespace vmkit::test {
namespace fs = std::filesystem;
namespace {

std::string hex(std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string result;
  for (const char c : text) {
    result += digits[static_cast<unsigned char>(c) >> 4];
    result += digits[c & 15];
  }
  return result;
}

std::string xattrs_of(const fs::path& path) {
  std::string names(65536, '\0');
  const ssize_t length = ::llistxattr(path.c_str(), names.data(), names.size());
  if (length < 0) throw std::runtime_error("llistxattr " + path.string());
  names.resize(static_cast<std::size_t>(length));
  std::map<std::string, std::string> all;
  std::istringstream list(names);
  for (std::string name; std::getline(list, name, '\0');) {
    if (name == "security.selinux") continue;  // the host's, not the image's
    std::string value(65536, '\0');
    const ssize_t size = ::lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
    if (size < 0) throw std::runtime_error("lgetxattr " + name + " of " + path.string());
    all[name] = value.substr(0, static_cast<std::size_t>(size));
  }
  std::string text;
  for (const auto& [name, value] : all) text += " " + name + "=" + hex(value);
  return text;
}

long long mtime_of(const std::string& line) {
  return std::stoll(line.substr(line.find(" mtime=") + 7));
}

std::string without_time(const std::string& line) {
  const std::size_t at = line.find(" mtime=");
  return line.substr(0, at) + line.substr(std::min(line.find(' ', at + 1), line.size()));
}

}  // namespace

bool have_peers() {
  std::string missing;
  if (::geteuid() != 0) missing = "root";
  if (!fs::exists("/usr/bin/umoci")) missing = "umoci";
  if (missing.empty()) return have_e2fsprogs();
  const char* ci = std::getenv("CI");
  if (ci != nullptr && std::string_view(ci) == "true") {
    throw std::runtime_error("missing: " + missing);
  }
  std::fprintf(stderr, "skipped: missing %s\n", missing.c_str());
  return false;
}

void run_checked(const std::vector<std::string>& command) {
  const ToolResult result = run_tool(command);
  if (result.status != 0) {
    std::string text;
    for (const std::string& word : command) text += word + " ";
    throw std::runtime_error(text + "failed: " + result.output);
  }
}

Mount::Mount(std::vector<std::string> arguments, fs::path place) : place_(std::move(place)) {
  fs::create_directories(place_);
  arguments.insert(arguments.begin(), "/bin/mount");
  arguments.push_back(place_.string());
  run_checked(arguments);
}

Mount::~Mount() {
  run_tool({"/bin/umount", place_.string()});
}

fs::path unpack_with_umoci(const std::vector<std::string>& tars, const fs::path& work) {
  const std::string layout = (work / "layout").string();
  const std::string image = layout + ":test";
  run_checked({"/usr/bin/umoci", "init", "--layout", layout});
  run_checked({"/usr/bin/umoci", "new", "--image", image});
  for (const std::string& tar : tars) {
    os::write_file_atomically(work / "layer.tar", tar);
    run_checked(
        {"/usr/bin/umoci", "raw", "add-layer", "--image", image, (work / "layer.tar").string()});
  }
  const fs::path bundle = work / "bundle";
  run_checked({"/usr/bin/umoci", "unpack", "--image", image, bundle.string()});
  return bundle / "rootfs";
}

std::vector<std::string> describe_tree(const fs::path& root) {
  std::vector<fs::path> paths{root};
  for (auto at = fs::recursive_directory_iterator(root); at != fs::recursive_directory_iterator();
       ++at) {
    if (at.depth() == 0 && at->path().filename() == "lost+found") {
      at.disable_recursion_pending();
      continue;
    }
    paths.push_back(at->path());
  }
  std::sort(paths.begin(), paths.end());
  std::map<ino_t, std::string> first_names;
  std::vector<std::string> lines;
  for (const fs::path& path : paths) {
    struct stat status;
    if (::lstat(path.c_str(), &status) != 0) throw std::runtime_error("lstat " + path.string());
    const std::string name = path == root ? "." : path.lexically_relative(root).string();
    const std::string first = first_names.try_emplace(status.st_ino, name).first->second;
    std::ostringstream line;
    line << name << std::oct << " mode=" << status.st_mode << std::dec << " owner=" << status.st_uid
         << ':' << status.st_gid << " mtime=" << status.st_mtim.tv_sec << '.'
         << status.st_mtim.tv_nsec;
    if (!S_ISDIR(status.st_mode)) {
      line << " size=" << status.st_size << " links=" << status.st_nlink << " first=" << first;
    }
    if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) {
      line << " device=" << major(status.st_rdev) << ':' << minor(status.st_rdev);
    }
    line << xattrs_of(path);
    if (S_ISLNK(status.st_mode)) line << " -> " << fs::read_symlink(path).string();
    if (S_ISREG(status.st_mode)) {
      line << ' ' << digest_of(os::read_file(path, 1_GiB)).hex().substr(0, 16);
    }
    lines.push_back(line.str());
  }
  return lines;
}

void check_same_trees(const std::vector<std::string>& expected,
                      const std::vector<std::string>& found, long long start) {
  CHECK(expected.size() == found.size());
  for (std::size_t i = 0; i < std::min(expected.size(), found.size()); ++i) {
    const bool folder = expected[i].find(" mode=4") != std::string::npos;
    if (folder && mtime_of(expected[i]) >= start) {
      CHECK(without_time(expected[i]) == without_time(found[i]));
    } else {
      CHECK(expected[i] == found[i]);
    }
  }
}

}  // namespace vmkit::test
