// SPDX-License-Identifier: Apache-2.0
// Services that people run, each in a container of its own on a real machine.
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <doctest/doctest.h>
#include <fstream>
#include <future>
#include <string>
#include <thread>

#include "os/child_process.hpp"
#include "os/descriptor.hpp"
#include "support/demo.hpp"
#include "support/docker_registry.hpp"
#include "support/e2fsck.hpp"
#include "support/programs.hpp"
#include "support/temporary_directory.hpp"

#include <vmkit/container/container.hpp>
#include <vmkit/container/volumes.hpp>
#include <vmkit/oci/image_archive.hpp>
#include <vmkit/oci/push.hpp>
#include <vmkit/vm/qemu_backend.hpp>

using namespace vmkit;
using namespace std::chrono_literals;
using container::Container;
namespace fs = std::filesystem;

namespace {

/// The service image in a store of its own, unpacked once for all tests.
struct Services {
  os::TemporaryDirectory folder = test::temporary_directory();
  oci::ImageStore store = oci::ImageStore::open(folder.path() / "store");
  std::shared_ptr<vm::Backend> backend =
      vm::make_qemu_backend({.runtime_directory = folder.path()});
  std::optional<oci::Image> image;

  Services() {
    const fs::path layout = fs::path(VMKIT_TEST_BUILD_FOLDER) / "services/image";
    REQUIRE_MESSAGE(fs::exists(layout), "missing: ", layout.string(),
                    "; made by scripts/make-service-image");
    image = oci::import_images(store, layout,
                               {.reference = oci::Reference::parse("example.org/services:1")})
                .at(0);
  }

  container::ContainerOptions options(const std::string& name) {
    return {.image = *image,
            .store = store,
            .folder = folder.path() / name,
            .backend = backend,
            .kernel = test::demo_kernel(),
            .hostname = name,
            .memory = 1_GiB,
            .volumes_folder = folder.path() / "volumes"};
  }
};

Services& services() {
  static Services made;
  return made;
}

std::string read_all(agent::ProcessOutput& output) {
  std::string text;
  std::byte buffer[4096];
  while (const std::size_t count = output.read(buffer)) {
    text.append(reinterpret_cast<const char*>(buffer), count);
  }
  return text;
}

std::string shell(Container& box, const std::string& script, const std::string& user = "root") {
  auto process = box.exec({.args = {"/bin/sh", "-c", "exec 2>&1; " + script}, .user = user});
  std::string text = read_all(process.stdout_source());
  const int code = process.wait(CallOptions{}.with_timeout(120s)).code;
  return code == 0 ? text : text + "[" + std::to_string(code) + "]";
}

/// Calls until it gives what is wanted, at most a minute.
std::string until(const std::string& wanted, const std::function<std::string()>& call) {
  const auto end = std::chrono::steady_clock::now() + 60s;
  for (;;) {
    const std::string found = call();
    if (found == wanted || std::chrono::steady_clock::now() > end) return found;
    std::this_thread::sleep_for(200ms);
  }
}

constexpr const char* postgres_bin = "/usr/lib/postgresql/*/bin";
constexpr const char* data = "/var/lib/postgresql/data";

/// A container with PostgreSQL's data on a volume; the server runs until it or the container ends.
struct Postgres {
  Container box;
  agent::Process server;
  agent::Forward forward;

  static Postgres start(const std::string& name) {
    auto options = services().options(name);
    options.volume_mounts = {{.volume = "pgdata", .target = "/var/lib/postgresql"}};
    auto box = Container::create(options);
    box.start();
    shell(box, "mkdir -p /run/postgresql && chown postgres: /run/postgresql");
    const std::string init = std::string("test -e ") + data + "/PG_VERSION || " + postgres_bin +
                             "/initdb -A trust -D " + data + " >/dev/null && echo made";
    CHECK(shell(box, init, "postgres").find("[") == std::string::npos);
    auto server = box.exec({.args = {"/bin/sh", "-c",
                                     std::string("exec ") + postgres_bin + "/postgres -D " + data +
                                         " >>/var/lib/postgresql/log 2>&1"},
                            .user = "postgres",
                            .stdout_mode = agent::Stdio::null,
                            .stderr_mode = agent::Stdio::null});
    auto forward = box.forward(agent::Endpoint::tcp(0), agent::Endpoint::tcp(5432));
    return {std::move(box), std::move(server), std::move(forward)};
  }

