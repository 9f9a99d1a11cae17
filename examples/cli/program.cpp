// SPDX-License-Identifier: Apache-2.0
#include "program.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <exception>

#include <vmkit/base/error.hpp>

namespace cli {
namespace {

using Words = std::vector<std::string>;

/// Turns what a command throws into a message and an exit status.
int guarded(const std::function<int()>& action, const Interrupt& interrupt, int failure_status) {
  try {
    const int status = action();
    if (std::fflush(stdout) != 0) throw vmkit::Error::from_errno(errno, "write to our output");
    return status;
  } catch (const vmkit::Error& error) {
    if (error.code() == vmkit::Errc::cancelled && interrupt.signal() != 0) {
      std::fprintf(stderr, "vmkit: stopped\n");
      return exit_signal_base + interrupt.signal();
    }
    std::fprintf(stderr, "vmkit: %s\n", error.what());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "vmkit: %s\n", error.what());
  }
  return failure_status;
}

/// Paragraphs in lines of at most so many columns.
std::string wrapped(const std::string& text) {
  constexpr std::size_t columns = 90;
  std::string lines;
  std::size_t column = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find_first_of(" \n", begin), text.size());
    const std::size_t length = end - begin;
    if (column != 0 && column + 1 + length > columns) {
      lines += '\n';
      column = 0;
    }
    if (column != 0) lines += ' ';
    lines.append(text, begin, length);
    column += length + (column != 0 ? 1 : 0);
    if (end < text.size() && text[end] == '\n') {
      lines += '\n';
      column = 0;
    }
    begin = end + 1;
  }
  return lines;
}

/// Tells of the words behind the operands, too, which CLI11 knows nothing of.
class HelpFormatter : public CLI::Formatter {
  std::string make_usage(const CLI::App* app, std::string name) const override {
    std::string usage = CLI::Formatter::make_usage(app, std::move(name));
    if (!app->get_prefix_command()) return usage;
    return usage.insert(usage.find_last_not_of('\n') + 1, " [COMMAND [ARG...]]");
  }
};

/// CLI11 takes them from the last to the first.
void parse(CLI::App& app, Words words) {
  std::reverse(words.begin(), words.end());
  app.parse(words);
}

/// What remains of `command`, then what stood behind "--", which belongs to the words if these had
/// begun before it.
Words joined(const CLI::App& command, const Words& separated) {
  Words words = command.remaining();
  const std::size_t skipped = words.empty() && !separated.empty() ? 1 : 0;
  words.insert(words.end(), separated.begin() + static_cast<std::ptrdiff_t>(skipped),
               separated.end());
  return words;
}

/// CLI11 would take "--" for the end of the subcommand.
Words take_separated(Words& words) {
  const auto separator = std::find(words.begin(), words.end(), "--");
  Words separated(separator, words.end());
  words.erase(separator, words.end());
  return separated;
}

}  // namespace

Program::Program(const Interrupt& interrupt)
    : interrupt_(interrupt), app_("Linux containers in virtual machines of their own.", "vmkit") {
  app_.require_subcommand(1);
  app_.formatter(std::make_shared<HelpFormatter>());
  app_.failure_message(CLI::FailureMessage::simple);
  app_.footer("`vmkit COMMAND --help` tells more, with examples.");
}

void Program::add_group(const std::string& heading,
                        std::initializer_list<void (*)(Program&)> commands) {
  heading_ = heading;
  for (const auto add_command : commands) add_command(*this);
}

CLI::App* Program::add(const std::string& name, const std::string& summary, const std::string& help,
                       const std::vector<std::string>& examples, CLI::App* parent) {
  CLI::App* command = (parent == nullptr ? &app_ : parent)->add_subcommand(name, summary);
  if (parent == nullptr) command->group(heading_);
  std::string footer = wrapped(help);
  if (!examples.empty()) footer += "\n\nExamples:";
  for (const std::string& example : examples) footer += "\n  " + example;
  command->footer(footer);
  return command;
}

void Program::on(CLI::App* command, std::function<int()> action, int failure_status) {
  command->callback([this, action = std::move(action), failure_status] {
    action_ = action;
    failure_status_ = failure_status;
  });
}

void Program::takes_words(CLI::App* command) {
  command->prefix_command();
  word_takers_.push_back(command->get_name());
}

std::vector<std::string> Program::words_of(CLI::App* command) const {
  return joined(*command, separated_);
}

int Program::run(int argc, char** argv) {
  Words words(argv + std::min(argc, 1), argv + argc);
  if (!words.empty()) {
    arguments_.assign(words.begin() + 1, words.end());
    if (std::count(word_takers_.begin(), word_takers_.end(), words.front()) != 0) {
      separated_ = take_separated(words);
    }
  }
  try {
    parse(app_, std::move(words));
  } catch (const CLI::ParseError& error) {
    // Help is a success; a wrong command line is a failure of vmkit's own.
    return app_.exit(error) == 0 ? 0 : exit_own_failure;
  }
  return guarded(action_, interrupt_, failure_status_);
}

std::vector<std::string> parse_words(CLI::App& command, const std::vector<std::string>& arguments) {
  Words words = arguments;
  const Words separated = take_separated(words);
  command.prefix_command();
  parse(command, std::move(words));
  return joined(command, separated);
}

}  // namespace cli
