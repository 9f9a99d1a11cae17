// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <memory>
#include <optional>

#include "commands/commands.hpp"
#include "commands/container_names.hpp"
#include "monitor/client.hpp"
#include "output/json.hpp"
#include "program.hpp"
#include "terminal/progress_display.hpp"

#include <vmkit/base/error.hpp>

namespace cli {
namespace {

using namespace vmkit;
using Json = nlohmann::json;

struct CpOptions {
  StoreOption store;
  std::string source;
  std::string destination;
  bool follow_link = false;
  bool quiet = false;
  bool json = false;
};

/// CONTAINER:/PATH; nothing if it is a path of the host, which "./a:b" and "/a:b" are too.
struct GuestPath {
  std::string container;
  std::string path;
};
std::optional<GuestPath> guest_path(const std::string& text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos || colon == 0 || text.find('/') < colon) return std::nullopt;
  const std::string path = text.substr(colon + 1);
  return GuestPath{text.substr(0, colon), path.starts_with('/') ? path : '/' + path};
}

/// Absolute, for the monitor is elsewhere; a "/." at the end stays, as it means something.
std::string absolute(const std::string& path) {
  return path.starts_with('/') ? path : (std::filesystem::current_path() / path).string();
}

/// Shows progress until the last answer, which is returned.
Json last_answer(Channel& channel, Json answer, const ProgressCallback& progress) {
  for (; answer.contains("progress"); answer = next_answer(channel)) {
    if (!progress) continue;
    const Json& told = answer.at("progress");
    const std::string phase = told.at("phase"), subject = told.at("subject");
    progress({.phase = phase,
              .subject = subject,
              .done = told.at("done").get<std::uint64_t>(),
              .total = told.at("total").get<std::uint64_t>()});
  }
  return answer;
}

int copy_files(const CpOptions& options, const Interrupt& interrupt) {
  const auto from = guest_path(options.source);
  const auto to = guest_path(options.destination);
  if (from.has_value() == to.has_value()) {
    throw Error(Errc::invalid_argument,
                "cp: expected CONTAINER:/PATH for either the source or the destination");
  }
  Channel channel =
      connect(find_container(options.store.folder(), from ? from->container : to->container));
  ProgressDisplay display(options.quiet);
  const StopCallback on_interrupt(interrupt.token(), [&] { channel.shutdown_receive(); });
  Json answer;
  try {
    answer = last_answer(channel,
                         ask(channel, {{"do", "copy"},
                                       {"in", to.has_value()},
                                       {"from", from ? from->path : absolute(options.source)},
                                       {"to", to ? to->path : absolute(options.destination)},
                                       {"followLink", options.follow_link}}),
                         display.callback());
  } catch (const Error&) {
    if (interrupt.signal() != 0) throw Error(Errc::cancelled, "stopped");
    throw;
  }
  display.finish();
  for (const Json& notice : answer.at("notices")) {
    std::fprintf(stderr, "vmkit: %s\n", notice.get<std::string>().c_str());
  }
  if (const auto more = answer.at("moreNotices").get<std::uint64_t>(); more != 0) {
    std::fprintf(stderr, "vmkit: and %llu more that could not be kept\n",
                 static_cast<unsigned long long>(more));
  }
  if (options.json) print(answer);
  return 0;
}

}  // namespace

void add_cp(Program& program) {
  const auto options = std::make_shared<CpOptions>();
  CLI::App* command = program.add(
      "cp", "Copy files and folders into a running container, or out of it",
      "A folder that exists as the destination gets the copy in it; \"/.\" at the end of the "
      "source "
      "means what is in it. Modes, times, links and holes are kept; what cannot be is told.",
      {"vmkit cp ./site web:/usr/share/nginx/html", "vmkit cp web:/etc/nginx/. ./nginx"});
  add_store(command, options->store);
  command->add_flag("-L,--follow-link", options->follow_link, "The source may be a symlink");
  add_quiet(command, options->quiet);
  add_json(command, options->json);
  command->add_option("SOURCE", options->source, "PATH or CONTAINER:/PATH")->required();
  command->add_option("DESTINATION", options->destination, "The other one of these")->required();
  program.on(command, [&program, options] { return copy_files(*options, program.interrupt()); });
}

}  // namespace cli
