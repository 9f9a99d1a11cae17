// SPDX-License-Identifier: Apache-2.0
#include "vm/helper/connection.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>
#include <vector>

#include "vm/helper/values.hpp"

namespace vmkit::vm::helper {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t most_events = 1000;   // that nobody has taken yet
constexpr std::size_t most_progress = 100;  // likewise
// From the end of what a helper says to the end of its process.
constexpr auto end_patience = std::chrono::milliseconds(500);

}  // namespace

struct Connection::Call {
  bool wants_progress = false;
  std::optional<Answer> answer;
  std::optional<Error> error;
  std::deque<Json> progress;
};

Connection::Connection(Helper helper, const std::string& program,
                       std::chrono::milliseconds patience, std::shared_ptr<LogSink> log)
    : name_(name_prefix + program),
      log_(std::move(log)),
      patience_(patience),
      channel_(std::move(helper.socket)),
      process_(std::move(helper.process)),
      reader_([this] { read(); }) {}

Connection::~Connection() {
  end(std::chrono::milliseconds(0));
}

Connection::Answer Connection::call(const std::string& method, Json params,
                                    const CallOptions& options) {
  const std::string what = name_ + ": " + method;
  options.check(what);
  Json request{{"method", method}, {"params", std::move(params)}};
  if (options.deadline) {
    const auto left = options.remaining(std::chrono::hours(24 * 30));
    request["timeout_ms"] = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  }
  if (options.progress) request["progress"] = true;
  const auto call = std::make_shared<Call>();
  call->wants_progress = static_cast<bool>(options.progress);
  // Before the lock, and so gone after it: its end waits for wake(), which takes the lock.
  const StopCallback on_stop(options.stop, [this] { wake(); });
  std::unique_lock lock(mutex_);
  if (lost_) throw *lost_;
  const std::uint64_t id = next_++;
  request["id"] = id;
  calls_[id] = call;
  lock.unlock();
  std::exception_ptr given_up, thrown_by_caller;
  Clock::time_point patience_end{};
  const auto give_up = [&](bool cancel) {
    given_up = std::current_exception();
    patience_end = Clock::now() + patience_;
    if (cancel) channel_.send({{"method", "cancel"}, {"params", {{"id", id}}}});
  };
  const auto take_progress = [&](const std::deque<Json>& progress) {
    try {
      for (const Json& one : progress) options.progress(read_progress(one));
    } catch (...) {
      thrown_by_caller = std::current_exception();
      give_up(true);
    }
  };
  const auto check = [&] {
    try {
      options.check(what);
    } catch (const Error& error) {
      // A deadline is the helper's too, whose words are better.
      give_up(error.code() == Errc::cancelled);
    }
  };
  try {
    channel_.send(request);
    for (bool over = false; !over;) {
      lock.lock();
      if (!call->answer && !call->error && call->progress.empty()) {
        const auto left = patience_end - Clock::now();
        changed_.wait_for(lock, given_up ? left : options.remaining(std::chrono::hours(1)));
      }
      const auto progress = std::exchange(call->progress, {});
      const bool answered = call->answer || call->error;
      lock.unlock();
      if (!given_up) take_progress(progress);
      if (!given_up && !answered) check();
      over = answered || (given_up && Clock::now() >= patience_end);
    }
  } catch (const Error&) {
    channel_.shut_down();  // it could not be sent: who reads finds out why
  }
  lock.lock();
  changed_.wait(lock, [&] { return given_up || call->answer || call->error; });
  calls_.erase(id);
  changed_.notify_all();
  if (thrown_by_caller) std::rethrow_exception(thrown_by_caller);
  if (call->answer) return std::move(*call->answer);  // perhaps it was stopped too late
  if (call->error) throw *call->error;
  std::rethrow_exception(given_up);
}

void Connection::tell(const std::string& method, Json params) noexcept {
  try {
    std::unique_lock lock(mutex_);
    if (lost_) return;
    const std::uint64_t id = next_++;
    lock.unlock();
    channel_.send({{"id", id}, {"method", method}, {"params", std::move(params)}});
  } catch (const std::exception&) {  // the reader notices, too
  }
}

void Connection::send_descriptor(int descriptor) {
  channel_.send({{"method", "descriptor"}}, descriptor);
}

