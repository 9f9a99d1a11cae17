// SPDX-License-Identifier: Apache-2.0
// The vmkit program, as a user runs it.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <thread>

#include "integration/vmkit_program.hpp"
#include "os/child_process.hpp"
#include "os/file.hpp"
#include "support/demo.hpp"
#include "support/e2fsck.hpp"
#include "support/temporary_directory.hpp"

using namespace vmkit;
using namespace std::chrono_literals;
using test::contains;
using test::Demo;
using test::execute;
using test::is_running;
using test::program;
using test::run_arguments;
using test::store;
using test::vmkit_arguments;

namespace {

/// Runs a shell script in the demo image.
os::Output run_script(const std::string& script) {
  return execute(run_arguments({Demo::get().reference(), "--", "sh", "-c", script}));
}

std::filesystem::path containers() {
  return std::filesystem::path(store()) / "containers";
}

bool nothing_left() {
  return !is_running(containers().string()) &&
         (!std::filesystem::exists(containers()) || std::filesystem::is_empty(containers()));
}

/// Starts `vmkit run … sleep` and returns when the process inside has said that it runs.
struct Running {
  explicit Running(const std::vector<std::string>& more = {}) {
    auto pipe = os::make_pipe();
    auto arguments = run_arguments(more);
    for (const char* word :
         {Demo::get().reference().c_str(), "--", "sh", "-c", "echo up; exec sleep 1000"}) {
      arguments.emplace_back(word);
    }
    process.emplace(
        os::ChildProcess::spawn({.arguments = arguments, .stdout_fd = pipe.second.get()}));
    pipe.second.reset();
    char byte = 0;
    REQUIRE(::read(pipe.first.get(), &byte, 1) == 1);
    output = std::move(pipe.first);
  }
  std::optional<os::ChildProcess> process;
  os::Descriptor output;
};

}  // namespace

TEST_CASE("program: run prints what the process prints and returns its status") {
  const auto seven = run_script("echo out; echo err >&2; exit 7");
  CHECK(seven.out == "out\n");
  CHECK(contains(seven.err, "err\n"));
  CHECK(seven.status == os::ExitStatus{7, 0});
  CHECK(run_script("kill -9 $$").status == os::ExitStatus{137, 0});
  CHECK(nothing_left());
}

TEST_CASE("program: run takes the command from the image, options and the command line") {
  const auto plain = execute(run_arguments({Demo::get().reference()}));
  CHECK(contains(plain.out, "ID=debian\n"));
  CHECK(contains(plain.out, "\napt "));
  CHECK(plain.status == os::ExitStatus{0, 0});
  const std::string id(32, 'd');
  const auto result = execute(
      run_arguments({"--env",
                     "A=b",
                     "--env",
                     "C=d e",
                     "--user",
                     "demo",
                     "--workdir",
                     "/usr",
                     "--cpus",
                     "2",
                     "--memory",
                     "400M",
                     "--storage-opt",
                     "size=64M",
                     "--machine-id",
                     id,
                     "-P",
                     "--expose",
                     "4321/udp",
                     Demo::get().reference(),
                     "sh",
                     "-c",
                     "echo $A $C; id -un; pwd; nproc; cat /etc/machine-id; stat -f -c %T /; "
                     "df -m / | tail -1 | tr -s ' ' | cut -d ' ' -f 2 | cut -c 1",
                     "--",
                     "-x"}));
  CHECK(result.out == "b d e\ndemo\n/usr\n2\n" + id + "\noverlayfs\n5\n");
  CHECK_MESSAGE(contains(result.err, "port 4321 is at 127.0.0.1:"), result.err);
}

