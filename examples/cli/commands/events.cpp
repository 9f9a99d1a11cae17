// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "commands/commands.hpp"
#include "commands/container_names.hpp"
#include "monitor/client.hpp"
#include "output/json.hpp"
#include "program.hpp"

#include <vmkit/base/error.hpp>

namespace cli {
namespace {

using namespace vmkit;
using Json = nlohmann::json;

struct EventsOptions {
  StoreOption store;
  std::vector<std::string> names;  // empty: all
  bool json = false;
};

class EventPrinter {
 public:
  explicit EventPrinter(bool json) : json_(json) {}

  void print(const Entry& entry, Json event) {
    const std::lock_guard lock(mutex_);
    if (json_) {
      event["container"] = entry.id;
      event["name"] = entry.name;
      std::printf("%s\n", to_text(event).c_str());
    } else {
      std::string line =
          event.value("time", "") + ' ' + entry.name + ' ' + event.at("type").get<std::string>();
      for (const auto& [name, value] : event.at("attributes").items()) {
        line += ' ' + name + '=' + (value.is_string() ? value.get<std::string>() : to_text(value));
      }
      std::printf("%s\n", line.c_str());
    }
    std::fflush(stdout);
  }

 private:
  const bool json_;
  std::mutex mutex_;
};

/// Prints one container's events until it has ended, in a thread of its own.
class Watch {
 public:
  Watch(const Found& found, EventPrinter& printer)
      : channel_(connect(found)), thread_([this, entry = found.entry, &printer] {
          try {
            ask(channel_, {{"do", "events"}});
            while (auto event = channel_.receive()) printer.print(entry, std::move(*event));
          } catch (const Error&) {
            // It has ended.
          }
          done_ = true;
        }) {}
  ~Watch() {
    channel_.shutdown_receive();
    thread_.join();
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  bool done() const { return done_; }

 private:
  Channel channel_;
  std::atomic<bool> done_{false};
  std::thread thread_;
};

int events(const EventsOptions& options, const Interrupt& interrupt) {
  EventPrinter printer(options.json);
  std::map<std::string, Watch> watches;  // by id
  const auto is_wanted = [&](const Entry& entry) {
    return options.names.empty() ||
           std::any_of(options.names.begin(), options.names.end(), [&](const std::string& name) {
             return entry.name == name || entry.id.starts_with(name);
           });
  };
  for (const std::string& name : options.names) find_container(options.store.folder(), name);
  // Those that are started meanwhile are found by looking.
  do {
    std::erase_if(watches, [](const auto& watch) { return watch.second.done(); });
    for (const Found& found : all_containers(options.store.folder())) {
      if (!found.in_use || watches.count(found.entry.id) != 0 || !is_wanted(found.entry)) continue;
      try {
        watches.try_emplace(found.entry.id, found, printer);
      } catch (const Error&) {
        // Not yet, or not any more.
      }
    }
  } while (!interrupt.token().wait_for(std::chrono::milliseconds(500)));
  throw Error(Errc::cancelled, "stopped");
}

}  // namespace

void add_events(Program& program) {
  const auto options = std::make_shared<EventsOptions>();
  CLI::App* command = program.add(
      "events", "Tell what happens to running containers, until Ctrl-C",
      "A line each: machines that pause and end, processes that exit, health that changes, memory "
      "that runs out. Containers that are started meanwhile are told of too, from soon after their "
      "start.",
      {"vmkit events", "vmkit events --json web"});
  add_store(command, options->store);
  add_json(command, options->json);
  command->add_option("CONTAINER", options->names, "Names or ids (default: all that run)");
  program.on(command, [&program, options] { return events(*options, program.interrupt()); });
}

}  // namespace cli
