// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace vmkit::agent {

/// The module's name as the kernel has it: the file's name up to ".ko", with '_' for '-'.
std::string module_name(std::string_view path);

/// What a directory ".../lib/modules/<release>" holds: modules, their dependencies, and what is
/// built into the kernel. The files are not trusted: paths must stay below the directory, and
/// sizes are bounded. Confined while it loads, then immutable.
class ModuleIndex {
 public:
  /// Reads modules.dep (or else modules.order and the modules' own lists), modules.builtin, and
  /// modules.softdep with the aliases that it uses.
  /// Throws failed_precondition if there is no index, data_corruption if one is malformed.
  explicit ModuleIndex(std::filesystem::path directory);

  const std::filesystem::path& directory() const { return directory_; }
  bool is_builtin(std::string_view name) const { return builtin_.contains(module_name(name)); }
  bool has_file(std::string_view name) const { return paths_.contains(module_name(name)); }

  /// The files to load for a module, in an order in which they can be loaded, relative to the
  /// directory: with what it depends on, and those that it would like before or after it, as far as
  /// they are there. Empty if it is built in. Throws data_corruption for dependencies in a circle
  /// and not_found for a module that does not exist.
  std::vector<std::string> load_order(std::string_view name) const;

  /// The contents of a module's file; data_corruption if it lies outside the directory or is too
  /// long.
  std::vector<std::byte> read_module(const std::string& path) const;

 private:
  void read_dependencies(std::string_view text);
  void read_order(std::string_view text);
  void read_builtin(std::string_view text);
  void read_soft_dependencies(std::string_view text);
  void read_aliases(std::string_view text);
  std::vector<std::string> dependencies_of(const std::string& path) const;
  struct Walk {
    std::set<std::string> done;
    std::set<std::string> soft_begun;
    std::vector<std::string> order;
  };
  void visit_soft(const std::vector<std::string>& names, std::size_t depth, Walk& walk) const;
  void visit(const std::string& path, std::size_t depth, Walk& walk) const;

  std::filesystem::path directory_;
  std::map<std::string, std::string, std::less<>> paths_;  // by name
  /// By path. Nothing: to be read from the module itself.
  std::map<std::string, std::vector<std::string>> dependencies_;
  bool from_modules_ = false;
  struct Soft {
    std::vector<std::string> before;
    std::vector<std::string> after;
  };
  std::map<std::string, Soft, std::less<>> soft_;                         // by name
  std::map<std::string, std::vector<std::string>, std::less<>> aliases_;  // those that soft_ uses
  std::set<std::string, std::less<>> builtin_;
};

/// The names in "depends=" of a module's .modinfo section (64 bit ELF, little endian). Throws
/// data_corruption for what is no such file.
std::vector<std::string> module_dependencies(std::span<const std::byte> elf);

}  // namespace vmkit::agent