TEST_CASE("program: run isolates and limits as it is told") {
  const auto profile = Demo::get().folder() / "profile.json";
  std::ofstream(profile) << R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
      {"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":28}]})";
  const auto result = execute(run_arguments(
      {"--entrypoint",
       "sh",
       "--hostname",
       "mine",
       "--group-add",
       "4242",
       "--cap-drop",
       "ALL",
       "--cap-add",
       "CHOWN",
       "--security-opt",
       "no-new-privileges",
       "--security-opt",
       "seccomp=" + profile.string(),
       "--ulimit",
       "nofile=50:60",
       "--sysctl",
       "net.ipv4.ip_forward=1",
       "--tmpfs",
       "/scratch:size=1M,mode=700",
       "--read-only",
       "--no-init",
       "--overlay",
       "64M",
       "--memory-limit",
       "100M",
       "--cpu-limit",
       "0.9",
       "--pids-limit",
       "50",
       Demo::get().reference(),
       "--",
       "-c",
       "hostname; id -G; grep CapBnd /proc/self/status | cut -f2; ulimit -n; echo $$; "
       "cat /proc/sys/net/ipv4/ip_forward; stat -c %a /scratch; stat -f -c %T /; "
       "cd /sys/fs/cgroup && cat memory.max pids.max cpu.max; mkdir /scratch/x; touch /x"}));
  CHECK(result.out ==
        "mine\n0 4242\n0000000000000001\n50\n1\n1\n700\noverlayfs\n104857600\n50\n90000 100000\n");
  CHECK(contains(result.err, "No space left on device"));
  CHECK(contains(result.err, "Read-only file system"));
  for (const auto& [option, value] :
       {std::pair{"--cap-add", "FLY"}, std::pair{"--security-opt", "apparmor=x"},
        std::pair{"--tmpfs", "/x:speed=9"}, std::pair{"--ulimit", "nofile=many"},
        std::pair{"--storage-opt", "speed=9"}, std::pair{"--expose", "1:2"}}) {
    const auto refused = execute(run_arguments({option, value, Demo::get().reference()}));
    CHECK(refused.status.code == 125);
    CHECK_MESSAGE(contains(refused.err, std::string(option).substr(2, 3)), refused.err);
  }
  const auto in_vain =
      execute(run_arguments({"--overlay", "1M", "--commit", "x:1", Demo::get().reference()}));
  CHECK(in_vain.status.code == 125);
  CHECK_MESSAGE(contains(in_vain.err, "--overlay"), in_vain.err);
}

TEST_CASE("program: run passes its input on with -i, and none without; the timeline's steps") {
  os::write_file_atomically(Demo::get().folder() / "input", std::string(100000, 'x'));
  const auto input = os::File::open(Demo::get().folder() / "input", os::File::Mode::read);
  const auto run = [&](std::vector<std::string> options, const std::string& script) {
    for (const char* word : {Demo::get().reference().c_str(), "--", "sh", "-c", script.c_str()}) {
      options.emplace_back(word);
    }
    return os::run({.arguments = run_arguments(options), .stdin_fd = input.fd()}, 1_MiB,
                   CallOptions{}.with_timeout(60s));
  };
  // What a process leaves behind does not hold up the end.
  const auto without = run({"--timeline"}, "sleep 1000 & cat; echo done");
  CHECK(without.out == "done\n");
  CHECK(without.status == os::ExitStatus{0, 0});
  for (const char* step : {"pull", "unpack", "clone", "boot to agent", "first process", "total"}) {
    CAPTURE(step);
    CHECK(contains(without.err, step));
  }
  CHECK(run({"-i"}, "cat").out == std::string(100000, 'x'));
}

TEST_CASE("program: run -it on a terminal, with its size, Ctrl-C, and its modes afterwards") {
  test::TestTerminal terminal;
  termios before{};
  REQUIRE(::tcgetattr(terminal.theirs.get(), &before) == 0);
  terminal.set_size(33, 101);
  auto child = os::ChildProcess::spawn(
      {.arguments = run_arguments({"-it", Demo::get().reference(), "--", "sh", "-c",
                                   "stty size; trap 'stty size' WINCH; "
                                   "trap 'echo interrupted; exit 7' INT; "
                                   "echo ready; while :; do sleep 0.05; done"}),
       .stdin_fd = terminal.theirs.get(),
       .stdout_fd = terminal.theirs.get()});
  CHECK(terminal.shows("33 101\r\n"));
  CHECK(terminal.shows("ready\r\n"));
  terminal.set_size(40, 132);
  CHECK(terminal.shows("40 132\r\n"));
  terminal.type("\x03");
  CHECK(terminal.shows("interrupted\r\n"));
  CHECK(child.wait(CallOptions{}.with_timeout(20s)) == os::ExitStatus{7, 0});
  termios after{};
  REQUIRE(::tcgetattr(terminal.theirs.get(), &after) == 0);
  CHECK(after.c_lflag == before.c_lflag);
  CHECK(after.c_iflag == before.c_iflag);
  CHECK(after.c_oflag == before.c_oflag);
  const auto none = execute(run_arguments({"-t", Demo::get().reference(), "--", "true"}));
  CHECK(none.status.code == 125);
  CHECK(contains(none.err, "no terminal"));
  CHECK(nothing_left());
}

