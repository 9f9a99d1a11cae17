// SPDX-License-Identifier: Apache-2.0
// The vmkit program's containers that outlive the terminal, as users of several terminals see them.
#include <fstream>
#include <nlohmann/json.hpp>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <thread>

#include "integration/vmkit_program.hpp"
#include "support/temporary_directory.hpp"

using namespace vmkit;
using namespace std::chrono_literals;
using Json = nlohmann::json;
using test::contains;
using test::Demo;
using test::execute;
using test::launch_arguments;
using test::program;
using test::store;

namespace {

/// `vmkit COMMAND --store …`, which must succeed.
std::string done(const std::string& command, std::vector<std::string> rest) {
  rest.insert(rest.begin(), {command, "--store", store()});
  const auto output = program(rest);
  CAPTURE(output.err);
  REQUIRE(output.status.success());
  return output.out;
}

/// The same, which must not; its message.
std::string refused(const std::string& command, std::vector<std::string> rest, int status = 1) {
  rest.insert(rest.begin(), {command, "--store", store()});
  const auto output = program(rest);
  CHECK(output.status.code == status);
  CHECK(std::count(output.err.begin(), output.err.end(), '\n') == 1);
  return output.err;
}

os::Output exec(std::vector<std::string> rest) {
  rest.insert(rest.begin(), {"exec", "--store", store()});
  return program(std::move(rest));
}

/// What `ps -a --json` tells of it.
Json state_of(const std::string& name) {
  for (const Json& container : Json::parse(done("ps", {"-a", "--json"}))) {
    if (container.at("name") == name) return container;
  }
  return {};
}

void run_detached(const std::vector<std::string>& options, const std::string& script) {
  std::vector<std::string> rest{"-d", "-q"};
  rest.insert(rest.end(), options.begin(), options.end());
  for (const char* word : {Demo::get().reference().c_str(), "--", "sh", "-c", script.c_str()}) {
    rest.emplace_back(word);
  }
  const auto output = execute(launch_arguments("run", rest));
  CAPTURE(output.err);
  REQUIRE(output.status.success());
  CHECK(output.out.size() == 13);
}

/// A program of another terminal.
struct Terminal {
  explicit Terminal(std::vector<std::string> arguments) {
    auto in = os::make_pipe();
    auto out = os::make_pipe();
    child.emplace(os::ChildProcess::spawn({.arguments = std::move(arguments),
                                           .stdin_fd = in.first.get(),
                                           .stdout_fd = out.second.get()}));
    input = std::move(in.second);
    output = std::move(out.first);
  }
  std::string read_line() const {
    std::string line;
    for (char byte = 0; ::read(output.get(), &byte, 1) == 1 && byte != '\n';) line += byte;
    return line;
  }
  void write(const std::string& text) const {
    REQUIRE(::write(input.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }
  os::ExitStatus wait() { return child->wait(CallOptions{}.with_timeout(60s)); }

  std::optional<os::ChildProcess> child;
  os::Descriptor input;
  os::Descriptor output;
};

std::vector<std::string> with_store(const std::string& command, std::vector<std::string> rest) {
  rest.insert(rest.begin(), {command, "--store", store()});
  return test::vmkit_arguments(std::move(rest));
}

/// Where the program puts its monitors' sockets.
std::filesystem::path sockets_folder() {
  const char* runtime = ::getenv("XDG_RUNTIME_DIR");
  const bool given = runtime != nullptr && std::filesystem::is_directory(runtime);
  return (given ? std::filesystem::path(runtime) : std::filesystem::temp_directory_path()) /
         ("vmkit-" + std::to_string(::getuid()));
}

constexpr const char* loop = "trap 'echo bye; exit 5' TERM; while :; do sleep 0.05; done";

}  // namespace

TEST_CASE("containers: run -d, and all that is done to one from elsewhere, until rm") {
  run_detached({"--name", "box", "-p", "7", "-v", "data:/data"},
               std::string("echo up; echo oops >&2; ") + loop);
  auto state = state_of("box");
  CHECK(state["state"] == "running");
  CHECK(state["ports"][0]["guest"] == "7");
  const std::string id = state["id"];
  const std::string table = done("ps", {});
  CHECK_MESSAGE(contains(table, id), table);
  CHECK(contains(table, "Up "));
  CHECK(contains(table, "->7/tcp"));
  CHECK(done("port", {"box"}) == "7/tcp -> " + state["ports"][0]["host"].get<std::string>() + "\n");

  const auto seven = exec({"-e", "A=b c", "-u", "demo", "-w", "/usr", "box", "--", "sh", "-c",
                           "echo $A; id -un; pwd; echo err >&2; exit 7"});
  CHECK(seven.out == "b c\ndemo\n/usr\n");
  CHECK(seven.err == "err\n");
  CHECK(seven.status == os::ExitStatus{7, 0});
  CHECK(exec({id.substr(0, 4), "no-such-program"}).status.code == 127);
  CHECK(exec({"box", "/etc/passwd"}).status.code == 126);
  CHECK(exec({"box", "sh", "-c", "kill -9 $$"}).status.code == 137);
  Terminal cat(with_store("exec", {"-i", "box", "cat"}));
  cat.write("there and back\n");
  CHECK(cat.read_line() == "there and back");
  cat.input.reset();
  CHECK(cat.wait() == os::ExitStatus{0, 0});
  // Signals are passed on to what is run.
  Terminal trap(with_store(
      "exec", {"box", "sh", "-c", "trap 'exit 9' INT; echo on; while :; do sleep 0.05; done"}));
  CHECK(trap.read_line() == "on");
  trap.child->kill(SIGINT);
  CHECK(trap.wait() == os::ExitStatus{9, 0});

  const auto folder = test::temporary_directory();
  const auto note = folder.path() / "note";
  std::ofstream(note) << "first\n";
  done("cp", {"-q", note.string(), "box:/root/note"});
  CHECK(Json::parse(
            done("cp", {"-q", "--json", "box:/root/note", note.string() + "2"}))["entries"] == 1);
  CHECK(os::read_file(note.string() + "2", 1_KiB) == "first\n");
  CHECK(contains(refused("cp", {note.string(), note.string()}), "CONTAINER:/PATH"));

  const auto stats = Json::parse(done("stats", {"--no-stream", "--json"}));
  REQUIRE(stats.size() == 1);
  CHECK(stats[0]["name"] == "box");
  CHECK(stats[0]["memory"].get<std::uint64_t>() > 0);
  CHECK(stats[0]["cpuMicroseconds"].get<std::uint64_t>() > 0);
  CHECK(stats[0]["hostMemory"].get<std::uint64_t>() > 1 << 20);
  CHECK(contains(done("top", {"box"}), "sh -c echo up"));

  Terminal events(with_store("events", {"--json", "box"}));
  while (exec({"box", "true"}).status.success()) {  // until somebody listens
    pollfd ready{events.output.get(), POLLIN, 0};
    if (::poll(&ready, 1, 200) == 1) break;
  }
  CHECK(Json::parse(events.read_line())["type"] == "exit");
  events.child->kill(SIGINT);
  CHECK(events.wait() == os::ExitStatus{130, 0});
  done("pause", {"box"});
  CHECK(state_of("box")["state"] == "paused");
  CHECK(contains(refused("exec", {"box", "true"}, 125), "vmkit unpause"));
  done("unpause", {"box"});

  CHECK(done("snapshot", {"create", "box", "one"}) == "one\n");
  CHECK(exec({"box", "sh", "-c", "echo second >/root/note"}).status.success());
  const std::string registry = Demo::get().reference().substr(0, Demo::get().reference().find('/'));
  const std::string made = registry + "/of-box:1";
  CHECK(contains(done("commit", {"-q", "-m", "a message", "box", made}), "sha256:"));
  CHECK(Json::parse(done("history", {"--json", made})).back()["comment"] == "a message");
  CHECK(contains(refused("snapshot", {"restore", "box", "one"}), "vmkit stop"));
  CHECK(contains(refused("rm", {"box"}), "--force"));

  done("rename", {"box", "chest"});
  Terminal logs(with_store("logs", {"-f", "chest"}));
  CHECK(logs.read_line() == "up");
  Terminal waiting(with_store("wait", {"chest"}));
  CHECK(done("stop", {"chest"}) == "chest\n");
  CHECK(logs.read_line() == "bye");
  CHECK(logs.read_line().empty());
  CHECK(logs.wait() == os::ExitStatus{0, 0});
  CHECK(waiting.read_line() == "5");
  CHECK(done("ps", {"-q"}).empty());
  state = state_of("chest");
  CHECK(state["state"] == "exited");
  CHECK(state["exitStatus"] == 5);
  const auto written = program({"logs", "--store", store(), "chest"});
  CHECK(written.out == "up\nbye\n");
  CHECK(written.err == "oops\n");
  CHECK(done("logs", {"--tail", "1", "chest"}) == "bye\n");

  done("snapshot", {"restore", "chest", "one"});
  CHECK(Json::parse(done("snapshot", {"ls", "--json", "chest"}))[0]["current"] == true);
  CHECK(done("start", {"chest"}) == "chest\n");
  CHECK(exec({"chest", "cat", "/root/note"}).out == "first\n");
  CHECK(done("rm", {"--force", "--json", "chest"}) == "[\n  \"chest\"\n]\n");
  CHECK(state_of("chest").is_null());
  CHECK(contains(refused("rm", {"chest"}), "vmkit ps -a"));
  CHECK_FALSE(std::filesystem::exists(std::filesystem::path(store()) / "containers" / id));

  // The image has what was on the disk of the container that ran.
  const auto again = execute(test::run_arguments({made, "--", "cat", "/root/note"}));
  CHECK(again.out == "second\n");
  CHECK(done("volume", {"prune"}) == "data\n");
}

TEST_CASE(
    "containers: a monitor that is killed leaves a dead container, which goes or starts again") {
  run_detached({"--name", "victim"}, loop);
  const auto live = state_of("victim")["live"];
  const int machine = live["machinePid"].get<int>();
  CHECK(::kill(live["pid"].get<int>(), SIGKILL) == 0);
  for (int i = 0; i < 1000 && ::kill(machine, 0) == 0; ++i) std::this_thread::sleep_for(10ms);
  CHECK(::kill(machine, 0) != 0);
  CHECK(state_of("victim")["state"] == "dead");
  CHECK(done("ps", {"-q"}).empty());
  CHECK(contains(done("ps", {"-a"}), "Dead"));
  CHECK(contains(refused("exec", {"victim", "true"}, 125), "vmkit start victim"));
  done("stop", {"victim"});  // nothing to stop
  done("start", {"victim"});
  CHECK(exec({"victim", "true"}).status.success());
  const auto found = state_of("victim");
  ::kill(found["live"]["pid"].get<int>(), SIGKILL);
  while (state_of("victim")["state"] != "dead") std::this_thread::sleep_for(10ms);
  done("rm", {"victim"});
  CHECK_FALSE(std::filesystem::exists(found["folder"].get<std::string>()));
  const auto sockets = sockets_folder();
  CHECK_FALSE(std::filesystem::exists(sockets / (found["id"].get<std::string>() + ".sock")));
}

TEST_CASE("containers: two terminals and one foreground, which stays after its end without --rm") {
  Terminal first(launch_arguments(
      "run", {"-q", "--name", "front", "-i", Demo::get().reference(), "--", "cat"}));
  first.write("one\n");
  CHECK(first.read_line() == "one");
  CHECK(state_of("front")["state"] == "running");
  Terminal second(with_store("attach", {"front"}));
  test::TestTerminal terminal;
  terminal.set_size(21, 77);
  auto shell = os::ChildProcess::spawn(
      {.arguments = with_store("exec", {"-it", "front", "sh", "-c",
                                        "trap 'stty size' WINCH; stty size; read word; "
                                        "echo got $word; while :; do sleep 0.05; done"}),
       .stdin_fd = terminal.theirs.get(),
       .stdout_fd = terminal.theirs.get()});
  CHECK(terminal.shows("21 77\r\n"));
  terminal.type("word\r");
  CHECK(terminal.shows("got word\r\n"));
  terminal.set_size(22, 78);
  CHECK(terminal.shows("22 78\r\n"));
  // A terminal that is closed takes what ran on it along.
  shell.kill(SIGHUP);
  CHECK(shell.wait(CallOptions{}.with_timeout(20s)).code == 125);
  while (contains(done("top", {"front"}), "read word")) std::this_thread::sleep_for(10ms);

  first.write("two\n");
  CHECK(first.read_line() == "two");
  CHECK(second.read_line() == "two");
  CHECK(contains(refused("create",
                         {"--name", "front", "--pull", "never", "--kernel",
                          test::demo_kernel().image.string(), Demo::get().reference()},
                         125),
                 "taken"));
  second.child->kill(SIGKILL);  // nobody minds
  second.wait();
  first.child->kill(SIGINT);
  CHECK(first.wait() == os::ExitStatus{130, 0});
  const auto state = state_of("front");
  CHECK(state["state"] == "exited");
  CHECK(state["exitStatus"] == 130);
  CHECK(done("logs", {"front"}) == "one\ntwo\n");
  CHECK(done("wait", {"--json", "front"}) ==
        "[\n  {\n    \"container\": \"front\",\n    \"exitStatus\": 130\n  }\n]\n");
  CHECK(contains(refused("rmi", {Demo::get().reference()}), "front"));
  CHECK(Json::parse(done("prune", {"--containers", "--json"}))["containers"] == Json{"front"});
}

TEST_CASE("containers: a monitor's socket is its user's, and whatever is said there harms nobody") {
  const auto missing = execute(launch_arguments(
      "run", {"-d", "-q", "--rm", Demo::get().reference(), "--", "no-such-program"}));
  CHECK(missing.status.code == 127);
  CHECK_MESSAGE(contains(missing.err, "no-such-program"), missing.err);
  CHECK(done("ps", {"-aq"}).empty());

  run_detached({"--rm", "--name", "calm"}, loop);
  const auto found = state_of("calm");
  const auto sockets = sockets_folder();
  const auto path = sockets / (found["id"].get<std::string>() + ".sock");
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  REQUIRE(::stat(sockets.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0700);
  const auto say = [&](const std::string& text) {
    const os::Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.native().copy(address.sun_path, sizeof address.sun_path - 1);
    REQUIRE(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    ::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL);
    ::shutdown(socket.get(), SHUT_WR);
    std::string answer;
    char buffer[4096];
    for (ssize_t count = 0; (count = ::read(socket.get(), buffer, sizeof buffer)) > 0;) {
      answer.append(buffer, static_cast<std::size_t>(count));
    }
    return answer;
  };
  CHECK(say("").empty());
  CHECK(say("no JSON at all\n").empty());
  CHECK(say("[1, 2]\n").empty());
  CHECK(say(std::string(3 << 20, 'x')).empty());
  CHECK(contains(say("{}\n"), "invalid_argument"));
  CHECK(contains(say("{\"do\": \"fly\"}\n"), "unsupported"));
  CHECK(contains(say("{\"do\": \"exec\", \"args\": [\"true\"]}\n"), "three descriptors"));
  CHECK(contains(say("{\"do\": \"kill\", \"signal\": 9}\n"), "invalid_argument"));
  CHECK(contains(say("{\"do\": \"kill\", \"signal\": \"NONE\"}\n"), "invalid_argument"));
  CHECK(exec({"calm", "true"}).status.success());
  // Asked to stop by a signal it does, in order; with --rm nothing stays.
  const int monitor = found["live"]["pid"].get<int>();
  CHECK(::kill(monitor, SIGTERM) == 0);
  while (!done("ps", {"-aq"}).empty()) std::this_thread::sleep_for(10ms);
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("program: images are tagged, pushed, looked at and removed; every list is JSON") {
  const std::string name = Demo::get().reference();
  const std::string other = name.substr(0, name.find('/')) + "/other:2";
  const std::string digest = Demo::get().image().descriptor.digest.to_string();
  CHECK(Json::parse(done("tag", {"--json", name, other}))["digest"] == digest);
  CHECK(done("push", {"--plain-http", "-q", other}) == digest + "\n");
  CHECK(Json::parse(done("inspect", {other}))[0]["layers"].size() == 2);
  CHECK(Json::parse(done("history", {"--json", other})).size() >= 2);
  CHECK(done("rmi", {other}) == other + "\n");
  CHECK(contains(refused("rmi", {other}), "vmkit images"));
  CHECK(Json::parse(done("pull", {"--plain-http", "-q", "--json", other}))["digest"] == digest);
  CHECK(Json::parse(done("rmi", {"--json", other})) == Json{other});
  CHECK(Json::parse(done("images", {"--json"}))[0]["sharedBytes"].is_number());
  CHECK(Json::parse(done("check", {"--json"}))["clean"] == true);
  CHECK(Json::parse(done("prune", {"--json", "--dry-run"}))["dryRun"] == true);

  CHECK(done("volume", {"create", "--size", "64M", "v1", "v2"}) == "v1\nv2\n");
  CHECK(Json::parse(done("volume", {"ls", "--json"})).size() == 2);
  CHECK(Json::parse(done("volume", {"inspect", "v1"}))[0]["size"] == 64 << 20);
  CHECK(done("volume", {"rm", "v1"}) == "v1\n");
  CHECK(Json::parse(done("volume", {"prune", "--json"})) == Json{"v2"});
}

TEST_CASE("program: completion knows commands, options, values and names; help has examples") {
  const auto complete = [](std::vector<std::string> words) {
    words.insert(words.begin(), {"__complete", "--"});
    return program(std::move(words)).out;
  };
  CHECK(contains(complete({"ex"}), "exec\tRun another"));
  CHECK_FALSE(contains(complete({""}), "__"));
  CHECK(contains(complete({"run", "--pu"}), "--publish\t"));
  CHECK(complete({"run", "--pull", "al"}) == "always\n");
  CHECK(contains(complete({"volume", ""}), "create\t"));
  CHECK(contains(complete({"snapshot", "ls", "--st"}), "--store\t"));
  CHECK(contains(complete({"run", "--store", store(), "-e", "A=b", ""}), Demo::get().reference()));
  CHECK(complete({"run", "--store", store(), "image", "l"}).empty());
  // As bash does it, where ':' parts words.
  const std::string reference = Demo::get().reference();
  const std::string typed = reference.substr(0, reference.rfind(':') + 1);
  const auto bash = execute({"bash", "-c",
                             "vmkit() { \"$PROGRAM\" \"$@\"; }; PROGRAM=$0; "
                             "source <(vmkit completion bash); "
                             "COMP_LINE=\"vmkit rmi --store $1 $2\"; COMP_POINT=${#COMP_LINE}; "
                             "_vmkit; echo \"${COMPREPLY[@]}\"",
                             VMKIT_PROGRAM, store(), typed});
  CHECK_MESSAGE(bash.out == "demo\n", bash.err);
  for (const char* shell : {"zsh", "fish"}) {
    CHECK(contains(program({"completion", shell}).out, "__complete"));
  }
  const auto help = program({"exec", "--help"});
  CHECK(help.status.success());
  CHECK(contains(help.out, "CONTAINER [COMMAND [ARG...]]"));
  CHECK(contains(help.out, "Examples:\n  vmkit exec"));
}
