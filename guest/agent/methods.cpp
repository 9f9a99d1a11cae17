// SPDX-License-Identifier: Apache-2.0
// The methods of docs/formats/agent-protocol.md.
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <linux/random.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "root_mount.hpp"
#include "server.hpp"
#include "spawn.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::guest {
namespace {

using namespace agent::protocol;
using agent::Json;

constexpr std::size_t max_processes = 1024;
constexpr int pipe_bytes = 256 * 1024;

template <class T>
T get_or(const Json& params, const char* name, T otherwise) {
  const auto found = params.find(name);
  return found == params.end() ? otherwise : found->get<T>();
}

void set_clock(std::int64_t host_time_ns) {
  constexpr std::int64_t second = 1'000'000'000;
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const std::int64_t here = now.tv_sec * second + now.tv_nsec;
  if (host_time_ns < 0 || std::llabs(here - host_time_ns) <= second) return;
  const timespec wanted{static_cast<time_t>(host_time_ns / second),
                        static_cast<long>(host_time_ns % second)};
  if (::clock_settime(CLOCK_REALTIME, &wanted) != 0) {
    throw RpcError(operation_failed, "cannot set the clock", errno);
  }
}

void seed_random(const std::string& hex) {
  constexpr std::size_t max_bytes = 256;
  if (hex.size() % 2 != 0 || hex.size() / 2 > max_bytes) {
    throw RpcError(invalid_params, "random_seed: expected up to 256 bytes in hexadecimal");
  }
  // struct rand_pool_info: how many bits, how many bytes, the bytes.
  const std::size_t size = hex.size() / 2;
  std::array<unsigned char, 2 * sizeof(int) + max_bytes> seed{};
  const int counts[] = {static_cast<int>(size) * 8, static_cast<int>(size)};
  std::memcpy(seed.data(), counts, sizeof counts);
  for (std::size_t i = 0; i < size; ++i) {
    const std::string digits = hex.substr(2 * i, 2);
    seed[sizeof counts + i] = static_cast<unsigned char>(std::strtoul(digits.c_str(), nullptr, 16));
  }
  const Fd fd(::open("/dev/urandom", O_RDWR | O_CLOEXEC));
  if (!fd || ::ioctl(fd.get(), RNDADDENTROPY, seed.data()) != 0) {
    throw RpcError(operation_failed, "cannot seed the random number generator", errno);
  }
}

}  // namespace

void Server::handle_requests() {
  while (session_) {
    const auto request = session_->next_request();
    if (!request) return;
    handle_request(*request);
  }
}

void Server::handle_request(const std::string& text) {
  Json message;
  try {
    message = agent::parse_message(text);
  } catch (const Error& error) {
    return answer_error({session_->serial(), nullptr}, RpcError(parse_error, error.what()));
  }
  Deferred request{session_->serial(), message.value("id", Json())};
  try {
    const auto method = message.find("method");
    if (message.value("jsonrpc", Json()) != "2.0" || method == message.end() ||
        !method->is_string() || !(request.id.is_string() || request.id.is_number())) {
      request.id = request.id.is_structured() ? Json() : request.id;
      throw RpcError(invalid_request, "expected a JSON-RPC 2.0 request with an id");
    }
    const Json params = message.value("params", Json::object());
    if (!params.is_object()) throw RpcError(invalid_params, "expected params by name");
    if (auto result = call(method->get<std::string>(), params, request)) {
      answer(request, std::move(*result));
    }
  } catch (const RpcError& error) {
    answer_error(request, error);
  } catch (const Json::exception& error) {
    answer_error(request, RpcError(invalid_params, error.what()));
  }
}

std::optional<Json> Server::call(const std::string& method, const Json& params,
                                 const Deferred& request) {
  if (method == "hello") return hello();
  if (method == "mount_root") return mount_root(params);
  if (method == "configure") return configure(params);
  if (method == "signal") return signal(params);
  if (method == "spawn") {
    spawn(params, request);
    return std::nullopt;
  }
  if (method == "wait") {
    wait(params, request);
    return std::nullopt;
  }
  if (method == "power_off") {
    power_off_ = true;
    return Json::object();
  }
  throw RpcError(method_not_found, "unknown method \"" + method + "\"");
}

void Server::answer(const Deferred& request, Json result) {
  if (!session_ || request.session != session_->serial()) return;
  session_->send(
      agent::dump_message({{"jsonrpc", "2.0"}, {"id", request.id}, {"result", std::move(result)}},
                          agent::BadUtf8::replace));
}

void Server::answer_error(const Deferred& request, const RpcError& error) {
  if (!session_ || request.session != session_->serial()) return;
  Json body{{"code", static_cast<int>(error.code)}, {"message", error.message}};
  if (error.errno_value != 0) body["data"] = {{"errno", error.errno_value}};
  session_->send(
      agent::dump_message({{"jsonrpc", "2.0"}, {"id", request.id}, {"error", std::move(body)}},
                          agent::BadUtf8::replace));
}

