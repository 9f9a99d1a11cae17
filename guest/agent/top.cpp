// SPDX-License-Identifier: Apache-2.0
#include "top.hpp"

#include <array>
#include <fcntl.h>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include "directory.hpp"
#include "text.hpp"

namespace vmkit::guest {
namespace {

using agent::Json;

constexpr std::size_t max_listed = 2048;
constexpr std::size_t max_command_bytes = 256;

// The rest of the line of /proc/PID/status that begins with `name`.
std::string_view status_line(std::string_view status, std::string_view name) {
  const std::size_t at = status.find("\n" + std::string(name) + ":\t");
  if (at == std::string_view::npos) return {};
  return first_line(status.substr(at + name.size() + 3));
}

// The arguments, as far as they go into one read.
std::vector<std::string> command_line(const std::string& path, std::string_view name) {
  char buffer[max_command_bytes];
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const ssize_t length = fd ? ::read(fd.get(), buffer, sizeof buffer) : 0;
  std::string_view text(buffer, length > 0 ? static_cast<std::size_t>(length) : 0);
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\0'), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (words.empty()) words.emplace_back(name);
  return words;
}

struct ListedProcess {
  std::int64_t parent;  // in the machine
  Json json;
};

std::optional<ListedProcess> look_at(const std::string& pid) {
  const std::string folder = "/proc/" + pid;
  const auto stat = read_file((folder + "/stat").c_str(), 4096);
  const auto status = read_file((folder + "/status").c_str(), 16384);
  const std::size_t name_end = stat ? stat->rfind(')') : std::string::npos;
  if (!status || name_end == std::string::npos) return std::nullopt;  // it has ended meanwhile
  const std::size_t name_begin = stat->find('(') + 1;
  std::string_view rest = std::string_view(*stat).substr(name_end + 2);
  const std::string state(cut(rest, ' '));
  std::array<std::uint64_t, 21> fields{};  // from the parent on: proc(5)
  for (auto& field : fields) field = leading_number<std::uint64_t>(cut(rest, ' '));
  const auto ticks = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::string_view numbers = status_line(*status, "NSpid");
  const std::string_view own = numbers.substr(numbers.rfind('\t') + 1);
  return ListedProcess{
      static_cast<std::int64_t>(fields[0]),
      {{"pid", leading_number<std::int64_t>(own)},
       {"guest_pid", leading_number<std::int64_t>(pid)},
       {"uid", leading_number<std::uint32_t>(status_line(*status, "Uid"))},
       {"state", state},
       {"command", command_line(folder + "/cmdline",
                                std::string_view(*stat).substr(name_begin, name_end - name_begin))},
       {"cpu_ms", (fields[10] + fields[11]) * 1000 / ticks},
       {"rss", fields[20] * page},
       {"start_ms", fields[18] * 1000 / ticks}}};
}

}  // namespace

Json top(const Container* container) {
  std::map<std::int64_t, ListedProcess> entries;
  const auto add = [&](const std::string& pid) {
    if (entries.size() >= max_listed) return;
    if (auto entry = look_at(pid))
      entries.emplace(leading_number<std::int64_t>(pid), std::move(*entry));
  };
  if (container != nullptr && container->cgroup()) {
    const std::string list = container->cgroup().read("cgroup.procs").value_or("");
    std::string_view rest = list;
    while (!rest.empty()) {
      const std::string_view line = first_line(rest);
      add(std::string(line));
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    }
  } else {
    for_each_entry("/proc", [&](const std::string& name) {
      if (name[0] >= '1' && name[0] <= '9') add(name);
    });
  }
  Json processes = Json::array();
  for (auto& [pid, entry] : entries) {
    const auto parent = entries.find(entry.parent);
    entry.json["parent"] =
        parent == entries.end() ? 0 : parent->second.json["pid"].get<std::int64_t>();
    processes.push_back(entry.json);
  }
  return {{"processes", std::move(processes)}};
}

}  // namespace vmkit::guest
