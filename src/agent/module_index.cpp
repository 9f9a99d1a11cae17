// SPDX-License-Identifier: Apache-2.0
#include "agent/module_index.hpp"

#include <algorithm>
#include <fstream>
#include <utility>

#include <vmkit/base/error.hpp>

namespace vmkit::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t max_index_bytes = 16 * 1024 * 1024;
constexpr std::uintmax_t max_module_bytes = 64 * 1024 * 1024;
constexpr std::size_t max_path_bytes = 1024;
constexpr std::size_t max_name_bytes = 255;
constexpr std::size_t max_depth = 64;

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

std::string_view next_part(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

// Text of the index for a message: short, and without bytes that a terminal would obey.
std::string shown(std::string_view text) {
  std::string result = "\"" + std::string(text.substr(0, 80));
  std::replace_if(result.begin(), result.end(), is_control, '?');
  return result + (text.size() > 80 ? "…\"" : "\"");
}

std::string read_bounded(const fs::path& path, std::uintmax_t limit) {
  std::error_code error;
  const auto status = fs::status(path, error);
  if (fs::exists(status) && !fs::is_regular_file(status)) {  // to open a FIFO would wait for ever
    throw Error(Errc::data_corruption, path.string() + ": expected a file, found something else");
  }
  const auto size = fs::file_size(path, error);
  if (error) throw Error::from_errno(error.value(), path.string());
  if (size > limit) {
    throw Error(Errc::data_corruption, path.string() + ": expected at most " +
                                           std::to_string(limit) + " bytes, found " +
                                           std::to_string(size));
  }
  std::ifstream file(path, std::ios::binary);
  std::string text(size, '\0');
  if (!file.read(text.data(), static_cast<std::streamsize>(size))) {
    throw Error(Errc::io, path.string() + ": cannot be read");
  }
  return text;
}

// An index may only name files below its own directory.
std::string checked_path(std::string_view path, std::string_view index) {
  const fs::path parsed(path);
  const bool odd = std::any_of(parsed.begin(), parsed.end(), [](const fs::path& part) {
    return part == ".." || part.native().size() > max_name_bytes;
  });
  const bool printable = std::none_of(path.begin(), path.end(), is_control);
  if (path.empty() || path.size() > max_path_bytes || parsed.is_absolute() || odd || !printable) {
    throw Error(Errc::data_corruption, std::string(index) + ": " + shown(path) +
                                           " is no path within the modules directory");
  }
  return std::string(path);
}

}  // namespace

std::string module_name(std::string_view path) {
  path.remove_prefix(path.find_last_of('/') + 1);
  std::string name(path.substr(0, path.find(".ko")));
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

ModuleIndex::ModuleIndex(fs::path directory) : directory_(std::move(directory)) {
  if (fs::exists(directory_ / "modules.dep")) {
    read_dependencies(read_bounded(directory_ / "modules.dep", max_index_bytes));
  } else if (fs::exists(directory_ / "modules.order")) {
    from_modules_ = true;
    read_order(read_bounded(directory_ / "modules.order", max_index_bytes));
  } else {
    throw Error(Errc::failed_precondition,
                directory_.string() +
                    ": neither modules.dep nor modules.order is there; expected a directory "
                    "lib/modules/<release> of a kernel (depmod makes modules.dep)");
  }
  if (fs::exists(directory_ / "modules.builtin")) {
    read_builtin(read_bounded(directory_ / "modules.builtin", max_index_bytes));
  }
  if (fs::exists(directory_ / "modules.softdep")) {
    read_soft_dependencies(read_bounded(directory_ / "modules.softdep", max_index_bytes));
  }
  if (!soft_.empty() && fs::exists(directory_ / "modules.alias")) {
    read_aliases(read_bounded(directory_ / "modules.alias", max_index_bytes));
  }
}

// Lines of "path: path path".
void ModuleIndex::read_dependencies(std::string_view text) {
  while (!text.empty()) {
    std::string_view line = next_part(text, '\n');
    if (line.empty()) continue;
    if (line.find(':') == line.npos) {
      throw Error(Errc::data_corruption,
                  "modules.dep: expected \"module: dependencies\", found " + shown(line));
    }
    const std::string path = checked_path(next_part(line, ':'), "modules.dep");
    auto& dependencies = dependencies_[path];
    while (!line.empty()) {
      const std::string_view word = next_part(line, ' ');
      if (!word.empty()) dependencies.push_back(checked_path(word, "modules.dep"));
    }
    paths_.emplace(module_name(path), path);
  }
}

void ModuleIndex::read_order(std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = next_part(text, '\n');
    if (line.empty()) continue;
    const std::string path = checked_path(line, "modules.order");
    paths_.emplace(module_name(path), path);
  }
}

