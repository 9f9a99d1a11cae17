// SPDX-License-Identifier: Apache-2.0
// What a container sees besides its own disk, on a real machine: folders and files of the host, a
// volume, names, the network and the host behind it.
#include <arpa/inet.h>
#include <condition_variable>
#include <doctest/doctest.h>
#include <fstream>
#include <mutex>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "os/child_process.hpp"
#include "os/descriptor.hpp"
#include "os/file.hpp"
#include "support/demo.hpp"
#include "support/e2fsck.hpp"
#include "support/errors.hpp"
#include "support/programs.hpp"

#include <vmkit/container/container.hpp>
#include <vmkit/container/kernel_features.hpp>
#include <vmkit/container/volumes.hpp>

using namespace vmkit;
using container::Container;
using test::Demo;
using namespace std::chrono_literals;

namespace {

namespace fs = std::filesystem;

std::string shell(Container& box, const std::string& script, bool privileged = false) {
  auto process =
      box.exec({.args = {"/bin/bash", "-c", "exec 2>&1; " + script}, .privileged = privileged});
  std::string text;
  std::byte buffer[4096];
  while (const std::size_t count = process.stdout_source().read(buffer)) {
    text.append(reinterpret_cast<const char*>(buffer), count);
  }
  const auto status = process.wait(CallOptions{}.with_timeout(60s));
  return status.code == 0 ? text : text + "[" + std::to_string(status.code) + "]";
}

void write(const fs::path& path, const std::string& content) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << content;
}

/// QEMU's own NBD server, of two image files at a unix socket: "disk" and, for reading, "ro".
class NbdServer {
 public:
  NbdServer(const fs::path& disk, const fs::path& read_only, fs::path socket)
      : socket_(std::move(socket)),
        process_(os::ChildProcess::spawn(
            {.arguments = {"qemu-storage-daemon", "--blockdev",
                           "driver=file,node-name=a,filename=" + disk.string(), "--blockdev",
                           "driver=file,node-name=b,read-only=on,filename=" + read_only.string(),
                           "--nbd-server", "addr.type=unix,addr.path=" + socket_.string(),
                           "--export", "type=nbd,id=a,node-name=a,name=disk,writable=on",
                           "--export", "type=nbd,id=b,node-name=b,name=ro"}})) {
    for (int i = 0; i < 500 && !fs::exists(socket_); ++i) std::this_thread::sleep_for(10ms);
  }
  std::string uri(const std::string& name) const {
    return "nbd+unix:///" + name + "?socket=" + socket_.string();
  }

 private:
  fs::path socket_;
  os::ChildProcess process_;
};

/// A server on the host's loopback that answers one client with what it got.
class EchoServer {
 public:
  EchoServer() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(socket_.get(), 1) == 0);
    ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
    thread_ = std::thread([this] {
      const os::Descriptor client(::accept(socket_.get(), nullptr, nullptr));
      char buffer[64];
      const ssize_t count = client ? ::read(client.get(), buffer, sizeof buffer) : 0;
      if (count > 0) [[maybe_unused]]
        const auto n = ::write(client.get(), buffer, static_cast<std::size_t>(count));
    });
  }
  ~EchoServer() {
    ::shutdown(socket_.get(), SHUT_RDWR);
    thread_.join();
  }
  int port = 0;

 private:
  os::Descriptor socket_;
  std::thread thread_;
};

/// What the events have told of the one network interface, waited for in order.
class NetworkStates {
 public:
  void add(const container::ContainerEvent& event) {
    if (event.type != "network") return;
    const std::lock_guard lock(mutex_);
    name_ = event.attributes.at("interface");
    states_.push_back(event.attributes.at("state") + " " + event.attributes.at("addresses"));
    changed_.notify_all();
  }
  bool wait_for(const std::string& state) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 20s, [&] {
      while (seen_ < states_.size()) {
        if (states_[seen_++].starts_with(state)) return true;
      }
      return false;
    });
  }
  std::string name() {
    const std::lock_guard lock(mutex_);
    return name_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string name_;
  std::vector<std::string> states_;
  std::size_t seen_ = 0;
};

/// What is said of Debian's cloud kernel, and the word of a machine that runs it.
void check_features(Container& box) {
  const auto kernel = test::demo_kernel();
  const auto features = container::kernel_features(kernel);
  std::string missing;
  for (const auto& status : features.features) {
    if (status.support == container::KernelSupport::missing) {
      missing += (missing.empty() ? "" : " ") + std::string(to_string(status.feature));
    }
    CHECK_MESSAGE(status.support != container::KernelSupport::unknown, to_string(status.feature),
                  ": remove the kernel's folder to fetch it anew");
  }
  CHECK(missing == "9p");
  CHECK(features.missing_requirements().empty());

  CHECK(shell(box, "uname -r") == features.release + "\n");
  const std::string guest =
      shell(box,
            "cat /proc/filesystems /sys/fs/cgroup/cgroup.controllers; ls /proc/pressure "
            "/proc/self/ns; grep -c Seccomp /proc/self/status");
  for (const char* word : {"ext4", "cpuset cpu io memory", "pids", "user", "time"}) {
    CHECK_MESSAGE(guest.find(word) != std::string::npos, word, " in ", guest);
  }
  CHECK(guest.find("9p") == std::string::npos);
}

}  // namespace

