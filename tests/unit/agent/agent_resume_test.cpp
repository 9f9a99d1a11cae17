// SPDX-License-Identifier: Apache-2.0
// Clients that lose their connection to the real agent program and go on, and processes that are
// left and found again.
#include <atomic>
#include <fstream>
#include <future>
#include <random>
#include <thread>

#include "unit/agent/agent_listener.hpp"
#include "unit/agent/agent_program.hpp"

#include <vmkit/base/digest.hpp>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#if __has_feature(thread_sanitizer) && !defined(__SANITIZE_THREAD__)
#define __SANITIZE_THREAD__ 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define VMKIT_TEST_COUNTS_ALLOCATIONS 1
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();  // GCC has no header for it
#endif

namespace {

using namespace vmkit;
using namespace vmkit::agent;
using namespace vmkit::agent::test;
using namespace std::chrono_literals;

std::string noise(std::size_t size, unsigned seed) {
  std::string text(size, '\0');
  std::mt19937 random(seed);
  for (char& byte : text) byte = static_cast<char>(random() >> 24);
  return text;
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

/// Gives out connections that are cut after a number of bytes, whichever way they go, while it
/// cuts: not after a time, in which a busy host may get nothing done.
class Cutter {
 public:
  explicit Cutter(AgentListener& agent) : agent_(agent) {}
  void stop() { cuts_ = false; }

  Dialler dialler() {
    return [this](const CallOptions&) {
      // Some do not even outlive their greeting.
      const auto life =
          static_cast<std::int64_t>(random_() % (random_() % 4 == 0 ? 1000 : 1'000'000));
      return std::make_unique<Connection>(*this, agent_.connect(), life);
    };
  }

 private:
  class Connection : public Stream {
   public:
    Connection(const Cutter& cutter, std::unique_ptr<Stream> stream, std::int64_t life)
        : cutter_(cutter), stream_(std::move(stream)), left_(life) {}
    std::size_t read(std::span<std::byte> buffer) override {
      const std::size_t count = stream_->read(buffer);
      return std::min(count, spend(count));
    }
    void write(std::span<const std::byte> data) override {
      stream_->write(data.first(spend(data.size())));
    }
    void close_write() override { stream_->close_write(); }
    void close() noexcept override { stream_->close(); }

   private:
    /// How many of the bytes still go; if not all, it cuts.
    std::size_t spend(std::size_t count) {
      const std::int64_t left = left_.fetch_sub(static_cast<std::int64_t>(count));
      if (!cutter_.cuts_ || left >= static_cast<std::int64_t>(count)) return count;
      stream_->close();
      return static_cast<std::size_t>(std::max<std::int64_t>(left, 0));
    }

    const Cutter& cutter_;
    std::unique_ptr<Stream> stream_;
    std::atomic<std::int64_t> left_;
  };

  AgentListener& agent_;
  std::mt19937 random_{5};  // of the one thread that connects
  std::atomic<bool> cuts_{true};
};

TEST_CASE("a connection that is cut at random loses nothing and doubles nothing") {
  AgentListener agent;
  const TempDir folder;
  Cutter cutter(agent);
  Client client = Client::connect(cutter.dialler(), {}, soon());
  {
    std::vector<std::future<void>> workers;
    const auto work = [&](auto job) { workers.push_back(std::async(std::launch::async, job)); };
    for (unsigned i = 0; i < 2; ++i) {
      work([&client, i, &folder] {  // output
        const std::string data = noise(6 << 20, i);
        const std::string name = "data" + std::to_string(i);
        folder.write(name, data);
        auto process = client.spawn(shell("cat " + (folder.path() / name).string() +
                                          "; head -c 100000 /dev/zero >&2; exit 5"),
                                    soon());
        auto errors =
            std::async(std::launch::async, [&] { return read_all(process.stderr_source()); });
        CHECK((read_all(process.stdout_source()) == data));
        CHECK(process.stdout_source().offset() == data.size());
        CHECK(errors.get() == std::string(100'000, '\0'));
        CHECK(process.wait(soon()) == ExitStatus{5, 0});
      });
      work([&client, i] {  // input
        const std::string data = noise(6 << 20, i + 10);
        ProcessSpec spec = shell("sha256sum");
        spec.stdin_mode = Stdio::pipe;
        auto process = client.spawn(spec, soon());
        process.stdin_sink().write(bytes_of(data), soon());
        process.stdin_sink().close();
        CHECK("sha256:" + read_all(process.stdout_source()).substr(0, 64) ==
              digest_of(data).to_string());
        CHECK(process.wait(soon()).exited());
      });
    }
    work([&client] {  // both at once
      const std::string data = noise(4 << 20, 20);
      ProcessSpec spec = shell("cat");
      spec.stdin_mode = Stdio::pipe;
      spec.kept_output.bytes = ByteSize(10'000);
      auto process = client.spawn(spec, soon());
      auto writer = std::async(std::launch::async, [&] {
        process.stdin_sink().write(bytes_of(data), soon());
        process.stdin_sink().close();
      });
      CHECK((read_all(process.stdout_source()) == data));
      writer.get();
    });
    work([&client, &folder] {  // requests: each once
      const std::string file = (folder.path() / "log").string();
      for (int i = 0; i < 100; ++i) {
        ProcessSpec spec = shell("echo " + std::to_string(i) + " >>" + file);
        auto process = client.spawn(spec, soon());
        CHECK(process.wait(soon()) == ExitStatus{0, 0});
      }
      std::ifstream log(file);
      int number = 0;
      for (int i = 0; i < 100; ++i) {
        log >> number;
        CHECK(number == i);
      }
      CHECK_FALSE(static_cast<bool>(log >> number));
    });
    for (auto& worker : workers) worker.get();
  }
  cutter.stop();
  CHECK(agent.connections() > 100);
  MESSAGE(agent.connections() << " connections");
  // The last of them may be ending still.
  for (int i = 0; i < 500 && !client.processes(soon()).empty(); ++i) {
    std::this_thread::sleep_for(10ms);
  }
  CHECK(client.processes(soon()).empty());
  CHECK_FALSE(client.failure());
}

TEST_CASE("a process is left by one client and found by another, with all that it wrote") {
  AgentListener agent;
  std::uint64_t handle = 0;
  {
    Client client = agent.client(soon());
    ProcessSpec spec = shell("echo first; read line; echo got $line; echo err >&2; exit 6");
    spec.stdin_mode = Stdio::pipe;
    auto process = client.spawn(spec, soon());
    handle = process.handle();
    std::vector<std::byte> buffer(6);
    CHECK(process.stdout_source().read(buffer, soon()) == 6);
  }
  Client other = agent.client(soon());
  const auto found = other.processes(soon());
  REQUIRE(found.size() == 1);
  CHECK(found[0].handle == handle);
  CHECK(found[0].program == "sh");
  CHECK_FALSE(found[0].terminal);
  CHECK_FALSE(found[0].status);
  auto process = other.attach(handle, {.stdin_sink = true}, soon());
  CHECK(process.pid() == found[0].pid);
  process.stdin_sink().write(bytes_of("word\n"), soon());
  // The first client had not told yet what it has: only that is dropped.
  CHECK(read_all(process.stdout_source()) == "first\ngot word\n");
  CHECK(read_all(process.stderr_source()) == "err\n");
  CHECK(process.wait(soon()) == ExitStatus{6, 0});
  expect(Errc::failed_precondition, 0, "no process", [&] { other.attach(9999, {}, soon()); });
}

TEST_CASE("output that is kept is read again from any offset, after the end too, until forgotten") {
  AgentListener agent;
  Client client = agent.client(soon());
  ProcessSpec spec = shell("seq 1 20000");
  spec.kept_output = {.bytes = ByteSize(16 * 1024), .after_reading = true};
  auto process = client.spawn(spec, soon());
  const std::string all = read_all(process.stdout_source());
  CHECK(all.ends_with("\n20000\n"));
  CHECK(read_all(process.stderr_source()).empty());
  CHECK(process.wait(soon()).exited());
  const auto read_from = [&](const AttachOptions& from, std::uint64_t& offset) {
    auto again = client.attach(process.handle(), from, soon());
    offset = again.stdout_source().offset();
    return read_all(again.stdout_source());
  };
  std::uint64_t offset = 0;
  const std::string kept = read_from({}, offset);  // the first bytes are gone
  CHECK(kept == all.substr(offset));
  CHECK(offset <= all.size() - 12 * 1024);
  CHECK(offset >= all.size() - 16 * 1024);
  CHECK(read_from({.stdout_offset = all.size() - 100}, offset) == all.substr(all.size() - 100));
  CHECK(read_from({.tail = ByteSize(50)}, offset) == all.substr(all.size() - 50));
  CHECK(read_from({.stdout_offset = all.size(), .follow = false}, offset).empty());
  expect(Errc::invalid_argument, 0, "were written",
         [&] { client.attach(process.handle(), {.stdout_offset = all.size() + 1}, soon()); });
  CHECK(client.processes(soon()).at(0).status == ExitStatus{0, 0});
  process.forget(soon());
  CHECK(client.processes(soon()).empty());
}

TEST_CASE("two readers of one output: both get all, and one may only look at what is there") {
  AgentListener agent;
  Client client = agent.client(soon());
  ProcessSpec spec = shell("echo one; read line; echo two");
  spec.stdin_mode = Stdio::pipe;
  spec.kept_output.after_reading = true;
  auto process = client.spawn(spec, soon());
  std::vector<std::byte> buffer(4);
  CHECK(process.stdout_source().read(buffer, soon()) == 4);
  auto logs = client.attach(process.handle(), {.follow = false}, soon());
  CHECK(read_all(logs.stdout_source()) == "one\n");
  auto follower = client.attach(process.handle(), {}, soon());
  process.stdin_sink().write(bytes_of("\n"), soon());
  CHECK(read_all(follower.stdout_source()) == "one\ntwo\n");
  CHECK(read_all(process.stdout_source()) == "two\n");
  CHECK(process.wait(soon()).exited());
}

TEST_CASE("nobody reads: the process runs on, and the last of its output is there") {
  AgentListener agent;
  Client client = agent.client(soon());
  ProcessSpec spec = shell("seq 1 300000; echo end >&2");
  spec.stdout_mode = Stdio::kept;
  auto process = client.spawn(spec, soon());
  CHECK(read_all(process.stderr_source()) == "end\n");
  auto again = client.attach(process.handle(), {.stderr_source = false}, soon());
  CHECK(again.stdout_source().offset() > 0);
  const std::string rest = read_all(again.stdout_source());
  CHECK(rest.size() <= 1 << 20);
  CHECK(rest.size() >= 15 << 16);
  CHECK(rest.ends_with("\n300000\n"));
  CHECK(process.wait(soon()) == ExitStatus{0, 0});
}

TEST_CASE("an agent that is gone for good ends what waits, in time") {
  AgentListener agent;
  Client client = Client::connect(agent.dialler(), {.limit = 100ms}, soon());
  auto process = client.spawn(shell("sleep 5"), soon());
  const pid_t pid = static_cast<pid_t>(process.pid());
  ::kill(agent.pid(), SIGKILL);
  expect(Errc::unavailable, 0, "session with the guest agent has ended",
         [&] { process.wait(soon()); });
  std::vector<std::byte> buffer(4);
  expect(Errc::unavailable, 0, "ended", [&] { process.stdout_source().read(buffer, soon()); });
  expect(Errc::unavailable, 0, "ended", [&] { client.spawn(shell("true"), soon()); });
  CHECK(client.failure());
  ::kill(pid, SIGKILL);
}

std::size_t descriptors_of(const std::string& pid) {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator("/proc/" + pid + "/fd")) {
    ++count;
  }
  return count;
}

std::size_t resident_kib(const std::string& pid) {
  std::ifstream status("/proc/" + pid + "/status");
  std::string word;
  std::size_t value = 0;
  while (status >> word) {
    if (word == "VmRSS:") status >> value;
  }
  return value;
}

/// Of this process. Sanitizers keep what was freed and more, so there what is in use is counted.
std::size_t own_memory_kib() {
#ifdef VMKIT_TEST_COUNTS_ALLOCATIONS
  return __sanitizer_get_current_allocated_bytes() / 1024;
#else
  return resident_kib("self");
#endif
}

TEST_CASE("a thousand processes leave nothing behind, on either side") {
  AgentListener agent;
  Client client = agent.client(soon());
  const auto run = [&](int count) {
    for (int i = 0; i < count; ++i) {
      auto process = client.spawn({.args = {"/bin/true"}}, soon());
      if (i % 3 == 0) CHECK(read_all(process.stdout_source()).empty());
      CHECK(process.wait(soon()) == ExitStatus{0, 0});
    }
    CHECK(client.processes(soon()).empty());
  };
  run(50);
  const std::string pid = std::to_string(agent.pid());
  const std::size_t ours = descriptors_of("self");
  const std::size_t theirs = descriptors_of(pid);
  const std::size_t our_memory = own_memory_kib();
  const std::size_t their_memory = resident_kib(pid);
  run(1000);
  CHECK(descriptors_of("self") == ours);
  CHECK(descriptors_of(pid) == theirs);
  CHECK(own_memory_kib() < our_memory + 512);
  CHECK(resident_kib(pid) < their_memory + 128);
  CHECK(resident_kib(pid) < 4096);
}

TEST_CASE("streams do not wait for each other: one asleep, one unread, one closed early") {
  AgentListener agent;
  Client client = agent.client(soon());
  auto asleep = client.spawn(shell("exec cat /dev/zero"), soon());  // never read
  ProcessSpec deaf = shell("sleep 1000");
  deaf.stdin_mode = Stdio::pipe;
  auto unread = client.spawn(deaf, soon());
  const std::string mebibyte(1 << 20, 'x');
  expect(Errc::timeout, 0, "writing",
         [&] { unread.stdin_sink().write(bytes_of(mebibyte), CallOptions{}.with_timeout(100ms)); });
  for (int i = 0; i < 20; ++i) {
    const auto begin = Clock::now();
    auto process = client.spawn(shell("head -c 300000 /dev/zero"), soon());
    CHECK(read_all(process.stdout_source()).size() == 300'000);
    CHECK(process.wait(soon()).exited());
    CHECK(Clock::now() - begin < 2s);
  }
  std::vector<std::byte> some(100'000);
  CHECK(asleep.stdout_source().read(some, soon()) > 0);  // it goes on where it was
  asleep.signal("KILL", soon());
  unread.signal("KILL", soon());
  CHECK(asleep.wait(soon()).signal == 9);
  CHECK(unread.wait(soon()).signal == 9);
}

}  // namespace
