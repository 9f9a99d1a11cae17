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

/// A request that is answered later, if the session that asked is still there.
struct Deferred {
  std::uint64_t session;
  agent::Json id;
};

/// What the services need of the server that they belong to.
class Client {
 public:
  virtual ~Client() = default;

  /// The session; null while there is none.
  virtual Session* session() = 0;
  virtual void answer(const Deferred& request, agent::Json result) = 0;
  virtual void answer_error(const Deferred& request, const RpcError& error) = 0;
  /// Tells the client something that it has not asked for: an object whose "type" says what. Lost
  /// if there is no client.
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
  /// The session and all its streams are about to go.
  virtual void end_session() {}
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