std::optional<Json> Connection::next_event(std::optional<Clock::time_point> deadline) {
  std::unique_lock lock(mutex_);
  while (events_.empty() && !lost_ && !woken_) {
    if (!deadline) {
      changed_.wait(lock);
    } else if (changed_.wait_until(lock, *deadline) == std::cv_status::timeout) {
      break;
    }
  }
  woken_ = false;
  if (events_.empty()) return std::nullopt;
  Json event = std::move(events_.front());
  events_.pop_front();
  return event;
}

void Connection::wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  changed_.notify_all();
}

std::optional<Error> Connection::lost() const {
  const std::lock_guard lock(mutex_);
  return events_.empty() ? lost_ : std::nullopt;
}

void Connection::read() {
  try {
    while (auto received = channel_.receive()) take(std::move(*received));
    lose(Errc::unavailable, how_it_ended());
  } catch (const Json::exception&) {
    lose(Errc::data_corruption, "it says what no helper does");
  } catch (const Error& error) {
    lose(error.code(), error.what());
  }
}

void Connection::take(Received received) {
  const Json& message = received.message;
  if (message.value("method", "") == "log") return write_log(message.at("params"));
  const std::lock_guard lock(mutex_);
  if (const auto method = message.find("method"); method != message.end()) {
    const Json& params = message.at("params");
    if (*method == "event") {
      if (events_.size() == most_events) {
        throw Error(Errc::data_corruption, "more events than any machine has");
      }
      events_.push_back(params);
    } else if (*method == "progress") {
      (void)read_progress(params);  // whoever takes it relies on it
      const auto call = calls_.find(params.at("id").get<std::uint64_t>());
      if (call == calls_.end() || !call->second->wants_progress) return;
      if (call->second->progress.size() == most_progress) call->second->progress.pop_front();
      call->second->progress.push_back(params);
    }
  } else {
    const auto call = calls_.find(message.at("id").get<std::uint64_t>());
    if (call == calls_.end()) return;  // to what nobody waits for
    if (const auto error = message.find("error"); error != message.end()) {
      call->second->error = read_error(*error);
    } else {
      call->second->answer = Answer{message.at("result"), std::move(received.descriptor)};
    }
  }
  changed_.notify_all();
}

void Connection::write_log(const Json& params) {
  if (!log_) return;
  const auto level = params.at("level").get<int>();
  if (level < 0 || level > static_cast<int>(LogLevel::error)) return;
  std::vector<LogField> fields;
  for (const Json& field : params.at("fields")) {
    fields.push_back(
        {field.at(0).get_ref<const std::string&>(), field.at(1).get_ref<const std::string&>()});
  }
  log_->write({static_cast<LogLevel>(level), params.at("module").get_ref<const std::string&>(),
               params.at("message").get_ref<const std::string&>(), fields});
}

void Connection::lose(Errc code, const std::string& why) {
  {
    // First, for what comes next would be another reason to whoever reads.
    const std::lock_guard lock(mutex_);
    if (!lost_) lost_.emplace(code, name_ + ": " + why);
    for (auto& [id, call] : calls_) {
      if (!call->answer && !call->error) call->error = lost_;
    }
    changed_.notify_all();
  }
  channel_.shut_down();
  const std::lock_guard process(process_mutex_);
  if (process_) process_->kill(SIGKILL);
}

std::string Connection::how_it_ended() {
  const std::lock_guard lock(process_mutex_);
  if (!process_) return "it has ended";
  try {
    return "it " + os::to_string(process_->wait(CallOptions{}.with_timeout(end_patience)));
  } catch (const Error&) {
    return "it says nothing any more";
  }
}

void Connection::end(std::chrono::milliseconds grace) noexcept {
  const std::lock_guard ending(ending_);
  {
    std::unique_lock lock(mutex_);
    const auto limit = Clock::now() + grace;
    changed_.wait_until(lock, limit, [this] { return calls_.empty(); });
    channel_.close_write();
    changed_.wait_until(lock, limit, [this] { return lost_.has_value(); });
  }
  channel_.shut_down();
  try {
    const std::lock_guard lock(process_mutex_);
    if (process_ && grace.count() > 0) process_->wait(CallOptions{}.with_timeout(grace));
  } catch (const Error&) {
  }
  if (reader_.joinable()) reader_.join();
  const std::lock_guard lock(process_mutex_);
  process_.reset();  // kills and reaps
}

}  // namespace vmkit::vm::helper