TEST_CASE("folders, files, volumes, names and the network of a container; its kernel's features") {
  auto options = Demo::get().container_options();
  const fs::path host = Demo::get().folder() / "host";
  write(host / "code/a.txt", "from the host\n");
  write(host / "docs/manual", "read me\n");
  write(host / "etc/app.conf", "setting=1\n");
  write(host / "etc/secret", "not for you\n");
  fs::create_symlink("app.conf", host / "etc/link");
  fs::create_symlink("code", host / "code link");
  options.host_mounts = {{.path = host / "code", .target = "/code"},
                         {.path = host / "docs", .target = "/usr/share/manuals", .read_only = true},
                         {.path = host / "etc/app.conf", .target = "/etc/app/app.conf"},
                         {.path = host / "etc/link", .target = "/etc/linked", .read_only = true},
                         {.path = host / "code", .target = "/again"},
                         {.path = host / "code link", .target = "/third"}};
  test::run_program(
      {test::e2fs_tool("mke2fs"), "-q", "-t", "ext4", (host / "disk").string(), "32M"});
  fs::copy_file(host / "disk", host / "read-only disk");
  fs::copy_file(host / "disk", host / "far disk");
  fs::copy_file(host / "disk", host / "far read-only disk");
  const NbdServer server_of_disks(host / "far disk", host / "far read-only disk", host / "nbd");
  options.disk_mounts = {
      {.path = host / "disk", .target = "/code/mnt/disk"},
      {.path = host / "read-only disk", .target = "/ro", .read_only = true},
      {.nbd = server_of_disks.uri("disk"), .target = "/far"},
      {.nbd = server_of_disks.uri("ro"), .target = "/far-ro", .read_only = true}};
  options.volumes_folder = Demo::get().folder() / "volumes";
  options.volume_mounts = {{.volume = "apt", .target = "/etc/apt"}};
  options.isolation.mounts = {
      {.type = agent::MountType::tmpfs, .target = "/scratch", .size = 1_MiB}};
  options.network = true;
  options.hostname = "web";
  options.names = {.domain = "example.org",
                   .extra_hosts = {{"db", "192.0.2.7"}, {"the-host", "host-gateway"}},
                   .timezone = "host"};
  if (fs::exists("/usr/share/zoneinfo/Asia/Tokyo")) options.names.timezone = "Asia/Tokyo";
  const auto folder = options.folder;
  const container::Volumes volumes(options.volumes_folder);

  auto box = Container::create(options);
  auto second = options;
  second.folder += "-2";
  test::check_error(Errc::failed_precondition, {"volume apt is in use by"},
                    [&] { Container::create(second); });
  NetworkStates interface;
  const auto subscription =
      box.on_event([&](const container::ContainerEvent& event) { interface.add(event); });
  box.start();

  {
    // Shares, both ways.
    CHECK(shell(box,
                "cat /code/a.txt; echo from the guest > /code/b; ln -s b /code/c; "
                "mkdir /code/d; mv /code/b /code/d/b") == "from the host\n");
    CHECK(os::read_file(host / "code/d/b", 1_MiB) == "from the guest\n");
    CHECK(fs::read_symlink(host / "code/c") == "b");
    write(host / "code/new", "later\n");
    CHECK(shell(box, "cat /code/new") == "later\n");
    // Read-only is the host's word, not the guest's.
    CHECK(shell(box, "cat /usr/share/manuals/manual") == "read me\n");
    CHECK(shell(box, "echo x > /usr/share/manuals/x").find("Read-only file system") !=
          std::string::npos);
    shell(box, "mount -o remount,rw /usr/share/manuals; echo x > /usr/share/manuals/x", true);
    CHECK(fs::directory_iterator(host / "docs") != fs::directory_iterator());
    CHECK_FALSE(fs::exists(host / "docs/x"));
    // A file without its neighbours, and the same file.
    CHECK(shell(box, "ls /etc/app; cat /etc/app/app.conf; echo setting=2 > /etc/app/app.conf") ==
          "app.conf\nsetting=1\n");
    CHECK(os::read_file(host / "etc/app.conf", 1_MiB) == "setting=2\n");
    CHECK(shell(box, "cat /proc/mounts").find("secret") == std::string::npos);
    // Through a link of the host's, and read-only; and one folder at three places.
    CHECK(shell(box, "cat /etc/linked") == "setting=2\n");
    CHECK(shell(box, "echo x > /etc/linked").find("Read-only") != std::string::npos);
    CHECK(shell(box, "cat /again/a.txt /third/a.txt; grep -c ' virtiofs ' /proc/mounts") ==
          "from the host\nfrom the host\n6\n");
    // Disks, one of them below a shared folder.
    CHECK(shell(box, "stat -f -c %T /code/mnt/disk; echo on disk > /code/mnt/disk/file") ==
          "ext2/ext3\n");
    CHECK(shell(box, "ls /ro; echo x > /ro/x").find("Read-only") != std::string::npos);
    CHECK(shell(box, "stat -f -c %T /far; echo far away > /far/file; ls /far-ro") ==
          "ext2/ext3\nlost+found\n");
    CHECK(shell(box, "echo x > /far-ro/x").find("Read-only") != std::string::npos);
    // The volume has what the image had there.
    CHECK(shell(box, "ls /etc/apt").find("sources.list.d") != std::string::npos);
    CHECK(shell(box,
                "echo kept > /etc/apt/kept; stat -f -c %T /etc/apt; df -m /scratch | tail -1 | "
                "tr -s ' ' | cut -d ' ' -f 2") == "ext2/ext3\n1\n");
    // Names.
    CHECK(shell(box, "cat /etc/hostname; hostname; hostname -f; getent hosts db | tr -s ' '") ==
          "web\nweb\nweb.example.org\n192.0.2.7 db\n");
    CHECK(shell(box, "cat /etc/resolv.conf") == "nameserver 10.0.2.3\nsearch example.org\n");
    if (options.names.timezone == "Asia/Tokyo") {
      CHECK(shell(box, "date -d @0 +%H%z") == "09+0900\n");
    }
    // The host, by the name that stands for its side of the network.
    const EchoServer server;
    CHECK(shell(box, "exec 3<>/dev/tcp/the-host/" + std::to_string(server.port) +
                         " && echo hello >&3 && head -1 <&3") == "hello\n");
    // What becomes of its interface.
    CHECK(interface.wait_for("up 10.0.2.15"));
    const auto set_flags = [&](const char* flags) {
      return shell(box,
                   "perl -e 'use Socket; socket(S, AF_INET, SOCK_DGRAM, 0); my $request = "
                   "pack(\"a16 s x22\", \"" +
                       interface.name() + "\", " + flags + "); ioctl(S, 0x8914, $request) or die'",
                   true);
    };
    CHECK(set_flags("0") == "");
    CHECK(interface.wait_for("down 10.0.2.15"));
    CHECK(set_flags("1") == "");
    CHECK(interface.wait_for("up 10.0.2.15"));
    check_features(box);
    box.stop();
    CHECK(test::e2fsck_complaints(volumes.image("apt").string()) == "");
    CHECK(test::debugfs(volumes.image("apt").string(), "cat /data/kept") == "kept\n");
    CHECK(volumes.list().at(0).in_use);
    CHECK(test::debugfs((host / "disk").string(), "cat /file") == "on disk\n");
    CHECK(test::debugfs((host / "far disk").string(), "cat /file") == "far away\n");
    CHECK(test::e2fsck_complaints((host / "far disk").string()) == "");
  }
}

