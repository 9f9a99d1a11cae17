// SPDX-License-Identifier: Apache-2.0
#include "support/e2fsck.hpp"

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <unistd.h>

namespace vmkit::test {
namespace {

/// Distributions keep these tools where ordinary users do not look.
std::optional<std::string> find_tool(std::string_view name) {
  for (std::string_view folder : {"/usr/sbin/", "/sbin/", "/usr/bin/", "/usr/local/sbin/",
                                  "/opt/homebrew/opt/e2fsprogs/sbin/"}) {
    std::string path = std::string(folder) + std::string(name);
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return std::nullopt;
}

std::string output_of(const std::vector<std::string>& command) {
  ToolResult result = run_tool(command);
  if (result.status != 0) {
    throw std::runtime_error(command.front() + " failed with " + std::to_string(result.status) +
                             ": " + result.output);
  }
  return std::move(result.output);
}

}  // namespace

std::string e2fs_tool(std::string_view name) {
  if (auto path = find_tool(name)) return *path;
  throw std::runtime_error(std::string(name) + " is not installed (package e2fsprogs)");
}

bool have_e2fsprogs() {
  for (std::string_view name : {"e2fsck", "debugfs", "dumpe2fs"}) {
    if (find_tool(name)) continue;
    const char* ci = std::getenv("CI");
    if (ci != nullptr && std::string_view(ci) == "true") e2fs_tool(name);
    std::fprintf(stderr, "skipped: %s is not installed\n", std::string(name).c_str());
    return false;
  }
  return true;
}

std::string e2fsck_complaints(const std::string& image) {
  const ToolResult result =
      run_tool({e2fs_tool("e2fsck"), "-fn", image}, std::chrono::seconds(100));
  bool clean = result.status == 0;
  std::istringstream lines(result.output);
  for (std::string line; std::getline(lines, line);) {
    clean = clean && (line.starts_with("Pass ") || line.starts_with("e2fsck ") ||
                      (line.find(" files (") != std::string::npos && line.ends_with(" blocks")));
  }
  if (clean) return {};
  return "e2fsck -fn exits with " + std::to_string(result.status) + "\n" + result.output;
}

std::string debugfs(const std::string& image, const std::string& request) {
  std::string output = output_of({e2fs_tool("debugfs"), "-R", request, image});
  if (output.starts_with("debugfs ")) output.erase(0, output.find('\n') + 1);  // its version
  return output;
}

std::string dumpe2fs(const std::string& image, bool groups) {
  if (groups) return output_of({e2fs_tool("dumpe2fs"), image});
  return output_of({e2fs_tool("dumpe2fs"), "-h", image});
}

}  // namespace vmkit::test
