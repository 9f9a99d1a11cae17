// SPDX-License-Identifier: Apache-2.0
// What processes may do in their container: namespaces, capabilities, limits, mounts, on real
// machines with the real Debian image.
#include <array>
#include <doctest/doctest.h>
#include <thread>

#include "support/demo.hpp"
#include "support/e2fsck.hpp"
#include "support/errors.hpp"
#include "support/programs.hpp"
#include "support/run_in.hpp"

using namespace vmkit;
using namespace std::chrono_literals;
using container::Container;
using test::check_error;
using test::Demo;
using test::Finished;
using test::run_in;
using test::shell_in;

namespace {

/// One machine for most cases: they must not change what others look at.
Container& box() {
  static Container started = [] {
    auto options = Demo::get().container_options();
    options.hostname = "isolated";
    options.isolation = {
        .mounts = {{.type = agent::MountType::tmpfs, .target = "/data/sub/deep"},
                   {.type = agent::MountType::tmpfs,
                    .target = "/data",
                    .nosuid = true,
                    .noexec = true,
                    .size = 1_MiB,
                    .mode = 0750},
                   {.type = agent::MountType::bind,
                    .source = "/usr/share/base-files",
                    .target = "/opt/base",
                    .read_only = true},
                   {.type = agent::MountType::bind,
                    .source = "/etc/os-release",
                    .target = "/opt/release"}},
        .devices = {{.path = "/dev/sub/mine", .major = 1, .minor = 5, .mode = 0640, .gid = 5}},
        .sysctls = {{"net.ipv4.ip_forward", "1"}, {"kernel.msgmax", "12345"}},
        .limits = {.memory_max = 200_MiB, .swap_max = 0_B, .pids_max = 64},
        .rlimits = {{.name = "nofile", .soft = 2000, .hard = 3000}}};
    auto made = Container::create(options);
    made.start();
    return made;
  }();
  return started;
}

std::string out(const std::string& script, container::ProcessOptions options = {}) {
  const Finished result = shell_in(box(), script, std::move(options));
  CAPTURE(script);
  CAPTURE(result.err);
  CHECK(result.status == agent::ExitStatus{0, 0});
  return result.out;
}

const std::string capability_lines = "grep ^Cap /proc/self/status | cut -f2 | tr '\\n' ' '";

}  // namespace

TEST_CASE("isolation: the container sees itself only, and its init is process 1") {
  CHECK(out("hostname; cat /proc/1/comm; cat /proc/self/cgroup") == "isolated\nvmkit-init\n0::/\n");
  // Init, sh, its copy, ls and wc: whichever of these are there when the folder is read.
  const int processes = std::stoi(out("echo $(ls -d /proc/[0-9]* | wc -l)"));
  CHECK(processes >= 3);
  CHECK(processes <= 5);
  const auto machine = out("for i in mnt pid uts ipc cgroup; do readlink /proc/self/ns/$i; done");
  CHECK(machine == out("for i in mnt pid uts ipc cgroup; do readlink /proc/$$/ns/$i; done"));
  // Nothing of the machine's first root is left: no initramfs, no sources of mounts.
  CHECK(out("ls -d /init /newroot /layer 2>/dev/null; true").empty());
  CHECK(out("cut -d' ' -f5 /proc/self/mountinfo | head -1") == "/\n");
  // A chroot could not do this: the root is the namespace's own.
  CHECK(out("unshare -r id -u", {.privileged = true}) == "0\n");
}

