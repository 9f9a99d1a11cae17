// SPDX-License-Identifier: Apache-2.0
#include "containers/search.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "containers/names.hpp"
#include "monitor/descriptor.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/container/container.hpp>
#include <vmkit/container/record.hpp>

namespace cli {
namespace {

using namespace vmkit;

/// Held while names are looked at and given.
Descriptor lock_names(const std::filesystem::path& containers) {
  const auto path = std::filesystem::path(containers) += ".lock";
  Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (file.get() < 0) throw Error::from_errno(errno, "open " + path.string());
  while (::flock(file.get(), LOCK_EX) != 0) {
    if (errno != EINTR) throw Error::from_errno(errno, "lock " + path.string());
  }
  return file;
}

std::vector<Found> containers_in(const std::filesystem::path& folder) {
  std::vector<Found> all;
  for (const auto& record : container::list_containers(folder)) {
    Found found;
    found.in_use = record.in_use;
    if (auto entry = load_entry(record.folder)) {
      found.entry = std::move(*entry);
    } else if (record.in_use) {
      continue;  // it is being made
    } else {
      found.unfinished = true;
      found.entry.folder = record.folder;
      found.entry.id = record.folder.filename().string();
      found.entry.created = record.created;
    }
    all.push_back(std::move(found));
  }
  std::sort(all.begin(), all.end(),
            [](const Found& a, const Found& b) { return a.entry.created > b.entry.created; });
  return all;
}

bool is_taken(const std::vector<Found>& all, const std::string& name) {
  return std::any_of(all.begin(), all.end(),
                     [&](const Found& found) { return found.entry.name == name; });
}

[[noreturn]] void refuse(const std::string& name) {
  throw Error(Errc::already_exists, "the name " + name +
                                        " is taken by another container: remove that with `vmkit "
                                        "rm`, or take another name");
}

}  // namespace

std::vector<Found> all_containers(const std::filesystem::path& store) {
  return containers_in(containers_folder(store));
}

Found find_container(const std::filesystem::path& store, const std::string& text) {
  std::vector<Found> candidates;
  for (Found& found : all_containers(store)) {
    if (found.entry.name == text || found.entry.id == text) return std::move(found);
    if (found.entry.id.starts_with(text)) candidates.push_back(std::move(found));
  }
  if (candidates.size() == 1 && !text.empty()) return std::move(candidates.front());
  if (candidates.empty() || text.empty()) {
    throw Error(Errc::not_found, "there is no container " + text + "; `vmkit ps -a` lists them");
  }
  throw Error(Errc::invalid_argument, std::to_string(candidates.size()) +
                                          " containers' ids begin with " + text +
                                          ": give more digits, or a name");
}

void save_with_name(Entry& entry) {
  const auto folder = entry.folder.parent_path();
  const Descriptor lock = lock_names(folder);
  const auto all = containers_in(folder);
  if (entry.name.empty()) {
    do entry.name = random_name();
    while (is_taken(all, entry.name));
  } else if (is_taken(all, entry.name)) {
    refuse(entry.name);
  }
  save(entry);
}

void rename(Entry entry, const std::string& name) {
  check_name(name);
  const auto folder = entry.folder.parent_path();
  const Descriptor lock = lock_names(folder);
  if (is_taken(containers_in(folder), name)) refuse(name);
  entry.name = name;
  save(entry);
}

void require_free_name(const std::filesystem::path& store, const std::string& name) {
  if (is_taken(all_containers(store), name)) refuse(name);
}

void discard(const Entry& entry) {
  try {
    container::Container::remove(entry.folder);
  } catch (const Error& error) {
    if (error.code() != Errc::not_found) throw;
  }
  if (!entry.socket.empty()) ::unlink(entry.socket.c_str());
}

void sweep(const std::filesystem::path& store) {
  const auto before = all_containers(store);
  container::Container::remove_abandoned(containers_folder(store));
  for (const Found& found : before) {
    if (found.in_use) continue;
    const bool gone = !std::filesystem::exists(found.entry.folder);  // its socket may be there
    const bool goes = found.entry.remove_at_end && found.entry.state != Entry::State::created;
    if (!gone && !goes) continue;
    try {
      discard(found.entry);
    } catch (const Error&) {
      // Somebody has it now.
    }
  }
}

}  // namespace cli