  std::string psql(const std::string& statement) const {
    return test::run_tool({"psql", "-h", "127.0.0.1", "-p",
                           std::to_string(forward.listening().port), "-U", "postgres", "-qAtc",
                           statement})
        .output;
  }
};

/// What a terminal has shown so far, read in a thread of its own.
class Screen {
 public:
  explicit Screen(agent::Process& process)
      : thread_([this, &process] {
          std::byte buffer[4096];
          try {
            while (const std::size_t count = process.stdout_source().read(buffer)) {
              const std::lock_guard lock(mutex_);
              text_.append(reinterpret_cast<const char*>(buffer), count);
            }
          } catch (const Error&) {
          }
        }) {}
  ~Screen() { thread_.join(); }

  /// Waits for `wanted` after what earlier calls have waited for.
  bool shows(const std::string& wanted) {
    for (int i = 0; i < 300; ++i) {
      {
        const std::lock_guard lock(mutex_);
        const std::size_t found = text_.find(wanted, seen_);
        if (found != std::string::npos) {
          seen_ = found + wanted.size();
          return true;
        }
      }
      std::this_thread::sleep_for(50ms);
    }
    const std::lock_guard lock(mutex_);
    MESSAGE("the terminal shows: ", text_.substr(seen_));
    return false;
  }

 private:
  std::mutex mutex_;
  std::string text_;
  std::size_t seen_ = 0;
  std::thread thread_;
};

void type(agent::Process& process, const std::string& keys) {
  process.stdin_sink().write(std::as_bytes(std::span(keys)));
}

}  // namespace

TEST_CASE(
    "PostgreSQL: reached by psql through a forwarded port; its data outlive a killed machine") {
  {
    Postgres first = Postgres::start("pg1");
    CHECK(until("1\n", [&] { return first.psql("select 1"); }) == "1\n");
    first.psql("create table t(n int); insert into t select generate_series(1, 1000)");
    CHECK(first.psql("select count(*), sum(n) from t") == "1000|500500\n");
    first.psql("insert into t values (4711)");  // committed, so it must be there
    const auto pid = first.box.diagnostics().process_id;
    REQUIRE(pid);
    ::kill(static_cast<pid_t>(*pid), SIGKILL);
    CHECK(first.box.wait().reason == vm::MachineEventReason::failed);
  }
  const container::Volumes volumes(services().folder.path() / "volumes");
  CHECK_FALSE(volumes.find("pgdata")->in_use);
  Postgres second = Postgres::start("pg2");
  INFO("server: ", shell(second.box, "sleep 5; tail -40 /var/lib/postgresql/log"));
  CHECK(until("1001|505211\n", [&] { return second.psql("select count(*), sum(n) from t"); }) ==
        "1001|505211\n");
  second.box.stop();
  CHECK(test::e2fsck_complaints(volumes.image("pgdata").string()) == "");
}

