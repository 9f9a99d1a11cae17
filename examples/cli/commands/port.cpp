// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <memory>

#include "commands/commands.hpp"
#include "commands/container_names.hpp"
#include "monitor/client.hpp"
#include "output/json.hpp"
#include "program.hpp"

namespace cli {

void add_port(Program& program) {
  struct Options {
    StoreOption store;
    std::string container;
    bool json = false;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* command = program.add("port", "Tell where a running container's ports are on this host",
                                  "Those of -p and -P, with the ports that were picked.",
                                  {"vmkit run -d --name web -p 80 nginx", "vmkit port web"});
  add_store(command, options->store);
  add_json(command, options->json);
  add_container_name(command, options->container);
  program.on(command, [options] {
    const Found found = find_container(options->store.folder(), options->container);
    const auto ports = ask(found, {{"do", "status"}}).at("ports");
    if (options->json) {
      print(ports);
      return 0;
    }
    for (const auto& port : ports) {
      std::printf("%s/%s -> %s\n", port.at("guest").get<std::string>().c_str(),
                  port.at("protocol").get<std::string>().c_str(),
                  port.at("host").get<std::string>().c_str());
    }
    return 0;
  });
}

}  // namespace cli