TEST_CASE("isolation: zombies are reaped, signals to process 1 reach the first process") {
  const std::string waits =
      "trap 'echo got it; exit 9' USR1; echo up; while :; do sleep 0.05; done";
  std::array<agent::Process, 2> processes{box().exec({.args = {"sh", "-c", waits}}),
                                          box().exec({.args = {"sh", "-c", waits}})};
  for (auto& process : processes) {
    std::byte up[3];
    REQUIRE(read_full(process.stdout_source(), up) == 3);
  }
  // Who may not signal it cannot through the init either; and TERM is no end of the init's own.
  CHECK(shell_in(box(), "kill -USR1 1", {.user = "demo"}).status.code != 0);
  out("kill -USR1 1");
  CHECK(test::read_all(processes[0].stdout_source()) == "got it\n");
  CHECK(processes[0].wait(CallOptions{}.with_timeout(30s)) == agent::ExitStatus{9, 0});
  out("kill -TERM 1");  // now the oldest
  CHECK(processes[1].wait(CallOptions{}.with_timeout(30s)) == agent::ExitStatus{0, 15});
  CHECK(test::read_all(processes[1].stdout_source()).empty());
  CHECK(out("cat /proc/1/comm") == "vmkit-init\n");
  CHECK(out("for i in 1 2 3 4 5; do (sh -c 'true & exec true' &); done; sleep 0.3; "
            "grep -l '^State:.Z' /proc/[0-9]*/status | wc -l") == "0\n");
}

TEST_CASE("isolation: capabilities of root, of a user, and those that are asked for") {
  // inheritable, permitted, effective, bounding, ambient
  const std::string oci = "00000000a80425fb ";
  const std::string none = "0000000000000000 ";
  CHECK(out(capability_lines) == none + oci + oci + oci + none);
  CHECK(out(capability_lines, {.user = "demo"}) == none + none + none + oci + none);
  CHECK(out(capability_lines, {.user = "demo",
                               .capabilities = agent::Capabilities{.bounding = {"NET_ADMIN"},
                                                                   .inheritable = {"cap_net_admin"},
                                                                   .permitted = {"NET_ADMIN"},
                                                                   .ambient = {"NET_ADMIN"}}}) ==
        "0000000000001000 0000000000001000 0000000000001000 0000000000001000 0000000000001000 ");
  const std::string all = out(capability_lines, {.privileged = true});
  CHECK(all.substr(17, 17) == all.substr(34, 17));
  CHECK(all.substr(17, 17) == "000001ffffffffff ");
  CHECK(out(capability_lines, {.capabilities = agent::Capabilities{}}) ==
        none + none + none + none + none);
  CHECK(shell_in(box(), "mount -t tmpfs none /mnt").status.code != 0);
  CHECK(shell_in(box(), "mount -t tmpfs none /mnt && umount /mnt", {.privileged = true})
            .status.code == 0);
  CHECK(shell_in(box(), "chown demo /tmp/x", {.capabilities = agent::Capabilities{}}).status.code !=
        0);
  CHECK(out("touch /tmp/x; chown demo /tmp/x; stat -c %U /tmp/x; rm /tmp/x") == "demo\n");
  check_error(Errc::invalid_argument, {"bounding", "FLY"}, [] {
    box().exec({.args = {"id"}, .capabilities = agent::Capabilities{.bounding = {"FLY"}}});
  });
}

TEST_CASE("isolation: no_new_privileges, umask, oom_score_adj, limits, groups") {
  const std::string nnp = "grep NoNewPrivs /proc/self/status | cut -f2";
  CHECK(out(nnp) == "0\n");
  CHECK(out(nnp, {.no_new_privileges = true}) == "1\n");
  CHECK(out("umask; cat /proc/self/oom_score_adj", {.umask = 077, .oom_score_adj = 500}) ==
        "0077\n500\n");
  CHECK(out("ulimit -Sn; ulimit -Hn") == "2000\n3000\n");
  CHECK(out("ulimit -Sn; ulimit -Hn; ulimit -c",
            {.rlimits = {{"RLIMIT_nofile", 50, 60}, {"core", 0, 0}}}) == "50\n60\n0\n");
  std::vector<agent::Rlimit> sixteen;
  for (const char* name :
       {"as", "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile",
        "nproc", "rss", "rtprio", "rttime", "sigpending", "stack"}) {
    sixteen.push_back({name, 1 << 20, 1 << 20});
  }
  sixteen[0] = {"as"};
  const std::string limits = out("cat /proc/self/limits", {.rlimits = sixteen});
  std::size_t set = 0;
  for (std::size_t at = 0; (at = limits.find(" 1048576  ", at)) != std::string::npos; at += 9)
    ++set;
  CHECK_MESSAGE(set == 30, limits);
  CHECK(out("id", {.user = "demo", .groups = {"audio", "4242"}}) ==
        "uid=1000(demo) gid=1000(demo) groups=1000(demo),29(audio),2000(extra),4242\n");
  check_error(Errc::invalid_argument, {"rlimits[1]", "soft"}, [] {
    box().exec({.args = {"id"}, .rlimits = {{"core", 2, 1}}});
  });
  check_error(Errc::invalid_argument, {"no-such-group"},
              [] { box().exec({.args = {"id"}, .groups = {"no-such-group"}}); });
}

