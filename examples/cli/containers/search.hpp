// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "containers/entry.hpp"

namespace cli {

/// A container of a store, as its folder tells.
struct Found {
  Entry entry;
  bool in_use = false;  ///< Its monitor lives.
  /// There is no entry: it was killed while it was made.
  bool unfinished = false;

  /// It was running when its monitor was killed.
  bool dead() const { return unfinished || (!in_use && entry.state == Entry::State::running); }
};

/// All, the newest first.
std::vector<Found> all_containers(const std::filesystem::path& store);

/// The one that a person means: its name, its id, or the first digits of one. Throws not_found;
/// invalid_argument if several ids begin so.
Found find_container(const std::filesystem::path& store, const std::string& text);

/// Notes a new container, under a name of its own: the one it has, or if that is empty a picked
/// one. Throws already_exists.
void save_with_name(Entry& entry);
/// The same for one that gets another name.
void rename(Entry entry, const std::string& name);

/// Throws already_exists if a container has the name, so that nothing is done in vain.
void require_free_name(const std::filesystem::path& store, const std::string& name);

/// Removes the folder of a container that does not run, and what is left of its monitor. Nothing
/// happens if it has gone. Throws unavailable if somebody has it.
void discard(const Entry& entry);

/// Removes what dead ones of `run --rm` have left.
void sweep(const std::filesystem::path& store);

}  // namespace cli
