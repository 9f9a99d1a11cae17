// SPDX-License-Identifier: Apache-2.0
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <unistd.h>

#include "commands/commands.hpp"
#include "commands/container_names.hpp"
#include "monitor/client.hpp"
#include "output/json.hpp"
#include "output/table.hpp"
#include "program.hpp"

#include <vmkit/base/byte_size.hpp>
#include <vmkit/base/error.hpp>

namespace cli {
namespace {

using namespace vmkit;
using Clock = std::chrono::steady_clock;
using Json = nlohmann::json;

struct StatsOptions {
  StoreOption store;
  std::vector<std::string> names;  // empty: all that run
  bool once = false;
  bool json = false;
};

struct Sample {
  Clock::time_point when;
  std::int64_t cpu_microseconds;
};

std::vector<Found> wanted(const StatsOptions& options) {
  std::vector<Found> list;
  for (const std::string& name : options.names) {
    list.push_back(find_container(options.store.folder(), name));
    connect(list.back());  // says so if it does not run
  }
  if (!options.names.empty()) return list;
  for (Found& found : all_containers(options.store.folder())) {
    if (found.in_use) list.push_back(std::move(found));
  }
  return list;
}

/// With the share of a processor since the last sample; containers that have ended are left out.
Json sample(const StatsOptions& options, std::map<std::string, Sample>& last) {
  Json list = Json::array();
  for (const Found& found : wanted(options)) {
    auto answer = try_ask(found, {{"do", "stats"}});
    if (!answer) continue;
    const Sample now{Clock::now(), answer->at("cpuMicroseconds").get<std::int64_t>()};
    const auto before = last.find(found.entry.id);
    double percent = 0;
    if (before != last.end()) {
      const std::chrono::duration<double, std::micro> time = now.when - before->second.when;
      percent = 100.0 *
                static_cast<double>(now.cpu_microseconds - before->second.cpu_microseconds) /
                time.count();
    }
    last.insert_or_assign(found.entry.id, now);
    (*answer)["id"] = found.entry.id;
    (*answer)["name"] = found.entry.name;
    (*answer)["cpuPercent"] = percent;
    list.push_back(std::move(*answer));
  }
  return list;
}

std::string size_text(const Json& stats, const char* name) {
  return to_string(ByteSize(stats.at(name).get<std::uint64_t>()));
}

std::string table_of(const Json& list) {
  Table table({"CONTAINER ID", "NAME", "CPU %", "MEM USAGE / LIMIT", "NET I/O", "BLOCK I/O", "PIDS",
               "HOST MEM"});
  for (const Json& stats : list) {
    char percent[32];
    std::snprintf(percent, sizeof percent, "%.2f%%", stats.at("cpuPercent").get<double>());
    table.add({stats.at("id"), stats.at("name"), percent,
               size_text(stats, "memory") + " / " + size_text(stats, "memoryLimit"),
               size_text(stats, "networkReceived") + " / " + size_text(stats, "networkSent"),
               size_text(stats, "blockRead") + " / " + size_text(stats, "blockWritten"),
               std::to_string(stats.at("processes").get<std::uint64_t>()),
               size_text(stats, "hostMemory")});
  }
  return table.text();
}

int stats(const StatsOptions& options, const Interrupt& interrupt) {
  // A table that changes is for a terminal; others get one.
  const bool once = options.once || (!options.json && ::isatty(STDOUT_FILENO) != 1);
  std::map<std::string, Sample> last;
  sample(options, last);
  for (;;) {
    // A share of a processor needs two looks.
    const auto pause = once ? std::chrono::milliseconds(200) : std::chrono::milliseconds(1000);
    if (interrupt.token().wait_for(pause)) throw Error(Errc::cancelled, "stopped");
    const Json list = sample(options, last);
    if (options.json) {
      std::printf("%s\n", to_text(list, once ? 2 : -1).c_str());
    } else {
      if (!once) std::fputs("\033[H\033[J", stdout);
      std::fputs(table_of(list).c_str(), stdout);
    }
    if (once) return 0;
    if (std::fflush(stdout) != 0) throw Error::from_errno(errno, "write to our output");
  }
}

}  // namespace

void add_stats(Program& program) {
  const auto options = std::make_shared<StatsOptions>();
  CLI::App* command = program.add(
      "stats", "Show what running containers use",
      "CPU % is of one processor; memory is without what can go at once; HOST MEM is what the "
      "machine takes of the host. On a terminal the table is drawn every second until Ctrl-C; with "
      "--json there is a line each second. --no-stream: once.",
      {"vmkit stats", "vmkit stats --no-stream --json web"});
  add_store(command, options->store);
  command->add_flag("--no-stream", options->once, "Once, then end");
  add_json(command, options->json);
  command->add_option("CONTAINER", options->names, "Names or ids (default: all that run)");
  program.on(command, [&program, options] { return stats(*options, program.interrupt()); });
}

}  // namespace cli