TEST_CASE("isolation: masked, read-only and special paths") {
  CHECK(out("cat /proc/kcore /proc/timer_list | wc -c; ls /sys/firmware | wc -l") == "0\n0\n");
  for (const char* path :
       {"/proc/sys/kernel/domainname", "/proc/sysrq-trigger", "/sys/kernel/profiling"}) {
    CAPTURE(path);
    const auto result = shell_in(box(), std::string("echo x >") + path);
    CHECK(result.err.find("Read-only file system") != std::string::npos);
  }
  CHECK(out("cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax") == "1\n12345\n");
  CHECK(out("stat -c '%F %t,%T %a %g' /dev/sub/mine") == "character special file 1,5 640 5\n");
  CHECK(
      out("for i in null zero full random urandom tty console ptmx; do test -c /dev/$i || echo no "
          "$i; done; test -d /dev/shm && test -d /dev/mqueue && readlink /dev/stdout") ==
      "/proc/self/fd/1\n");
  CHECK(shell_in(box(), "mkdir /sys/fs/cgroup/x").status.code != 0);
  // A node can be made of any device, but only the container's own can be opened.
  const auto disk = shell_in(box(),
                             "mknod /tmp/disk b $(mountpoint -d / | tr : ' ') && "
                             "head -c 1 /tmp/disk; rm /tmp/disk; head -c 1 /dev/sub/mine");
  CHECK(disk.err.find("'/tmp/disk' for reading: Operation not permitted") != std::string::npos);
  CHECK(disk.out == std::string(1, '\0'));
}

TEST_CASE("isolation: mounts, one within another, with their options") {
  CHECK(out("stat -f -c %T /data /data/sub/deep; stat -c %a /data /data/sub/deep") ==
        "tmpfs\ntmpfs\n750\n1777\n");
  CHECK(out("head -c 3000000 /dev/zero >/data/x 2>/dev/null; stat -c %s /data/x; rm /data/x") ==
        "1048576\n");
  CHECK(out("grep ' /data ' /proc/mounts").find("nosuid,noexec") != std::string::npos);
  CHECK(out("ls /opt/base | grep -c motd; touch /opt/base/x 2>&1 | grep -c 'Read-only'") ==
        "1\n1\n");
  CHECK(out("cmp /opt/release /etc/os-release && stat -c %F /opt/release") == "regular file\n");
}

