// SPDX-License-Identifier: Apache-2.0
#include "support/e2fsck.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <signal.h>
#include <sstream>
#include <stdexcept>
#include <sys/wait.h>
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

ToolResult run_tool(const std::vector<std::string>& command, std::chrono::seconds limit) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) throw std::runtime_error("no pipe for " + command.front());
  const pid_t child = ::fork();
  if (child == 0) {
    const int nothing = ::open("/dev/null", O_RDONLY);
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(ends[1], STDOUT_FILENO);
    ::dup2(ends[1], STDERR_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  if (child < 0) {
    ::close(ends[0]);
    throw std::runtime_error("cannot start " + command.front());
  }
  ToolResult result;
  const auto deadline = std::chrono::steady_clock::now() + limit;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd waiting{ends[0], POLLIN, 0};
    if (left.count() <= 0 || ::poll(&waiting, 1, static_cast<int>(left.count())) == 0) {
      ::kill(child, SIGKILL);
      break;
    }
    std::array<char, 16384> buffer;
    const ssize_t count = ::read(ends[0], buffer.data(), buffer.size());
    if (count <= 0) break;
    result.output.append(buffer.data(), static_cast<std::size_t>(count));
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
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
