// SPDX-License-Identifier: Apache-2.0
#include "container/probing.hpp"

#include <algorithm>
#include <charconv>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include <vmkit/base/error.hpp>

namespace vmkit::container {
namespace {

using namespace std::chrono_literals;
using ProbeClock = std::chrono::steady_clock;

constexpr std::size_t max_line = 64 * 1024;
constexpr std::size_t max_status_line = 8 * 1024;
constexpr std::size_t max_check_output = 4 * 1024;

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string try_tcp(const TcpProbe& probe, const ProbeTarget& target, const CallOptions& options) {
  target.agent().open_connection(agent::Endpoint::tcp(probe.port, probe.address), options);
  return {};
}

std::string try_http(const HttpProbe& probe, const ProbeTarget& target,
                     const CallOptions& options) {
  const auto has_line_end = [](const std::string& text) {
    return text.find_first_of("\r\n ") != std::string::npos;
  };
  if (!probe.path.starts_with('/') || has_line_end(probe.path) || has_line_end(probe.host)) {
    throw Error(Errc::invalid_argument,
                "HTTP probe: expected a path that begins with / and has no blanks");
  }
  const auto connection =
      target.agent().open_connection(agent::Endpoint::tcp(probe.port, probe.address), options);
  const std::string request = "GET " + probe.path + " HTTP/1.1\r\nHost: " + probe.host +
                              "\r\nUser-Agent: vmkit\r\nAccept: */*\r\nConnection: close\r\n\r\n";
  connection->write(std::as_bytes(std::span(request)), options);
  std::string answer;
  std::vector<std::byte> buffer(1024);
  while (answer.find('\n') == std::string::npos && answer.size() < max_status_line) {
    const std::size_t count = connection->read(buffer, options);
    if (count == 0) break;
    answer += as_text(std::span(buffer).first(count));
  }
  // "HTTP/1.1 200 OK"
  unsigned status = 0;
  const auto blank = answer.find(' ');
  const char* const end = answer.data() + answer.size();
  if (!answer.starts_with("HTTP/1.") || blank == std::string::npos ||
      std::from_chars(answer.data() + blank + 1, end, status).ec != std::errc()) {
    return "the answer is no HTTP";
  }
  if (status >= probe.least_status && status <= probe.most_status) return {};
  return "HTTP status " + std::to_string(status);
}

std::string try_exec(const ExecProbe& probe, const ProbeTarget& target,
                     const CallOptions& options) {
  ProcessOptions what = probe.process;
  what.stdin_mode = agent::Stdio::null;
  what.stdout_mode = agent::Stdio::pipe;
  what.stderr_mode = agent::Stdio::null;
  agent::Process process = target.exec(what, options);
  try {
    std::string output;
    std::vector<std::byte> buffer(4096);
    while (const std::size_t count = process.stdout_source().read(buffer, options)) {
      const std::size_t room = max_check_output - output.size();
      output += as_text(std::span(buffer).first(std::min(count, room)));
    }
    const auto status = process.wait(options);
    if (status == agent::ExitStatus{}) return {};
    const std::string how = status.exited() ? "exit status " + std::to_string(status.code)
                                            : "killed by signal " + std::to_string(status.signal);
    return output.empty() ? how : how + ": " + output;
  } catch (...) {
    try {
      process.signal("KILL", CallOptions{}.with_timeout(1s));
    } catch (const Error&) {
      // It has ended meanwhile, or all has.
    }
    throw;
  }
}

std::string try_log(const LogProbe& probe, const ProbeTarget& target, const CallOptions& options) {
  std::optional<std::regex> expression;
  try {
    if (probe.regex) expression.emplace(probe.text);
  } catch (const std::regex_error& error) {
    throw Error(Errc::invalid_argument, "log probe \"" + probe.text + "\": " + error.what());
  }
  agent::Process process = target.agent().attach(probe.process, {.follow = false}, options);
  const auto matches = [&](const std::string& line) {
    return expression ? std::regex_search(line, *expression)
                      : line.find(probe.text) != std::string::npos;
  };
  for (agent::ProcessOutput* source : {&process.stdout_source(), &process.stderr_source()}) {
    std::string line;
    std::vector<std::byte> buffer(16 * 1024);
    while (const std::size_t count = source->read(buffer, options)) {
      for (const char c : as_text(std::span(buffer).first(count))) {
        if (c != '\n') {
          if (line.size() < max_line) line += c;
          continue;
        }
        if (matches(line)) return {};
        line.clear();
      }
    }
    if (!line.empty() && matches(line)) return {};
  }
  return "no such line yet";
}

/// A try that failed for these reasons is a result; for others it could not be made.
bool is_result(const Error& error) {
  switch (error.code()) {
    case Errc::invalid_argument:
    case Errc::failed_precondition:
    case Errc::cancelled:
    case Errc::unsupported:
    case Errc::internal:
      return false;
    default:
      return true;
  }
}

}  // namespace

std::string_view to_string(HealthState state) noexcept {
  switch (state) {
    case HealthState::none:
      return "none";
    case HealthState::starting:
      return "starting";
    case HealthState::healthy:
      return "healthy";
    case HealthState::unhealthy:
      return "unhealthy";
  }
  return "?";
}

std::string try_probe(const Probe& probe, const ProbeTarget& target, const CallOptions& options) {
  options.check("probe");
  const CallOptions limited =
      CallOptions{options.stop, {}, options.deadline}.with_timeout(probe.timeout);
  struct Try {
    const ProbeTarget& target;
    const CallOptions& options;
    std::string operator()(const TcpProbe& action) { return try_tcp(action, target, options); }
    std::string operator()(const HttpProbe& action) { return try_http(action, target, options); }
    std::string operator()(const ExecProbe& action) { return try_exec(action, target, options); }
    std::string operator()(const LogProbe& action) { return try_log(action, target, options); }
  };
  try {
    return std::visit(Try{target, limited}, probe.action);
  } catch (const Error& error) {
    options.check("probe");
    if (const auto failure = target.agent().failure()) throw *failure;
    if (!is_result(error)) throw;
    return error.what();
  }
}

void wait_ready(const Probe& probe, const ProbeTarget& target, const CallOptions& options) {
  const auto counting = ProbeClock::now() + probe.start_period;
  std::string last = "no try has ended";
  unsigned failures = 0;
  for (;;) {
    try {
      last = try_probe(probe, target, options);
    } catch (const Error& error) {
      if (error.code() != Errc::timeout) throw;
      throw Error(Errc::timeout, std::string("not ready in time; the last try: ") + last);
    }
    if (last.empty()) return;
    if (ProbeClock::now() >= counting) ++failures;
    if (probe.retries != 0 && failures >= probe.retries) {
      throw Error(Errc::failed_precondition,
                  "not ready after " + std::to_string(failures) + " tries; the last one: " + last);
    }
    options.stop.wait_for(options.remaining(probe.interval));
  }
}

std::optional<Probe> probe_of(const std::optional<oci::Healthcheck>& check) {
  using std::chrono::milliseconds;
  if (!check || check->test.empty() || check->test[0] == "NONE") return std::nullopt;
  ExecProbe action;
  if (check->test[0] == "CMD-SHELL") {
    if (check->test.size() < 2) return std::nullopt;
    action.process.args = {"/bin/sh", "-c", check->test[1]};
  } else if (check->test[0] == "CMD" && check->test.size() > 1) {
    action.process.args.assign(check->test.begin() + 1, check->test.end());
  } else {
    return std::nullopt;
  }
  // Docker's defaults.
  const auto or_default = [](std::chrono::nanoseconds time, milliseconds otherwise) {
    return time.count() > 0 ? std::chrono::ceil<milliseconds>(time) : otherwise;
  };
  Probe probe{std::move(action)};
  probe.interval = or_default(check->interval, 30s);
  probe.timeout = or_default(check->timeout, 30s);
  probe.start_period = or_default(check->start_period, 0ms);
  probe.retries = check->retries != 0 ? check->retries : 3;
  return probe;
}

HealthMonitor::HealthMonitor(Probe probe, ProbeTarget target, Handler handler)
    : probe_(std::move(probe)), target_(std::move(target)) {
  thread_ = std::thread([this, told = std::move(handler)] { run(told); });
}

HealthMonitor::~HealthMonitor() {
  stop_.request_stop();
  thread_.join();
}

Health HealthMonitor::health() const {
  const std::lock_guard lock(mutex_);
  return health_;
}

void HealthMonitor::run(const Handler& handler) {
  const auto tell = [&](const Health& health) {
    try {
      if (handler) handler(health);
    } catch (...) {
      // There is nobody to tell: the handler runs because the container did something.
    }
  };
  const unsigned retries = std::max(probe_.retries, 1U);
  const auto counting = ProbeClock::now() + probe_.start_period;
  tell(health());
  const CallOptions options{.stop = stop_.token()};
  while (!stop_.token().wait_for(probe_.interval)) {
    std::string failure;
    try {
      failure = try_probe(probe_, target_, options);
    } catch (const Error& error) {
      if (error.code() == Errc::cancelled || error.code() == Errc::unavailable) return;
      failure = error.what();  // a check that cannot be made is no success
    }
    Health now;
    bool changed = false;
    {
      const std::lock_guard lock(mutex_);
      const HealthState before = health_.state;
      health_.last_failure = failure;
      if (failure.empty()) {
        health_.failures = 0;
        health_.state = HealthState::healthy;
      } else if (before != HealthState::starting || ProbeClock::now() >= counting) {
        if (++health_.failures >= retries) health_.state = HealthState::unhealthy;
      }
      changed = health_.state != before;
      now = health_;
    }
    if (changed) tell(now);
  }
}

}  // namespace vmkit::container