TEST_CASE("isolation: the limits of the cgroup hold, and statistics tell") {
  const auto before = box().statistics();
  CHECK(before.memory.limit == 200_MiB);
  // Processes.
  const auto forks = shell_in(box(), "for i in $(seq 70); do sleep 1 & done; wait");
  CHECK(forks.err.find("Cannot fork") != std::string::npos);
  // Processor time.
  box().set_limits({.cpu_quota = 20ms});
  shell_in(box(), "i=0; while [ $i -lt 1000 ]; do i=$((i+1)); done");
  box().set_limits({.cpu_quota = 1s});
  check_error(Errc::invalid_argument, {"cpu_weight"}, [] { box().set_limits({.cpu_weight = 0}); });
  check_error(Errc::not_found, {"no-such-disk"}, [] {
    box().set_limits({.io = {{.serial = "no-such-disk", .read_bytes_per_second = 1 << 20}}});
  });
  const auto write_2_mib = [] {
    const auto begin = std::chrono::steady_clock::now();
    out("dd if=/dev/zero of=/var/direct bs=256k count=8 oflag=direct status=none");
    return std::chrono::steady_clock::now() - begin;
  };
  box().set_limits({.io = {{.serial = "vmkit-root", .write_bytes_per_second = 3 << 20}}});
  CHECK(out("cut -d ' ' -f 2- /sys/fs/cgroup/io.max") ==
        "rbps=max wbps=3145728 riops=max wiops=max\n");
  CHECK(write_2_mib() > 400ms);
  box().set_limits({.io = {{.serial = "vmkit-root", .write_bytes_per_second = 500 << 20}}});
  // What this kernel has no file for is an error that says so.
  if (shell_in(box(), "test -e /sys/fs/cgroup/io.weight").status.code == 0) {
    box().set_limits({.io_weight = 200});
    CHECK(out("head -1 /sys/fs/cgroup/io.weight") == "default 200\n");
  } else {
    check_error(Errc::unsupported, {"io_weight", "no io.weight"},
                [] { box().set_limits({.io_weight = 200}); });
  }
  out("head -c 1000000 /dev/urandom >/var/io && sync && cat /var/io /var/lib/dpkg/info/* "
      ">/dev/null");

  const auto after = box().statistics();
  CHECK(after.memory.killed == 0);
  CHECK(after.memory.usage.bytes() > 0);
  CHECK(after.memory.page_faults > before.memory.page_faults);
  CHECK(after.memory.pressure.has_value());
  CHECK(after.pids.limit == 64);
  CHECK(after.pids.refused >= 1);
  CHECK(after.pids.count >= 1);
  CHECK(after.cpu.usage > before.cpu.usage);
  CHECK(after.cpu.throttled_periods >= 1);
  CHECK(after.cpu.throttled > 0us);
  const auto root = std::find_if(after.block.begin(), after.block.end(),
                                 [](const auto& disk) { return disk.serial == "vmkit-root"; });
  REQUIRE(root != after.block.end());
  CHECK(root->written >= 300000_B);
  CHECK(std::any_of(after.network.begin(), after.network.end(),
                    [](const auto& interface) { return interface.interface == "lo"; }));
}

TEST_CASE("isolation: top tells of all processes, whoever started them") {
  auto process = box().exec(
      {.args = {"sh", "-c", "sleep 1000 & sleep 0.3; echo $! $$; wait"}, .user = "demo"});
  std::string line(64, '\0');
  line.resize(process.stdout_source().read(std::as_writable_bytes(std::span(line))));
  const auto list = box().top();
  const auto find = [&](const std::string& program) {
    const auto found = std::find_if(list.begin(), list.end(),
                                    [&](const auto& entry) { return entry.command[0] == program; });
    REQUIRE(found != list.end());
    return *found;
  };
  CHECK(find("/init").pid == 1);
  const auto shell = find("sh");
  const auto sleep = find("sleep");
  CHECK(line == std::to_string(sleep.pid) + " " + std::to_string(shell.pid) + "\n");
  CHECK(shell.guest_pid == process.pid());
  CHECK(shell.parent == 0);
  CHECK(sleep.parent == shell.pid);
  CHECK(sleep.uid == 1000);
  CHECK(sleep.command == std::vector<std::string>{"sleep", "1000"});
  CHECK(sleep.state.size() == 1);
  CHECK(sleep.resident > 0_B);
  CHECK(sleep.started > 0ms);
  process.signal("KILL");
}

