// SPDX-License-Identifier: Apache-2.0
#include "directory.hpp"

#include <dirent.h>

namespace vmkit::guest {

void for_each_entry(const char* path, const std::function<void(const std::string&)>& visit) {
  DIR* directory = ::opendir(path);
  if (directory == nullptr) return;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") visit(name);
  }
  ::closedir(directory);
}

}  // namespace vmkit::guest
