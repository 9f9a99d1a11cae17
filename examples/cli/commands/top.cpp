// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <memory>

#include "commands/commands.hpp"
#include "commands/container_names.hpp"
#include "monitor/client.hpp"
#include "output/json.hpp"
#include "output/table.hpp"
#include "program.hpp"

#include <vmkit/base/byte_size.hpp>

namespace cli {
namespace {

std::string seconds_text(std::int64_t milliseconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%lld:%05.2f", static_cast<long long>(milliseconds / 60000),
                static_cast<double>(milliseconds % 60000) / 1000);
  return text;
}

}  // namespace

void add_top(Program& program) {
  struct Options {
    StoreOption store;
    std::string container;
    bool json = false;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* command = program.add("top", "List the processes in a running container",
                                  "All of them, whoever started them.", {"vmkit top web"});
  add_store(command, options->store);
  add_json(command, options->json);
  add_container_name(command, options->container);
  program.on(command, [options] {
    const Found found = find_container(options->store.folder(), options->container);
    const auto processes = ask(found, {{"do", "top"}}).at("processes");
    if (options->json) {
      print(processes);
      return 0;
    }
    Table table({"PID", "PPID", "UID", "STATE", "TIME", "RSS", "COMMAND"});
    for (const auto& process : processes) {
      std::string line;
      for (const auto& word : process.at("command")) {
        line += (line.empty() ? "" : " ") + word.get<std::string>();
      }
      table.add({std::to_string(process.at("pid").get<std::int64_t>()),
                 std::to_string(process.at("parent").get<std::int64_t>()),
                 std::to_string(process.at("uid").get<std::uint32_t>()),
                 process.at("state").get<std::string>(),
                 seconds_text(process.at("cpuMilliseconds").get<std::int64_t>()),
                 to_string(vmkit::ByteSize(process.at("resident").get<std::uint64_t>())), line});
    }
    table.print();
    return 0;
  });
}

}  // namespace cli