void ModuleIndex::read_builtin(std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = next_part(text, '\n');
    if (!line.empty()) builtin_.insert(module_name(line));
  }
}

// Lines of "softdep NAME pre: NAME… post: NAME…", and comments.
void ModuleIndex::read_soft_dependencies(std::string_view text) {
  while (!text.empty()) {
    std::string_view line = next_part(text, '\n');
    if (next_part(line, ' ') != "softdep") continue;
    Soft& soft = soft_[module_name(next_part(line, ' '))];
    std::vector<std::string>* list = nullptr;
    while (!line.empty()) {
      const std::string_view word = next_part(line, ' ');
      if (word == "pre:") {
        list = &soft.before;
      } else if (word == "post:") {
        list = &soft.after;
      } else if (list != nullptr && !word.empty()) {
        list->push_back(module_name(word));
        aliases_[module_name(word)];  // what it may stand for is looked up once, for all
      }
    }
  }
}

// Lines of "alias PATTERN NAME". A soft dependency names no pattern.
void ModuleIndex::read_aliases(std::string_view text) {
  while (!text.empty()) {
    std::string_view line = next_part(text, '\n');
    if (next_part(line, ' ') != "alias") continue;
    const auto alias = aliases_.find(module_name(next_part(line, ' ')));
    if (alias != aliases_.end()) alias->second.push_back(module_name(next_part(line, ' ')));
  }
}

std::vector<std::string> ModuleIndex::load_order(std::string_view name) const {
  if (is_builtin(name)) return {};
  const auto found = paths_.find(module_name(name));
  if (found == paths_.end()) {
    throw Error(Errc::not_found,
                "kernel module " + std::string(name) + ": not in " + directory_.string());
  }
  Walk walk;
  visit(found->second, 0, walk);
  return std::move(walk.order);
}

std::vector<std::string> ModuleIndex::dependencies_of(const std::string& path) const {
  if (!from_modules_) {
    const auto found = dependencies_.find(path);
    if (found == dependencies_.end()) {
      throw Error(Errc::data_corruption,
                  "modules.dep: " + shown(path) + " is needed but not listed");
    }
    return found->second;
  }
  std::vector<std::string> paths;
  try {
    for (const std::string& name : module_dependencies(read_module(path))) {
      if (is_builtin(name)) continue;
      const auto found = paths_.find(module_name(name));
      if (found == paths_.end()) {
        throw Error(Errc::data_corruption,
                    "needs " + shown(name) + ", which is not in modules.order");
      }
      paths.push_back(found->second);
    }
  } catch (const Error& error) {
    throw error.with_context((directory_ / path).string());
  }
  return paths;
}

// What is not there, or built in, is left out: nobody depends on it.
void ModuleIndex::visit_soft(const std::vector<std::string>& names, std::size_t depth,
                             Walk& walk) const {
  const auto visit_name = [&](const std::string& name) {
    const auto found = paths_.find(name);
    if (found != paths_.end() && !is_builtin(name)) visit(found->second, depth, walk);
  };
  for (const std::string& name : names) {
    visit_name(name);
    const auto alias = aliases_.find(name);
    if (alias == aliases_.end()) continue;
    for (const std::string& module : alias->second) visit_name(module);
  }
}

void ModuleIndex::visit(const std::string& path, std::size_t depth, Walk& walk) const {
  if (walk.done.contains(path)) return;
  // No honest chain is that long: this is a circle, or an attack on our stack.
  if (depth > max_depth) {
    throw Error(Errc::data_corruption,
                directory_.string() + ": the dependencies of " + shown(path) + " go in a circle");
  }
  const auto soft = soft_.find(module_name(path));
  // Two modules may each want the other before it: the one that is asked for first has its way.
  if (soft != soft_.end() && walk.soft_begun.insert(path).second) {
    visit_soft(soft->second.before, depth + 1, walk);
  }
  for (const std::string& needed : dependencies_of(path)) visit(needed, depth + 1, walk);
  if (!walk.done.insert(path).second) return;
  walk.order.push_back(path);
  if (soft != soft_.end()) visit_soft(soft->second.after, depth + 1, walk);
}

std::vector<std::byte> ModuleIndex::read_module(const std::string& path) const {
  std::error_code error;
  const fs::path inside = fs::canonical(directory_, error);
  if (error) throw Error::from_errno(error.value(), directory_.string());
  const fs::path file = fs::canonical(directory_ / path, error);
  if (error) throw Error::from_errno(error.value(), (directory_ / path).string());
  const auto [end, ignored] = std::mismatch(inside.begin(), inside.end(), file.begin(), file.end());
  if (end != inside.end()) {
    throw Error(
        Errc::data_corruption,
        (directory_ / path).string() + ": leads out of the modules directory, to " + file.string());
  }
  const std::string text = read_bounded(file, max_module_bytes);
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

}  // namespace vmkit::agent
