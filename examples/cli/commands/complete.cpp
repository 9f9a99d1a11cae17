// SPDX-License-Identifier: Apache-2.0
// `vmkit __complete -- WORDS…`, for the scripts of `vmkit completion`: what the last word may
// become, a line each, with a tab and a description where there is one. Nothing: a file.
#include <cstdio>
#include <string_view>

#include "commands/commands.hpp"
#include "containers/search.hpp"
#include "options/common_options.hpp"
#include "program.hpp"

#include <vmkit/oci/image_store.hpp>
#include <vmkit/oci/reference.hpp>

namespace cli {
namespace {

using namespace vmkit;

/// Where a command line has got to.
struct Place {
  const CLI::App* command;
  StoreOption store = {};
  const CLI::Option* waiting = nullptr;  ///< An option whose value comes next.
  std::size_t operands = 0;
};

class Completion {
 public:
  Completion(const CLI::App& app, std::string word) : app_(app), word_(std::move(word)) {}

  void run(const std::vector<std::string>& before) {
    Place place{&app_};
    for (const std::string& word : before) follow(place, word);
    if (place.waiting != nullptr) return values(*place.waiting);
    if (word_.starts_with('-')) return options(*place.command);
    bool any = false;
    for (const CLI::App* command : place.command->get_subcommands(all_commands())) {
      if (command->get_group().empty()) continue;
      offer(command->get_name(), command->get_description());
      any = true;
    }
    if (!any) operand(place);
  }

 private:
  static std::function<bool(const CLI::App*)> all_commands() {
    return [](const CLI::App*) { return true; };
  }

  static bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

  static void follow(Place& place, const std::string& word) {
    if (place.waiting != nullptr) {
      if (place.waiting->check_lname("store")) place.store.given = word;
      place.waiting = nullptr;
    } else if (word.starts_with('-')) {
      const std::size_t equals = word.find('=');
      const CLI::Option* const option = find_option(*place.command, word.substr(0, equals));
      if (option == nullptr || !takes_value(*option)) return;
      if (equals == std::string::npos) {
        place.waiting = option;
      } else if (option->check_lname("store")) {
        place.store.given = word.substr(equals + 1);
      }
    } else if (const CLI::App* inner = subcommand(*place.command, word)) {
      place.command = inner;
    } else {
      ++place.operands;
    }
  }

  static const CLI::App* subcommand(const CLI::App& command, const std::string& name) {
    for (const CLI::App* inner : command.get_subcommands(all_commands())) {
      if (inner->get_name() == name) return inner;
    }
    return nullptr;
  }

  /// Of the command, or of the family that it belongs to.
  static const CLI::Option* find_option(const CLI::App& command, const std::string& name) {
    for (const CLI::App* app = &command; app != nullptr; app = app->get_parent()) {
      for (const CLI::Option* option : app->get_options()) {
        if (!option->get_positional() && option->check_name(name)) return option;
      }
    }
    return nullptr;
  }

  void options(const CLI::App& command) const {
    for (const CLI::App* app = &command; app != nullptr; app = app->get_parent()) {
      for (const CLI::Option* option : app->get_options()) {
        for (const std::string& name : option->get_lnames()) {
          offer("--" + name, option->get_description());
        }
      }
    }
  }

  /// "TEXT:{missing,always}": those; else perhaps a file.
  void values(const CLI::Option& option) const {
    const std::string type = option.get_type_name();
    const std::size_t begin = type.find('{'), end = type.find('}');
    if (begin == std::string::npos || end == std::string::npos) return;
    for (std::size_t from = begin + 1; from < end;) {
      const std::size_t comma = std::min(type.find(',', from), end);
      offer(type.substr(from, comma - from), "");
      from = comma + 1;
    }
  }

  void operand(const Place& place) const {
    const CLI::Option* wanted = nullptr;
    std::size_t index = 0;
    for (const CLI::Option* option : place.command->get_options()) {
      if (!option->get_positional()) continue;
      wanted = option;
      if (index++ == place.operands) break;
    }
    if (wanted == nullptr) return;
    // Behind the last operand comes nothing, or the words of a command in the container.
    if (place.operands >= index && wanted->get_items_expected_max() <= 1) return;
    const std::string name = wanted->get_name(true);
    if (name == "CONTAINER" || name == "OBJECT") containers(place);
    if (name == "IMAGE" || name == "REF" || name == "OBJECT") images(place);
    if (name == "SOURCE" || name == "DESTINATION") containers(place, ":");
    if (name == "SHELL") values(*wanted);
  }

  void containers(const Place& place, const std::string& behind = {}) const {
    for (const Found& found : all_containers(place.store.folder())) {
      if (found.unfinished) {
        offer(found.entry.id + behind, "");
      } else {
        offer(found.entry.name + behind, found.entry.image);
      }
    }
  }

  void images(const Place& place) const {
    for (const auto& record : oci::ImageStore::open(place.store.folder()).list()) {
      const auto reference = oci::Reference::try_parse(record.name);
      if (reference) offer(reference->familiar(), "");
    }
  }

  void offer(const std::string& candidate, const std::string& description) const {
    if (!candidate.starts_with(word_)) return;
    std::printf("%s%s%s\n", candidate.c_str(), description.empty() ? "" : "\t",
                description.substr(0, description.find('\n')).c_str());
  }

  const CLI::App& app_;
  const std::string word_;
};

}  // namespace

void add_complete(Program& program) {
  CLI::App* command = program.add("__complete", "", "", {});
  program.takes_words(command);
  program.on(command, [&program, command] {
    auto words = program.words_of(command);
    if (words.empty()) return 0;
    Completion completion(program.app(), std::move(words.back()));
    words.pop_back();
    completion.run(words);
    return 0;
  });
}

}  // namespace cli
