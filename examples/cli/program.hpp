// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

#include "terminal/interrupt.hpp"

namespace cli {

/// Exit statuses of `run`, `exec` and what else waits for a process, that are not the process's
/// own, as those of docker run.
enum ExitStatus : int {
  exit_own_failure = 125,
  exit_not_executable = 126,
  exit_not_found = 127,
  exit_signal_base = 128,
};

/// The command line of this run of the program. Each command of the folder commands/ adds itself:
/// its options, its help, and what it does when it is the one that was chosen.
class Program {
 public:
  explicit Program(const Interrupt& interrupt);

  /// The exit status.
  int run(int argc, char** argv);

  CLI::App& app() { return app_; }
  const Interrupt& interrupt() const { return interrupt_; }

  /// Adds commands, which the help lists under this heading; without one it does not list them.
  void add_group(const std::string& heading, std::initializer_list<void (*)(Program&)> commands);
  /// Adds a command to `parent` (the program itself if there is none). `help` is what it tells of
  /// itself, in paragraphs, `examples` are lines to type.
  CLI::App* add(const std::string& name, const std::string& summary, const std::string& help,
                const std::vector<std::string>& examples, CLI::App* parent = nullptr);
  /// What it does; `failure_status` is for errors that come out of it.
  void on(CLI::App* command, std::function<int()> action, int failure_status = 1);

  /// After the operands of `command` come a program and its arguments, whatever they look like;
  /// "--" may stand before them.
  void takes_words(CLI::App* command);
  /// Once the command line is parsed, these words.
  std::vector<std::string> words_of(CLI::App* command) const;
  /// Everything after the command's name, as it was given.
  const std::vector<std::string>& arguments() const { return arguments_; }

 private:
  const Interrupt& interrupt_;
  std::string heading_;
  CLI::App app_;
  std::function<int()> action_;
  int failure_status_ = 1;
  std::vector<std::string> word_takers_;
  std::vector<std::string> arguments_;
  std::vector<std::string> separated_;  // "--" and what follows, for those that take words
};

/// Parses `arguments` with `command` (made by takes_words()) and returns the words of the program
/// to run. Throws CLI::ParseError.
std::vector<std::string> parse_words(CLI::App& command, const std::vector<std::string>& arguments);

}  // namespace cli