TEST_CASE("nginx serves a shared folder") {
  const auto site = services().folder.path() / "site";
  fs::create_directories(site);
  fs::permissions(site, fs::perms(0755));
  std::ofstream(site / "index.html") << "<p>first</p>\n";
  auto options = services().options("web");
  options.host_mounts = {{.path = site, .target = "/var/www/html", .read_only = true}};
  auto box = Container::create(options);
  box.start();
  auto server = box.exec({.args = {"nginx", "-g", "daemon off;"},
                          .stdout_mode = agent::Stdio::null,
                          .stderr_mode = agent::Stdio::null});
  const auto forward = box.forward(agent::Endpoint::tcp(0), agent::Endpoint::tcp(80));
  const auto get = [&](const std::string& path) {
    return test::run_tool({"curl", "-s",
                           "http://127.0.0.1:" + std::to_string(forward.listening().port) + path})
        .output;
  };
  CHECK(until("<p>first</p>\n", [&] { return get("/"); }) == "<p>first</p>\n");
  std::ofstream(site / "news.html") << "<p>new</p>\n";
  CHECK(until("<p>new</p>\n", [&] { return get("/news.html"); }) == "<p>new</p>\n");
  std::string large(3'000'000, 'x');
  for (std::size_t i = 0; i < large.size(); i += 97) large[i] = static_cast<char>('a' + i % 26);
  std::ofstream(site / "large") << large;
  CHECK(get("/large") == large);
  server.signal("QUIT");
  CHECK(server.wait(CallOptions{}.with_timeout(20s)).code == 0);
  box.stop();
}

TEST_CASE("an interactive shell on a terminal: sizes, Ctrl-C, vi") {
  auto box = Container::create(services().options("shell"));
  box.start();
  auto process = box.exec({.args = {"/bin/bash", "--norc", "-i"},
                           .env = {"TERM=xterm", "PS1=ready> "},
                           .stdin_mode = agent::Stdio::pipe,
                           .terminal = agent::TerminalSize{30, 100}});
  Screen screen(process);
  CHECK(screen.shows("ready> "));
  type(process, "stty size\r");
  CHECK(screen.shows("30 100"));
  process.resize({50, 132});
  type(process, "stty size\r");
  CHECK(screen.shows("50 132"));
  type(process, "sleep 1000; echo status $?\r");
  CHECK(screen.shows("echo status"));
  std::this_thread::sleep_for(500ms);
  type(process, "\x03");
  CHECK(screen.shows("^C"));
  CHECK(screen.shows("ready> "));
  type(process, "vi /root/note\r");
  CHECK(screen.shows("/root/note"));
  type(process, "iwritten in vi\x1b:wq\r");
  CHECK(screen.shows("written"));
  CHECK(screen.shows("ready> "));
  type(process, "cat /root/note; exit 5\r");
  CHECK(screen.shows("written in vi"));
  CHECK(process.wait(CallOptions{}.with_timeout(20s)).code == 5);
  box.stop();
}

namespace {

/// A program that serves something, from when it has said so until Enter is pressed.
class Serving {
 public:
  Serving(const fs::path& folder, const std::string& program, std::vector<std::string> arguments) {
    const auto kernel = test::demo_kernel();
    arguments.insert(arguments.begin(), {program, kernel.image.string(), kernel.modules.string()});
    os::DescriptorPair input = os::make_pipe();
    os::DescriptorPair output = os::make_pipe();
    process_ = os::ChildProcess::spawn({.arguments = std::move(arguments),
                                        .working_directory = folder,
                                        .stdin_fd = input.first.get(),
                                        .stdout_fd = output.second.get(),
                                        .stderr_fd = output.second.get()});
    output.second.reset();
    enter_ = std::move(input.second);
    char buffer[4096];
    while (shown_.find("Enter ends it.") == std::string::npos) {
      const auto count = ::read(output.first.get(), buffer, sizeof buffer);
      REQUIRE_MESSAGE(count > 0, shown_);
      shown_.append(buffer, static_cast<std::size_t>(count));
    }
  }
  /// What it has said, from behind `begin` up to `end`.
  std::string said(const std::string& begin, const std::string& end) const {
    const auto at = shown_.find(begin);
    REQUIRE_MESSAGE(at != std::string::npos, shown_);
    const auto from = at + begin.size();
    return shown_.substr(from, shown_.find(end, from) - from);
  }
  std::string psql(const std::string& statement) const {
    return test::run_tool({"psql", "-h", "127.0.0.1", "-p", said("-p ", " -U"), "-U", "postgres",
                           "-qAtc", statement})
        .output;
  }
  int press_enter() {
    enter_.reset();
    return process_->wait(CallOptions{}.with_timeout(120s)).code;
  }