TEST_CASE(
    "isolation: a writable layer leaves the disk as it is; the kernel kills what takes too much") {
  auto options = Demo::get().container_options();
  options.overrides = {.entrypoint = std::vector<std::string>{"sh", "-c"},
                       .env = {"OVER=ridden"},
                       .user = "demo",
                       .working_dir = "/made/for/it"};
  options.network = true;
  options.isolation = {.init = false,
                       .writable_layer = agent::WritableLayer{.size = 32_MiB},
                       .limits = {.memory_max = 64_MiB, .swap_max = 0_B}};
  auto made = Container::create(options);
  const auto disk = options.folder / "disk.ext4";
  const auto written = std::filesystem::last_write_time(disk);
  CHECK(std::filesystem::hard_link_count(disk) > 1);  // the unpacked image itself
  std::promise<std::string> out_of_memory;
  const auto subscription = made.on_event([&](const container::ContainerEvent& event) {
    if (event.type == "oom") out_of_memory.set_value(event.attributes.at("killed"));
  });
  made.start();
  const auto killed = run_in(made, {.args = {"perl", "-e", "$x = 'a' x 1e8"}, .user = ""});
  CHECK_MESSAGE(killed.status.signal == 9, killed.err);
  CHECK(made.statistics().memory.killed == 1);
  auto told = out_of_memory.get_future();
  REQUIRE(told.wait_for(10s) == std::future_status::ready);
  CHECK(told.get() == "1");
  const auto command =
      container::command_of(container::overridden(options.image.config, options.overrides),
                            {"echo $OVER; pwd; stat -c '%U %a' .; id -un"});
  CHECK(run_in(made, {.args = command}).out == "ridden\n/made/for/it\nroot 755\ndemo\n");
  CHECK(shell_in(made, "stat -f -c %T /; echo changed >/etc/motd; rm /etc/issue; cat /etc/motd",
                 {.user = ""})
            .out == "overlayfs\nchanged\n");
  CHECK(shell_in(made, "head -1 /etc/resolv.conf; grep -c $(hostname) /etc/hosts", {.user = ""})
            .out == "nameserver 10.0.2.3\n1\n");
  CHECK(shell_in(made, "head -c 60000000 /dev/zero >/big; stat -c %s /big; rm /big", {.user = ""})
            .out < "33600000\n");
  // Without an init the first process is process 1, and its end is the end of all.
  auto first =
      made.exec({.args = {"sh", "-c", "echo $$; read line"}, .stdin_mode = agent::Stdio::pipe});
  auto second = made.exec({.args = {"sleep", "1000"}});
  CHECK(shell_in(made, "cat /proc/1/comm; readlink /proc/1/exe").out == "sh\n/usr/bin/dash\n");
  first.stdin_sink().close();
  CHECK(test::read_all(first.stdout_source()) == "1\n");
  CHECK(second.wait(CallOptions{}.with_timeout(30s)) == agent::ExitStatus{0, 9});
  CHECK(shell_in(made, "echo $$; cat /etc/motd").out == "1\nchanged\n");
  check_error(Errc::not_found, {"no-such-program"},
              [&] { made.exec({.args = {"no-such-program"}}); });
  CHECK(shell_in(made, "echo $$").out == "1\n");
  made.stop();
  CHECK(std::filesystem::last_write_time(disk) == written);
}

TEST_CASE(
    "isolation: a writable layer on a disk outlives the machine; the image's word, and another in "
    "its place") {
  auto options = Demo::get().container_options();
  options.keep = true;
  options.isolation = {.writable_disk = 256_MiB};
  // What the image says, and what is said in its place.
  options.image.config.stop_signal = "SIGUSR2";
  options.overrides = {
      .volumes = std::vector<std::string>{"/usr/share/base-files"},
      .healthcheck = oci::Healthcheck{.test = {"CMD-SHELL", "test -e /healthy"}, .interval = 50ms}};
  options.image_volumes = container::ImageVolumes::anonymous;
  const std::string ending =
      "for i in USR1 USR2 TERM; do trap \"echo $i >/ended; exit\" $i; done; echo up; "
      "while :; do sleep 0.05; done";
  const auto start_one = [&](Container& made) {
    auto process = made.exec({.args = {"sh", "-c", ending}});
    std::byte up[3];
    REQUIRE(read_full(process.stdout_source(), up) == 3);
  };
  const auto disk = options.folder / "disk.ext4";
  // As an administrator may set it on the layer's disk.
  const auto journal = [&](const char* mode) {
    test::run_program({test::e2fs_tool("tune2fs"), "-o", mode, options.folder / "layer.ext4"});
  };
  const auto journal_mode = [](Container& made) {
    return shell_in(made, "grep -ho '^data=.*' /proc/fs/ext4/vdb/options").out;
  };
  std::filesystem::file_time_type written;
  {
    auto made = Container::create(options);
    written = std::filesystem::last_write_time(disk);
    journal("journal_data_writeback");
    made.start();
    CHECK(journal_mode(made) == "data=writeback\n");
    CHECK(shell_in(made, "stat -f -c %T /usr/share/base-files; ls /usr/share/base-files").out ==
          "ext2/ext3\n" + out("ls /usr/share/base-files"));
    shell_in(made, "touch /healthy");
    const auto healthy = [&] { return made.health().state == container::HealthState::healthy; };
    for (int i = 0; i < 1000 && !healthy(); ++i) std::this_thread::sleep_for(10ms);
    CHECK(healthy());
    CHECK(shell_in(made, "grep -c $(cat /etc/hostname) /etc/hosts").out == "1\n");
    CHECK(shell_in(made,
                   "stat -f -c %T /; echo changed >/etc/motd; rm /etc/issue; mkdir -p /new/folder; "
                   "df -m / | tail -1 | tr -s ' ' | cut -d ' ' -f 2; sync")
              .out.starts_with("overlayfs\n2"));
    start_one(made);
    made.stop();
  }
  options.stop_signal = "SIGUSR1";
  auto again = Container::open(options);
  journal("journal_data");
  again.start();
  CHECK(journal_mode(again) == "data=journal\n");
  CHECK(shell_in(again, "cat /ended /etc/motd; ls -d /etc/issue /new/folder 2>/dev/null").out ==
        "USR2\nchanged\n/new/folder\n");
  start_one(again);
  again.stop();
  CHECK(test::debugfs((options.folder / "layer.ext4").string(), "cat /upper/ended") == "USR1\n");
  CHECK(std::filesystem::last_write_time(disk) == written);
  // On a busy host the guest's clock may be a little ahead, and e2fsck minds times to come.
  std::this_thread::sleep_for(2s);
  CHECK(test::e2fsck_complaints((options.folder / "layer.ext4").string()) == "");
  again.remove();
}