TEST_CASE("program: run tells its own failures from the process's") {
  const std::string image = Demo::get().reference();
  const auto missing = execute(run_arguments({image, "--", "no-such-program"}));
  CHECK(missing.status == os::ExitStatus{127, 0});
  CHECK(contains(missing.err, "no-such-program"));
  CHECK(execute(run_arguments({image, "--", "/etc/passwd"})).status == os::ExitStatus{126, 0});
  const auto no_image = execute(run_arguments({image + "x", "--", "true"}));
  CHECK(no_image.status == os::ExitStatus{125, 0});
  CHECK(contains(no_image.err, image + "x"));
  const auto no_kernel = program({"run", "--kernel", "/nowhere/vmlinuz", image});
  CHECK(no_kernel.status == os::ExitStatus{125, 0});
  CHECK(contains(no_kernel.err, "scripts/fetch-kernel"));
  CHECK(program({"run", "--no-such-option", image}).status == os::ExitStatus{125, 0});
  CHECK(execute(run_arguments({"--memory", "lots", image})).status == os::ExitStatus{125, 0});
  CHECK(nothing_left());
}

TEST_CASE("program: pull, images, unpack") {
  const std::string fresh = (Demo::get().folder() / "fresh").string();
  const auto pulled = program({"pull", "--store", fresh, "--plain-http", Demo::get().reference()});
  REQUIRE(pulled.status.success());
  CHECK(pulled.out == Demo::get().image().descriptor.digest.to_string() + "\n");
  CHECK(contains(pulled.err, "pull sha256:"));
  CHECK(program({"pull", "--store", fresh, "--plain-http", "--quiet", Demo::get().reference()})
            .err.empty());

  const auto listed = program({"images", "--store", fresh, "--json"});
  const auto list = nlohmann::json::parse(listed.out);
  REQUIRE(list.size() == 1);
  CHECK(list[0]["name"] == Demo::get().reference());
  const auto reference = oci::Reference::parse(Demo::get().reference());
  const auto shown = program({"images", "--store", fresh}).out;
  CHECK_MESSAGE(contains(shown, reference.name()), shown);
  CHECK(contains(shown, *reference.tag()));

  const auto target = Demo::get().folder() / "out.ext4";
  REQUIRE(program({"unpack", "--store", fresh, "--plain-http", "--size", "1G",
                   Demo::get().reference(), target.string()})
              .status.success());
  CHECK(std::filesystem::file_size(target) == 1ULL << 30);
  CHECK(test::e2fsck_complaints(target.string()).empty());
  const auto again = program(
      {"unpack", "--store", fresh, "--plain-http", Demo::get().reference(), target.string()});
  CHECK(again.status == os::ExitStatus{1, 0});
  CHECK(contains(again.err, target.string()));
}

TEST_CASE("program: save and load, through a file and through a pipe") {
  const std::string name = Demo::get().reference();
  CHECK(program({"pull", "--store", store(), "--plain-http", "--quiet", name}).status.success());
  const auto folder = test::temporary_directory();
  const std::string archive = (folder.path() / "image.tar").string();
  const std::string other = (folder.path() / "store").string();
  CHECK(program({"save", "--store", store(), "-q", "-o", archive, name}).status.success());
  const auto loaded = program({"load", "--store", other, "-q", "-i", archive});
  CHECK(loaded.status.success());
  const auto reference = oci::Reference::parse(name);
  const auto digest = oci::ImageStore::open(store()).find(reference)->manifest.digest.to_string();
  CHECK(loaded.out == digest + "  " + reference.to_string() + "\n");

  const auto piped =
      execute({"sh", "-c",
               "\"$0\" save --store \"$1\" -q --format docker-archive \"$3\" | gzip -1 | "
               "\"$0\" load --store \"$2\" -q --image \"$3\" --name example.org/copy:1",
               VMKIT_PROGRAM, store(), other, name});
  CHECK(piped.status.success());
  CHECK(contains(piped.out, "  example.org/copy:1\n"));
  const auto missing = program({"save", "--store", store(), "-o", archive, "example.org/none:1"});
  CHECK(missing.status == os::ExitStatus{1, 0});
  CHECK(contains(missing.err, "example.org/none:1"));
}

