// SPDX-License-Identifier: Apache-2.0
#include "worker.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vmkit/base/error.hpp>

namespace vmkit::guest {
namespace {

using namespace agent::protocol;
using agent::Json;

constexpr int first_descriptor = 3;
constexpr int result_descriptor = first_descriptor;
constexpr std::size_t max_result = 512 * 1024;

Json error_json(int code, const std::string& message, int errno_value, int errc) {
  return {
      {"error", {{"code", code}, {"message", message}, {"errno", errno_value}, {"errc", errc}}}};
}

/// Puts descriptors at 3, 4, … and closes all others.
void arrange_descriptors(const std::vector<int>& descriptors) {
  constexpr int out_of_the_way = 128;
  std::vector<int> moved;
  for (const int fd : descriptors) moved.push_back(::fcntl(fd, F_DUPFD, out_of_the_way));
  int number = first_descriptor;
  for (const int fd : moved) ::dup2(fd, number++);
  ::syscall(SYS_close_range, static_cast<unsigned>(number), ~0U, 0);
}

[[noreturn]] void run(const std::vector<int>& given,
                      const std::function<Json(const std::vector<int>&)>& body) {
  arrange_descriptors(given);
  std::vector<int> numbers;
  for (std::size_t i = 1; i < given.size(); ++i) {
    numbers.push_back(result_descriptor + static_cast<int>(i));
  }
  // SIGPIPE stays ignored: a write that fails lets the work clean up behind itself.
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::umask(0);
  // A container's processes may see this one: they must not get at what it has open.
  if (::geteuid() == 0) ::prctl(PR_SET_DUMPABLE, 0);
  Json outcome;
  try {
    outcome = {{"result", body(numbers)}};
  } catch (const RpcError& error) {
    outcome = error_json(error.code, error.message, error.errno_value, error.errc);
  } catch (const Error& error) {
    const auto native = error.native();
    outcome = error_json(file_failed, error.what(), native ? static_cast<int>(native->code) : 0,
                         static_cast<int>(error.code()));
  } catch (const Json::exception& error) {
    outcome = error_json(invalid_params, error.what(), 0, 0);
  } catch (const std::exception& error) {
    outcome = error_json(operation_failed, error.what(), 0, 0);
  }
  write_all(result_descriptor, agent::dump_message(outcome, agent::BadUtf8::replace));
  ::_exit(0);
}

}  // namespace

Worker start_worker(const std::vector<int>& descriptors,
                    const std::function<Json(const std::vector<int>&)>& body) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    throw RpcError(operation_failed, "cannot make a pair of sockets", errno);
  }
  Fd ours(ends[0]);
  const Fd theirs(ends[1]);
  ::fcntl(ours.get(), F_SETFL, O_NONBLOCK);
  std::vector<int> given{theirs.get()};
  given.insert(given.end(), descriptors.begin(), descriptors.end());
  const pid_t pid = ::fork();
  if (pid < 0) throw RpcError(operation_failed, "cannot make a process", errno);
  if (pid == 0) run(given, body);
  return {pid, std::move(ours)};
}

bool read_result(const Worker& worker, std::string& text, Fd& passed) {
  char buffer[4096];
  for (;;) {
    iovec data{buffer, sizeof buffer};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t count = ::recvmsg(worker.result.get(), &message, MSG_CMSG_CLOEXEC);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno != EAGAIN;
    if (count == 0) return true;
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    if (header != nullptr && header->cmsg_type == SCM_RIGHTS) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
      passed = Fd(fd);
    }
    if (text.size() < max_result) text.append(buffer, static_cast<std::size_t>(count));
  }
}

Json worker_result(const std::string& text) {
  Json outcome = Json::parse(text, nullptr, false);
  if (!outcome.is_object()) {
    throw RpcError(operation_failed, "the process that did the work has died");
  }
  if (outcome.contains("result")) return outcome["result"];
  const Json& error = outcome.at("error");
  RpcError result(static_cast<ErrorCode>(error.at("code").get<int>()),
                  error.at("message").get<std::string>());
  result.errno_value = error.at("errno").get<int>();
  result.errc = error.at("errc").get<int>();
  throw result;
}

void pass_descriptor(int fd) {
  char blank = ' ';  // before the JSON, where it does no harm
  iovec data{&blank, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof fd)]{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  if (::sendmsg(result_descriptor, &message, 0) != 1) {
    throw RpcError(operation_failed, "cannot pass a descriptor", errno);
  }
}

}  // namespace vmkit::guest