TEST_CASE("mounts: folders over 9p, which Debian's generic kernel has as a module") {
  auto options = Demo::get().container_options();
  options.kernel = test::generic_kernel();
  const auto features = container::kernel_features(options.kernel).features;
  const auto plan9 = std::find_if(features.begin(), features.end(), [](const auto& status) {
    return status.feature == container::KernelFeature::plan9;
  });
  REQUIRE(plan9 != features.end());
  CHECK(plan9->support == container::KernelSupport::module);
  const fs::path host = Demo::get().folder() / "host9";
  write(host / "rw/a", "nine\n");
  write(host / "ro/b", "P\n");
  options.host_mounts = {
      {.path = host / "rw", .target = "/rw", .transport = vm::ShareTransport::plan9},
      {.path = host / "ro",
       .target = "/ro",
       .read_only = true,
       .transport = vm::ShareTransport::plan9},
      {.path = host / "ro/b", .target = "/one", .transport = vm::ShareTransport::virtiofs}};
  auto box = Container::create(options);
  box.start();
  CHECK(shell(box, "cat /rw/a /ro/b /one; echo out > /rw/c; grep -c ' 9p ' /proc/mounts") ==
        "nine\nP\nP\n2\n");
  CHECK(os::read_file(host / "rw/c", 1_MiB) == "out\n");
  shell(box, "mount -o remount,rw /ro; echo x > /ro/x", true);
  CHECK_FALSE(fs::exists(host / "ro/x"));
  box.stop();
}

TEST_CASE("mounts: what cannot be is told before anything starts") {
  auto options = Demo::get().container_options();
  const auto refused = [&](Errc code, std::initializer_list<std::string_view> words) {
    test::check_error(code, words, [&] { Container::create(options); });
    CHECK_FALSE(fs::exists(options.folder));
  };
  options.host_mounts = {{.path = "/nonexistent/folder", .target = "/x"}};
  refused(Errc::not_found, {"mount /nonexistent/folder"});
  options.host_mounts = {{.path = "/proc/version", .target = "/x"}};
  refused(Errc::failed_precondition, {"/proc/version", "two file systems"});
  options.host_mounts = {{.path = "/tmp", .target = "/x", .transport = vm::ShareTransport::plan9}};
  refused(Errc::unsupported, {"mount /tmp", "has no 9p (CONFIG_9P_FS)"});
  options.host_mounts = {};
  options.volume_mounts = {{.volume = "v", .target = "/x"}};
  refused(Errc::invalid_argument, {"volume v", "volumes_folder"});
}