TEST_CASE("program: doctor tells what this host can do") {
  const auto text = program({"doctor"});
  CHECK(contains(text.out, "qemu"));
  const auto report = nlohmann::json::parse(program({"doctor", "--json"}).out);
  CHECK(report["features"]["machines"]["available"] == true);
  CHECK(report["recommended"]["memory"].get<std::uint64_t>() >= 128U << 20);
  CHECK(report["accelerator"].is_string());
  const auto kernel = Demo::get().container_options().kernel;
  const auto of_kernel = program({"doctor", "--kernel", kernel.image.string(), "--json"});
  const auto features = nlohmann::json::parse(of_kernel.out)["kernel"]["features"];
  CHECK(features["ext4"]["support"] == "built_in");
  CHECK(features["virtiofs"]["support"] == "module");
  CHECK(features["9p"]["support"] == "missing");
}

TEST_CASE("program: Ctrl-C at any moment ends it soon, with nothing left") {
  for (const auto delay : {0ms, 5ms, 30ms, 80ms, 150ms, 300ms, 600ms, 1000ms, 1500ms}) {
    CAPTURE(delay.count());
    auto child = os::ChildProcess::spawn(
        {.arguments = run_arguments({Demo::get().reference(), "--", "sleep", "1000"})});
    std::this_thread::sleep_for(delay);
    child.kill(SIGINT);
    const auto status = child.wait(CallOptions{}.with_timeout(20s));
    // In its very first moments, before it listens, the signal itself ends it.
    CHECK((status == os::ExitStatus{130, 0} || status == os::ExitStatus{0, SIGINT}));
    CHECK(nothing_left());
  }
}

TEST_CASE("program: Ctrl-C while the process runs") {
  Running running;
  running.process->kill(SIGINT);
  CHECK(running.process->wait(CallOptions{}.with_timeout(20s)) == os::ExitStatus{130, 0});
  CHECK(nothing_left());
}

/// A program that writes without end, of which one byte was read.
struct Flood {
  os::Descriptor output;
  os::ChildProcess child = [this] {
    auto [reader, writer] = os::make_pipe();
    output = std::move(reader);
    return os::ChildProcess::spawn(
        {.arguments = run_arguments({Demo::get().reference(), "--", "yes"}),
         .stdout_fd = writer.get()});
  }();

  Flood() {
    char byte = 0;
    REQUIRE(::read(output.get(), &byte, 1) == 1);
  }
};

TEST_CASE("program: Ctrl-C while nobody reads what the process writes") {
  Flood flood;
  std::this_thread::sleep_for(300ms);  // the pipe is full by now
  flood.child.kill(SIGINT);
  CHECK(flood.child.wait(CallOptions{}.with_timeout(10s)) == os::ExitStatus{130, 0});
  CHECK(nothing_left());
}

TEST_CASE("program: output that cannot be written is a failure") {
  const os::Descriptor full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  auto images = os::ChildProcess::spawn(
      {.arguments = vmkit_arguments({"images", "--store", store()}), .stdout_fd = full.get()});
  CHECK(images.wait(CallOptions{}.with_timeout(20s)) == os::ExitStatus{1, 0});
  auto run = os::ChildProcess::spawn(
      {.arguments = run_arguments({Demo::get().reference(), "--", "echo", "x"}),
       .stdout_fd = full.get()});
  CHECK(run.wait(CallOptions{}.with_timeout(60s)) == os::ExitStatus{125, 0});
}

TEST_CASE("program: kill -9 leaves no machine, and the next run removes the folder") {
  {
    Running running;
    CHECK(is_running(containers().string()));
    running.process->kill(SIGKILL);
    running.process->wait(CallOptions{}.with_timeout(20s));
  }
  for (int i = 0; i < 500 && is_running(containers().string()); ++i) {
    std::this_thread::sleep_for(10ms);
  }
  CHECK_FALSE(is_running(containers().string()));
  CHECK_FALSE(std::filesystem::is_empty(containers()));
  // Whatever becomes of that.
  CHECK(execute(run_arguments({Demo::get().reference() + "x"})).status.code == 125);
  CHECK(nothing_left());
}

TEST_CASE("program: with its output closed early it ends like others do") {
  Flood flood;
  flood.output.reset();
  CHECK(flood.child.wait(CallOptions{}.with_timeout(60s)) == os::ExitStatus{128 + SIGPIPE, 0});
  CHECK(nothing_left());
}
