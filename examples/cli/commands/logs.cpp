// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <charconv>
#include <cstdio>
#include <deque>
#include <memory>
#include <optional>
#include <thread>

#include "commands/commands.hpp"
#include "commands/container_names.hpp"
#include "monitor/client.hpp"
#include "monitor/output_log.hpp"
#include "output/json.hpp"
#include "program.hpp"

namespace cli {
namespace {

using namespace vmkit;

struct LogsOptions {
  StoreOption store;
  std::string container;
  bool follow = false;
  bool times = false;
  bool json = false;
  std::optional<std::size_t> tail;
  std::string since;
};

/// A piece that outlives what it was read from.
struct KeptPiece {
  Time time;
  OutputStream stream;
  bool ends_line;
  std::string text;
};

class Printer {
 public:
  explicit Printer(const LogsOptions& options) : options_(options) {}

  void print(const KeptPiece& piece) {
    const bool out = piece.stream == OutputStream::out;
    if (options_.json) {
      std::printf("%s\n", to_text(nlohmann::json{{"time", to_text(piece.time)},
                                                 {"stream", out ? "stdout" : "stderr"},
                                                 {"text", piece.text},
                                                 {"endsLine", piece.ends_line}})
                              .c_str());
      return;
    }
    FILE* const file = out ? stdout : stderr;
    bool& begun = begun_[out ? 0 : 1];
    if (options_.times && !begun) std::fprintf(file, "%s ", to_text(piece.time).c_str());
    std::fwrite(piece.text.data(), 1, piece.text.size(), file);
    if (piece.ends_line) std::fputc('\n', file);
    begun = !piece.ends_line;
  }

 private:
  const LogsOptions& options_;
  bool begun_[2] = {false, false};
};

/// "10m", "2h", "30s", or a time.
Time since(const std::string& text) {
  if (const auto time = parse_time(text)) return *time;
  long amount = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), amount);
  const std::string unit(end, text.data() + text.size());
  const long seconds = unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 0;
  if (error != std::errc() || seconds == 0) {
    throw Error(Errc::invalid_argument,
                "--since: expected 30s, 10m, 2h or a time such as 2026-01-31T12:00:00Z, found \"" +
                    text + "\"");
  }
  return std::chrono::system_clock::now() - std::chrono::seconds(amount * seconds);
}

int logs(const LogsOptions& options, const Interrupt& interrupt) {
  const Found found = find_container(options.store.folder(), options.container);
  std::optional<Channel> running;
  if (options.follow && found.in_use) {
    running.emplace(connect(found));
    running->send({{"do", "wait"}});
  }
  const Time begin = options.since.empty() ? Time() : since(options.since);
  LogReader reader(found.entry.folder);
  Printer printer(options);
  std::deque<KeptPiece> last;  // with --tail, before anything is printed
  std::size_t lines = 0;
  reader.read([&](const LogPiece& piece) {
    if (piece.time < begin) return;
    KeptPiece kept{piece.time, piece.stream, piece.ends_line, std::string(piece.text)};
    if (!options.tail) return printer.print(kept);
    lines += kept.ends_line ? 1 : 0;
    last.push_back(std::move(kept));
    for (; lines > *options.tail; last.pop_front()) lines -= last.front().ends_line ? 1 : 0;
  });
  for (const KeptPiece& piece : last) printer.print(piece);
  if (!running) return 0;

  // What is read after the end was told is the last.
  std::atomic<bool> over{false};
  std::thread wait([&] {
    try {
      running->receive();
    } catch (const Error&) {
      // Its monitor is gone: over, too.
    }
    over = true;
  });
  const StopCallback on_interrupt(interrupt.token(), [&] { running->shutdown_receive(); });
  for (bool last_round = false; !last_round;) {
    last_round = over;
    reader.read([&](const LogPiece& piece) {
      printer.print({piece.time, piece.stream, piece.ends_line, std::string(piece.text)});
    });
    std::fflush(stdout);
    if (!last_round) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  wait.join();
  if (interrupt.signal() != 0) throw Error(Errc::cancelled, "stopped");
  return 0;
}

}  // namespace

void add_logs(Program& program) {
  const auto options = std::make_shared<LogsOptions>();
  CLI::App* command = program.add(
      "logs", "Print what a container has written",
      "Its output goes to ours, its error output to ours. The last 8 to 16 MiB of a container are "
      "kept, until it is removed.",
      {"vmkit logs -f --tail 20 web", "vmkit logs --since 10m --timestamps web"});
  add_store(command, options->store);
  command->add_flag("-f,--follow", options->follow, "Go on until the container ends");
  command->add_option("-n,--tail", options->tail, "Only so many of the last lines")
      ->type_name("LINES");
  command->add_option("--since", options->since, "Only what is younger: 30s, 10m, 2h, or a time");
  command->add_flag("-t,--timestamps", options->times, "With the time of each line");
  add_json(command, options->json);
  add_container_name(command, options->container);
  program.on(command, [&program, options] { return logs(*options, program.interrupt()); });
}

}  // namespace cli
