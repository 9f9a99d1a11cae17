// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <sys/types.h>

#include "agent/json.hpp"
#include "poll_set.hpp"
#include "rpc_error.hpp"
#include "session.hpp"

namespace vmkit::guest {

/// A request that is answered later, if the client that asked is still known: it may have lost its
/// session meanwhile and come back.
struct Deferred {
  std::uint64_t client;
  agent::Json id;
};

/// Which message an answer was: see Client::has().
struct Answered {
  std::uint64_t client;
  std::uint64_t number;
};

/// What the services need of the server that they belong to.
class Client {
 public:
  virtual ~Client() = default;

  /// The session; null while there is none.
  virtual Session* session() = 0;
  /// Whose session it is; a client keeps its number when it comes back.
  virtual std::uint64_t current() const = 0;
  /// Nothing if the client is not known any more.
  virtual std::optional<Answered> answer(const Deferred& request, agent::Json result) = 0;
  virtual void answer_error(const Deferred& request, const RpcError& error) = 0;
  /// The client has told that it got this answer.
  virtual bool has(const Answered& answer) const = 0;
  /// Tells all clients something that they have not asked for: an object whose "type" says what.
  virtual void notify(agent::Json event) = 0;
};

/// Runs a method; nothing if it is answered later. Throws RpcError, or Json::exception for
/// parameters of the wrong type.
using Method =
    std::function<std::optional<agent::Json>(const agent::Json& params, const Deferred& request)>;
using Methods = std::map<std::string, Method, std::less<>>;

/// One subject of the agent (the machine, processes, …): its methods, its descriptors and its
/// streams. All run in one thread, in rounds of one poll loop, and must not block.
class Service {
 public:
  virtual ~Service() = default;

  virtual void add_methods(Methods& methods) = 0;

  /// Adds the descriptors that it waits for now.
  virtual void watch(PollSet&) {}
  /// The client's streams have news: data, an end, a reset, a window.
  virtual void take_input() {}
  /// There is room for output to the client: called again and again while it is written.
  virtual void give_output() {}
  /// The session and all its streams are about to go. Its client may come back.
  virtual void end_session() {}
  /// This client will not come back: what is kept for it can go.
  virtual void forget_client(std::uint64_t) {}
  /// A child has ended, with a status as waitpid gives it. True if it was one of this service's.
  virtual bool take_child(pid_t, int) { return false; }
};

/// A parameter that may be missing.
template <class T>
T get_or(const agent::Json& params, const char* name, T otherwise) {
  const auto found = params.find(name);
  return found == params.end() ? otherwise : found->get<T>();
}

}  // namespace vmkit::guest