 private:
  std::optional<os::ChildProcess> process_;
  os::Descriptor enter_;
  std::string shown_;
};

/// Puts an image of the store into the registry, as `name` there.
std::string pushed(const test::DockerRegistry& registry, const oci::ImageStore& store,
                   const std::string& image, const std::string& name) {
  oci::RegistryClient client({.defaults = {.plain_http = true}});
  const std::string target = registry.address() + "/" + name;
  oci::push(client, store, oci::Reference::parse(image), oci::Reference::parse(target));
  return target;
}

}  // namespace

TEST_CASE("example 08_postgres: a port leads to it, and its data survives") {
  const test::DockerRegistry registry;
  const std::string name =
      pushed(registry, services().store, "example.org/services:1", "services:1");
  const auto folder = test::temporary_directory();
  {
    Serving example(folder.path(), VMKIT_EXAMPLE_08, {name, "0"});
    CHECK(example.psql("create table t (n int); insert into t values (42)").empty());
    CHECK(example.press_enter() == 0);
  }
  Serving again(folder.path(), VMKIT_EXAMPLE_08, {name, "0"});
  CHECK(again.psql("select n from t") == "42\n");
  CHECK(again.press_enter() == 0);
}

TEST_CASE("workbench: database, notebook and editor, and what was worked on survives") {
  const auto folder = test::temporary_directory();
  auto store = oci::ImageStore::open(folder.path() / "store");
  oci::import_images(store, fs::path(VMKIT_TEST_BUILD_FOLDER) / "workbench/image",
                     {.reference = oci::Reference::parse("example.org/workbench:1")});
  const test::DockerRegistry registry;
  const std::string name = pushed(registry, store, "example.org/workbench:1", "workbench:1");
  const auto notebook = [](const Serving& bench, const std::string& path,
                           std::vector<std::string> more = {}) {
    std::vector<std::string> call = {"curl", "-sS", "-H", "Authorization: token secret"};
    call.insert(call.end(), more.begin(), more.end());
    call.push_back("http://127.0.0.1:" + bench.said("http://127.0.0.1:", "/") + path);
    return test::run_tool(call).output;
  };
  // MessagePack-RPC: [0, 1, "nvim_eval", ["6*7"]] is answered by [1, 1, nil, 42].
  const auto ask_editor = [](const Serving& bench) {
    const std::string script =
        "import socket; s = socket.create_connection(('127.0.0.1', " +
        bench.said("nvim --server 127.0.0.1:", " ") +
        ")); s.sendall(b'\\x94\\0\\x01\\xa9nvim_eval\\x91\\xa36*7'); print(s.recv(5).hex())";
    return test::run_tool({"python3", "-c", script}).output;
  };
  const std::vector<std::string> arguments = {name, "bench", "secret"};
  {
    Serving bench(folder.path(), VMKIT_WORKBENCH, arguments);
    CHECK(bench.psql("create table t (n int); insert into t values (7)").empty());
    const std::string made =
        notebook(bench, "/api/contents/kept.txt",
                 {"-X", "PUT", "-d", R"({"type": "file", "format": "text", "content": "noted"})"});
    CHECK(made.find("\"kept.txt\"") != std::string::npos);
    CHECK(notebook(bench, "/api/contents/", {"-H", "Authorization: token wrong"}).find("kept") ==
          std::string::npos);
    CHECK(ask_editor(bench) == "940101c02a\n");
    CHECK(bench.press_enter() == 0);
  }
  Serving bench(folder.path(), VMKIT_WORKBENCH, arguments);
  CHECK(bench.psql("select n from t") == "7\n");
  CHECK(notebook(bench, "/api/contents/kept.txt").find("\"noted\"") != std::string::npos);
  CHECK(bench.press_enter() == 0);
}
