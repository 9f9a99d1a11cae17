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

/// Cuts the connection again and again while it lives.
class Cutter {
 public:
  explicit Cutter(AgentListener& agent)
      : thread_([this, &agent] {
          std::mt19937 random(5);
          while (!done_) {
            std::this_thread::sleep_for(std::chrono::microseconds(random() % 12'000));
            agent.cut();
          }
        }) {}
  ~Cutter() {
    done_ = true;
    thread_.join();
  }

 private:
  std::atomic<bool> done_{false};
  std::thread thread_;
};

TEST_CASE("a connection that is cut at random loses nothing and doubles nothing") {
  AgentListener agent;
  const TempDir folder;
  Client client = agent.client(soon());
  std::vector<std::future<void>> workers;
  const auto work = [&](auto job) { workers.push_back(std::async(std::launch::async, job)); };
  {
    std::optional<Cutter> cutter(agent);
    for (unsigned i = 0; i < 2; ++i) {
      work([&client, i, &folder] {  // output
        const std::string data = noise(6 << 20, i);
        const std::string name = "data" + std::to_string(i);
        folder.write(name, data);
        auto process = client.spawn(shell("cat " + (folder.path() / name).string() +
                                          "; head -c 100000 /dev/zero >&2; exit 5"),
                                    soon());
        std::string errors;
        std::thread other([&] { errors = read_all(process.stderr_source()); });
        CHECK((read_all(process.stdout_source()) == data));
        CHECK(process.stdout_source().offset() == data.size());
        other.join();
        CHECK(errors == std::string(100'000, '\0'));
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
      std::thread writer([&] {
        process.stdin_sink().write(bytes_of(data), soon());
        process.stdin_sink().close();
      });
      CHECK((read_all(process.stdout_source()) == data));
      writer.join();
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
  CHECK(agent.connections() > 20);
  MESSAGE(agent.connections() << " connections");
  CHECK(client.processes(soon()).empty());
  CHECK_FALSE(client.failure());
}

}  // namespace