TEST_CASE("isolation: a read-only root, and a seccomp profile of one's own") {
  auto options = Demo::get().container_options();
  options.isolation = {.no_new_privileges = true,
                       .seccomp_profile = R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[
          {"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":28},
          {"names":["swapoff"],"action":"SCMP_ACT_KILL_PROCESS"},
          {"names":["chmod","fchmodat"],"action":"SCMP_ACT_ERRNO","args":[
              {"index":2,"value":438,"op":"SCMP_CMP_EQ"}]}]})",
                       .read_only_root = true,
                       .mounts = {{.type = agent::MountType::tmpfs, .target = "/run"}}};
  options.network = true;
  auto made = Container::create(options);
  made.start();
  const auto errors = [&](const std::string& script) { return shell_in(made, script).err; };
  CHECK(errors("touch /x").find("Read-only file system") != std::string::npos);
  // Not on its root: these are files in memory.
  CHECK(shell_in(made, "grep -c $(cat /etc/hostname) /etc/hosts; echo 192.0.2.1 x >>/etc/hosts")
            .out == "1\n");
  CHECK(shell_in(made, "cat /etc/resolv.conf").out == "nameserver 10.0.2.3\n");
  CHECK(shell_in(made, "touch /run/x && rm /run/x").status.code == 0);
  CHECK(errors("mkdir /run/x").find("No space left") != std::string::npos);
  CHECK(shell_in(made, "touch /run/y && chmod 644 /run/y").status.code == 0);
  CHECK(errors("chmod 666 /run/y").find("not permitted") != std::string::npos);
  CHECK(run_in(made, {.args = {"swapoff", "-a"}}).status == agent::ExitStatus{0, 0});
  CHECK(shell_in(made, "grep Seccomp: /proc/self/status", {.user = "demo"}).out == "Seccomp:\t2\n");
  CHECK(shell_in(made, "grep NoNewPrivs: /proc/self/status").out == "NoNewPrivs:\t1\n");
  CHECK(errors("mount -t tmpfs none /mnt").find("permission denied") != std::string::npos);
  made.kill();
}

TEST_CASE("isolation: what cannot be is refused before anything is made, or named by the guest") {
  auto options = Demo::get().container_options();
  options.isolation.devices = {{.path = "null"}};
  check_error(Errc::invalid_argument, {"devices[0].path"}, [&] { Container::create(options); });
  CHECK_FALSE(std::filesystem::exists(options.folder));
  options.isolation.devices.clear();
  options.isolation.mounts = {{.source = "no-such-disk", .target = "/data"}};
  auto made = Container::create(options);
  check_error(Errc::not_found, {"no-such-disk", "vda"}, [&] { made.start(); });
}