Json Server::hello() const {
  utsname names{};
  ::uname(&names);
  return {{"protocol", agent::protocol::version},
          {"agent", VMKIT_AGENT_VERSION},
          {"kernel", names.release},
          {"architecture", names.machine},
          {"root_mounted", root_mounted_}};
}

Json Server::mount_root(const Json& params) {
  if (root_mounted_) throw RpcError(wrong_state, "the root is mounted already");
  RootMount root{params.at("serial").get<std::string>(),
                 get_or<std::string>(params, "fs_type", "ext4"),
                 get_or<bool>(params, "read_only", false)};
  guest::mount_root(root);
  root_mounted_ = true;
  return Json::object();
}

Json Server::configure(const Json& params) {
  if (const auto name = get_or<std::string>(params, "hostname", ""); !name.empty()) {
    if (::sethostname(name.data(), name.size()) != 0) {
      throw RpcError(operation_failed, "cannot set the host name \"" + name + "\"", errno);
    }
  }
  set_clock(get_or<std::int64_t>(params, "time_ns", -1));
  if (const auto seed = get_or<std::string>(params, "random_seed", ""); !seed.empty()) {
    seed_random(seed);
  }
  return Json::object();
}

void Server::spawn(const Json& params, const Deferred& request) {
  if (kind_ == ChannelKind::virtio_port && !root_mounted_) {
    throw RpcError(wrong_state, "no root is mounted");
  }
  if (processes_.size() >= max_processes) {
    throw RpcError(limit_reached, "more than 1024 processes");
  }
  SpawnRequest what;
  what.args = params.at("args").get<std::vector<std::string>>();
  what.env = get_or<std::vector<std::string>>(params, "env", {});
  what.working_directory = get_or<std::string>(params, "working_dir", "/");
  what.user = get_or<std::string>(params, "user", "");
  what.root = root_mounted_ ? root_path : nullptr;
  if (what.args.empty()) throw RpcError(invalid_params, "args: expected at least one");

  const Json stdio = params.value("stdio", Json::object());
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) throw RpcError(operation_failed, "cannot open /dev/null", errno);
  Process process;
  std::array<Fd, 3> theirs;
  std::array<int, 3> descriptors;
  constexpr const char* names[] = {"stdin", "stdout", "stderr"};
  Pipe* const pipes[] = {&process.input, &process.output, &process.error};
  try {
    for (std::size_t i = 0; i < 3; ++i) {
      descriptors[i] = null.get();
      if (!stdio.contains(names[i])) continue;
      const auto stream = stdio[names[i]].get<agent::yamux::StreamId>();
      if (!session_->claim_stdio(stream)) {
        throw RpcError(invalid_params, std::string(names[i]) + ": stream " +
                                           std::to_string(stream) +
                                           " was not opened for stdio, or is in use");
      }
      pipes[i]->stream = stream;
      if (i == 0) session_->mux().finish(stream);  // nothing goes that way
      int ends[2];
      if (::pipe2(ends, O_CLOEXEC) != 0) {
        throw RpcError(operation_failed, "cannot make a pipe", errno);
      }
      theirs[i] = Fd(i == 0 ? ends[0] : ends[1]);
      pipes[i]->fd = Fd(i == 0 ? ends[1] : ends[0]);
      // Only our end does not block; the process gets an ordinary pipe.
      ::fcntl(pipes[i]->fd.get(), F_SETFL, O_NONBLOCK);
      ::fcntl(pipes[i]->fd.get(), F_SETPIPE_SZ, pipe_bytes);
      descriptors[i] = theirs[i].get();
    }
    Spawned started = guest::spawn(what, descriptors);
    process.pid = started.pid;
    process.start_result = std::move(started.result);
  } catch (...) {
    for (Pipe* pipe : pipes) close_pipe(*pipe);
    throw;
  }
  process.start_request = request;
  processes_.emplace(next_process_++, std::move(process));
}

Process& Server::process(const Json& params) {
  const auto handle = params.at("process").get<std::uint64_t>();
  const auto found = processes_.find(handle);
  if (found == processes_.end() || found->second.start_result || found->second.failed_to_start) {
    throw RpcError(no_such_process, "no process " + std::to_string(handle));
  }
  return found->second;
}

Json Server::signal(const Json& params) {
  const Process& target = process(params);
  const int number = params.at("signal").get<int>();
  if (target.wait_status) throw RpcError(no_such_process, "the process has ended");
  if (number < 1 || number >= NSIG) {
    throw RpcError(invalid_params, "signal " + std::to_string(number) + ": no such signal");
  }
  if (::kill(target.pid, number) != 0) {
    throw RpcError(operation_failed, "cannot send signal " + std::to_string(number), errno);
  }
  return Json::object();
}

void Server::wait(const Json& params, const Deferred& request) {
  Process& target = process(params);
  if (target.waiters.size() >= max_processes) throw RpcError(limit_reached, "too many waits");
  target.waiters.push_back(request);
  if (target.wait_status) answer_waiters(params.at("process").get<std::uint64_t>());
}

}  // namespace vmkit::guest
