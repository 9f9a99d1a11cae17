// SPDX-License-Identifier: Apache-2.0
#include "statistics.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <unistd.h>

#include "directory.hpp"
#include "text.hpp"
#include "top.hpp"

namespace vmkit::guest {
namespace {

using agent::Json;

// "12.34" in hundredths: from_chars for floating point costs a program 100 KiB.
double percent(std::string_view text) {
  const auto whole = leading_number<std::uint64_t>(cut(text, '.'));
  return static_cast<double>(whole) +
         static_cast<double>(leading_number<std::uint64_t>(text)) / 100;
}

// "name value" lines.
Json flat(std::string_view text) {
  Json values = Json::object();
  while (!text.empty()) {
    std::string_view line = cut(text, '\n');
    const std::string_view name = cut(line, ' ');
    if (!line.empty()) values[std::string(name)] = leading_number<std::uint64_t>(line);
  }
  return values;
}

// "some avg10=0.00 avg60=0.00 avg300=0.00 total=0", and the same with "full".
Json pressure(std::string_view text) {
  Json values = Json::object();
  while (!text.empty()) {
    std::string_view line = cut(text, '\n');
    Json& share = values[std::string(cut(line, ' '))];
    while (!line.empty()) {
      std::string_view field = cut(line, ' ');
      const std::string name(cut(field, '='));
      if (name == "total") {
        share[name] = leading_number<std::uint64_t>(field);
      } else {
        share[name] = percent(field);
      }
    }
  }
  return values;
}

// "254:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0" lines.
Json block(std::string_view text) {
  Json devices = Json::array();
  while (!text.empty()) {
    std::string_view line = cut(text, '\n');
    const std::string numbers(cut(line, ' '));
    Json device{{"device", numbers}, {"serial", ""}};
    const std::string folder = "/sys/dev/block/" + numbers;
    if (const auto serial = read_file((folder + "/serial").c_str(), 256)) {
      device["serial"] = std::string(first_line(*serial));
    }
    char target[256];
    const ssize_t length = ::readlink(folder.c_str(), target, sizeof target);
    if (length > 0) {
      const std::string_view path(target, static_cast<std::size_t>(length));
      device["device"] = std::string(path.substr(path.rfind('/') + 1));
    }
    while (!line.empty()) {
      std::string_view field = cut(line, ' ');
      const std::string name(cut(field, '='));
      device[name] = leading_number<std::uint64_t>(field);
    }
    devices.push_back(std::move(device));
  }
  return devices;
}

Json network() {
  constexpr const char* counters[] = {"rx_bytes",  "tx_bytes",  "rx_packets", "tx_packets",
                                      "rx_errors", "tx_errors", "rx_dropped", "tx_dropped"};
  Json interfaces = Json::array();
  for_each_entry("/sys/class/net", [&](const std::string& name) {
    Json interface {
      { "name", name }
    };
    for (const char* counter : counters) {
      const auto text =
          read_file(("/sys/class/net/" + name + "/statistics/" + counter).c_str(), 64);
      if (text) interface[counter] = leading_number<std::uint64_t>(*text);
    }
    interfaces.push_back(std::move(interface));
  });
  return interfaces;
}

}  // namespace

void Statistics::add_methods(Methods& methods) {
  methods["statistics"] = [this](const Json&, const Deferred&) { return statistics(); };
  methods["top"] = [this](const Json&, const Deferred&) { return top(machine_.container()); };
}

Json Statistics::statistics() {
  Json answer{{"network", network()}};
  const Container* const container = machine_.container();
  if (container == nullptr || !container->cgroup()) return answer;
  const Cgroup& cgroup = container->cgroup();
  const auto take = [&](const char* name, const char* file, auto parse) {
    if (const auto text = cgroup.read(file)) answer[name] = parse(*text);
  };
  const auto count = [](std::string_view text) -> Json {
    if (text.starts_with("max")) return nullptr;
    return leading_number<std::uint64_t>(text);
  };
  take("cpu", "cpu.stat", flat);
  take("memory", "memory.stat", flat);
  take("memory_events", "memory.events", flat);
  take("memory_usage", "memory.current", count);
  take("memory_peak", "memory.peak", count);
  take("memory_limit", "memory.max", count);
  take("swap_usage", "memory.swap.current", count);
  take("pids", "pids.current", count);
  take("pids_limit", "pids.max", count);
  take("pids_events", "pids.events", flat);
  take("block", "io.stat", block);
  take("cpu_pressure", "cpu.pressure", pressure);
  take("memory_pressure", "memory.pressure", pressure);
  take("io_pressure", "io.pressure", pressure);
  return answer;
}

void Statistics::watch(PollSet& set) {
  if (!watched_ && machine_.has_container()) watch_memory(*machine_.container());
  if (!memory_events_) return;
  set.add(memory_events_.get(), POLLPRI, [this](short) { look_for_kills(); });
}

void Statistics::watch_memory(const Container& container) {
  watched_ = true;
  memory_events_ = container.cgroup().open("memory.events");
  look_for_kills();  // and the kernel tells only of what changes after a read
}

void Statistics::look_for_kills() {
  char text[512];
  const ssize_t length = ::pread(memory_events_.get(), text, sizeof text, 0);
  if (length <= 0) return memory_events_.reset();
  const Json events = flat(std::string_view(text, static_cast<std::size_t>(length)));
  const auto killed = get_or<std::uint64_t>(events, "oom_kill", 0);
  if (killed > killed_) client_.notify({{"type", "oom"}, {"killed", killed - killed_}});
  killed_ = killed;
}

}  // namespace vmkit::guest
