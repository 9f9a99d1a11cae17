// SPDX-License-Identifier: Apache-2.0
// How containers end, in order and not, and what is left of those that are kept.
#include <atomic>
#include <csignal>
#include <doctest/doctest.h>
#include <fstream>
#include <future>
#include <mutex>
#include <random>
#include <thread>
#include <unistd.h>

#include "container/boot.hpp"
#include "container/disk.hpp"
#include "os/child_process.hpp"
#include "support/demo.hpp"
#include "support/e2fsck.hpp"
#include "support/errors.hpp"

#include <vmkit/agent/port.hpp>
#include <vmkit/base/digest.hpp>
#include <vmkit/container/container.hpp>
#include <vmkit/container/record.hpp>
#include <vmkit/disk/image_file.hpp>
#include <vmkit/disk/snapshots.hpp>
#include <vmkit/disk/usage.hpp>
#include <vmkit/ext4/filesystem.hpp>
#include <vmkit/ext4/reader.hpp>

using namespace vmkit;
using namespace std::chrono_literals;
using container::Container;
using container::RecordState;
using test::check_error;
using test::Demo;

namespace {

std::string output_of(Container& box, const std::string& script) {
  auto process = box.exec({.args = {"sh", "-c", script}});
  std::string text;
  std::array<std::byte, 4096> buffer;
  while (const std::size_t count = process.stdout_source().read(buffer)) {
    text.append(reinterpret_cast<const char*>(buffer.data()), count);
  }
  CHECK(process.wait() == agent::ExitStatus{0, 0});
  return text;
}

container::ContainerRecord record_of(const std::filesystem::path& folder) {
  for (const auto& record : container::list_containers(folder.parent_path())) {
    if (record.folder == folder) return record;
  }
  FAIL("not listed: ", folder.string());
  return {};
}

/// A file of a disk that no machine has, its journal replayed.
std::string file_of(const std::filesystem::path& folder, const std::string& path) {
  auto disk = disk::ImageFile::open(folder / "disk.ext4", disk::ImageFile::Access::read_only);
  auto reader = ext4::Reader::open(disk);
  const auto inode = reader.resolve(path);
  REQUIRE(inode);
  std::string text(reader.stat(*inode).size, '\0');
  CHECK(reader.read(*inode, 0, std::as_writable_bytes(std::span(text))) == text.size());
  return text;
}

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

void make_machine_id(const std::filesystem::path& folder, const std::string& id) {
  auto disk = disk::ImageFile::open(folder / "disk.ext4", disk::ImageFile::Access::read_write);
  auto files = ext4::Filesystem::open(disk);
  auto writer = files.make_file(files.resolve("/etc").value(), "machine-id", {.permissions = 0644});
  writer.write(std::as_bytes(std::span(id)));
  writer.finish();
  files.commit();
}

/// A stream that can be cut under whoever has it, also in the middle of what is being written.
class Wire {
 public:
  void cut() {
    const std::lock_guard lock(mutex_);
    if (stream_ == nullptr) return;
    stream_->close();
    ++cuts_;
  }
  void tear() { tear_ = true; }
  int cuts() {
    const std::lock_guard lock(mutex_);
    return cuts_;
  }
  std::unique_ptr<Stream> lead(std::unique_ptr<Stream> stream) {
    const std::lock_guard lock(mutex_);
    stream_ = stream.get();
    return std::make_unique<End>(*this, std::move(stream));
  }

 private:
  class End final : public Stream {
   public:
    End(Wire& wire, std::unique_ptr<Stream> stream) : wire_(wire), stream_(std::move(stream)) {}
    ~End() override {
      const std::lock_guard lock(wire_.mutex_);
      if (wire_.stream_ == stream_.get()) wire_.stream_ = nullptr;
    }
    std::size_t read(std::span<std::byte> buffer) override { return stream_->read(buffer); }
    void write(std::span<const std::byte> data) override {
      if (data.size() < 1000 || !wire_.tear_.exchange(false)) return stream_->write(data);
      stream_->write(data.first(data.size() / 2));
      wire_.cut();
    }
    void close_write() override { stream_->close_write(); }
    void close() noexcept override { stream_->close(); }

   private:
    Wire& wire_;
    std::unique_ptr<Stream> stream_;
  };

  std::mutex mutex_;
  Stream* stream_ = nullptr;
  int cuts_ = 0;
  std::atomic<bool> tear_{false};
};

/// A machine with a container of the demo image in it, and nobody who talks to its agent.
struct BareMachine {
  container::ContainerOptions options = [] {
    auto made = Demo::get().container_options();
    made.hostname = "bare";
    return made;
  }();
  container::Folder folder{options.folder};
  vm::Machine machine = [this] {
    container::Timeline timeline;
    container::prepare_disk(options, folder.disk(), timeline, {});
    return options.backend->create(container::machine_config(options, folder));
  }();
};

}  // namespace

TEST_CASE("kept: stopped in order, opened again, crashed by the guest, by the backend, removed") {
  auto options = Demo::get().container_options();
  options.keep = true;
  options.hostname = "keeper";
  options.isolation.privileged = true;  // may crash its kernel
  const auto folder = options.folder;
  const std::string id_of_image(32, 'a');
  std::string id;
  {
    auto box = Container::create(options);
    CHECK(record_of(folder).state == RecordState::created);
    make_machine_id(folder, id_of_image);
    box.start();
    id = output_of(box, "cat /etc/machine-id");
    CHECK(id.size() == 33);
    CHECK(id != id_of_image + "\n");
    const auto record = record_of(folder);
    CHECK(record.state == RecordState::running);
    CHECK(record.name == "keeper");
    CHECK(record.image == options.image.descriptor.digest.to_string());
    CHECK(record.kept);
    CHECK(record.in_use);
    check_error(Errc::failed_precondition, {"keeper", "started before", "running"},
                [&] { box.start(); });
    check_error(Errc::unavailable, {folder.string(), "in use"}, [&] { Container::open(options); });

    // It is asked to end, has its time, and what it writes then is on the disk.
    auto process = box.exec({.args = {"sh", "-c",
                                      "trap 'sleep 0.3; echo bye >/bye; exit 0' TERM; echo; "
                                      "while :; do sleep 0.1; done"}});
    std::byte first;
    REQUIRE(process.stdout_source().read({&first, 1}) == 1);
    box.stop();
    CHECK(box.wait().reason == vm::MachineEventReason::guest_stopped);
    CHECK(record_of(folder).state == RecordState::ended);
    CHECK(record_of(folder).reason == "guest_stopped");
  }
  CHECK_FALSE(record_of(folder).in_use);
  CHECK(file_of(folder, "/bye") == "bye\n");
  CHECK(test::e2fsck_complaints((folder / "disk.ext4").string()) == "");
  CHECK(Container::remove_abandoned(folder.parent_path()) == 0);
  {
    auto box = Container::open(options);
    box.start();
    CHECK(output_of(box, "cat /bye; echo synced >/synced; sync") == "bye\n");
    CHECK(output_of(box, "cat /etc/machine-id") == id);
    auto killer = box.exec({.args = {"sh", "-c", "echo c >/proc/sysrq-trigger"}});
    CHECK(box.wait().reason == vm::MachineEventReason::guest_crashed);
    CHECK(record_of(folder).reason.starts_with("guest_crashed: "));
  }
  CHECK(file_of(folder, "/synced") == "synced\n");
  {
    options.hostname = {};
    options.names.machine_id = "image";
    auto box = Container::open(options);
    box.start();
    CHECK(output_of(box, "cat /etc/machine-id; echo; hostname") == id_of_image + "\nkeeper\n");
    CHECK(output_of(box, "cat /bye /synced; echo more >/more; sync") == "bye\nsynced\n");
    ::kill(static_cast<pid_t>(box.diagnostics().process_id.value()), SIGKILL);
    CHECK(box.wait().reason == vm::MachineEventReason::failed);
    CHECK(record_of(folder).reason.starts_with("failed: "));
  }
  CHECK(file_of(folder, "/more") == "more\n");
  Container::open(options).remove();
  CHECK_FALSE(std::filesystem::exists(folder));
  check_error(Errc::not_found, {folder.string(), "container"}, [&] { Container::open(options); });
}

TEST_CASE("kept: a host application that is killed leaves a container that can be gone on with") {
  auto options = Demo::get().container_options();
  options.keep = true;
  {
    os::DescriptorPair pipe = os::make_pipe();
    auto owner = os::ChildProcess::spawn(
        {.arguments = {VMKIT_TEST_CONTAINER_OWNER, options.store.root().string(),
                       Demo::get().reference(), options.kernel.image.string(),
                       options.kernel.modules.string(), options.folder.string()},
         .stdout_fd = pipe.second.get()});
    pipe.second.reset();
    char line[32] = {};
    REQUIRE(::read(pipe.first.get(), line, sizeof line - 1) > 0);
    const pid_t machine = std::stoi(line);
    CHECK(record_of(options.folder).state == RecordState::running);
    owner.kill(SIGKILL);
    owner.wait();
    for (int i = 0; i < 1000 && ::kill(machine, 0) == 0; ++i) std::this_thread::sleep_for(10ms);
    CHECK(::kill(machine, 0) != 0);
  }
  const auto record = record_of(options.folder);
  CHECK(record.state == RecordState::abandoned);
  CHECK(record.name == "owned");
  CHECK_FALSE(record.in_use);
  auto box = Container::open(options);
  box.start();
  CHECK(output_of(box, "cat /data") == "mine\n");
  box.remove();
  CHECK_FALSE(std::filesystem::exists(options.folder));
}

TEST_CASE("running: its events in order, its clock, its seed, its memory") {
  auto options = Demo::get().container_options();
  // Nothing but the host's seed makes the guest's random numbers good.
  options.kernel.command_line =
      "random.trust_cpu=off random.trust_bootloader=off module_blacklist=virtio_rng";
  options.clock_interval = 200ms;
  options.balloon = true;
  options.isolation.privileged = true;  // may set the clock
  auto box = Container::create(options);
  std::mutex mutex;
  std::vector<container::ContainerEvent> events;
  const auto subscription = box.on_event([&](const container::ContainerEvent& event) {
    const std::lock_guard lock(mutex);
    events.push_back(event);
    throw Error(Errc::internal, "of the handler's own");
  });
  int others = 0;
  {
    const auto ended = box.on_event([&](const container::ContainerEvent&) { ++others; });
  }
  box.start();
  CHECK(box.exec({.args = {"sh", "-c", "exit 7"}}).wait() == agent::ExitStatus{7, 0});

  // Clock and seed.
  const auto difference = [&] {
    return std::abs(std::stod(output_of(box, "date +%s.%N")) - seconds_now());
  };
  CHECK(output_of(box, "cat /proc/sys/kernel/random/entropy_avail") == "256\n");
  CHECK(difference() < 1.5);
  output_of(box, "date -s 2001-01-01");
  for (int i = 0; i < 50 && difference() > 1.5; ++i) std::this_thread::sleep_for(100ms);
  CHECK(difference() < 1.5);
  box.pause();
  CHECK(box.state() == vm::MachineState::paused);
  std::this_thread::sleep_for(2500ms);
  box.resume();
  CHECK(difference() < 1.5);

  // Memory, taken back and given again.
  const auto all = box.machine_statistics();
  CHECK(all.guest_memory == options.memory);
  CHECK(all.cpu_time > 100ms);
  CHECK(all.resident_memory > 64_MiB);
  const auto reaches = [&](ByteSize target) {
    box.set_memory_target(target);
    for (int i = 0; i < 200; ++i) {
      if (box.machine_statistics().guest_memory == target) return true;
      std::this_thread::sleep_for(50ms);
    }
    return false;
  };
  const auto available = [&] {
    return std::stoull(output_of(box, "sed -n 's/^MemAvailable: *//p' /proc/meminfo"));
  };
  const auto before = available();
  CHECK(reaches(256_MiB));
  CHECK(available() < before - 128 * 1024);
  CHECK(reaches(options.memory));
  CHECK(available() > before - 64 * 1024);

  box.stop();
  box.wait();
  const std::lock_guard lock(mutex);
  std::string types;
  // Whether the channel's end is noticed before the machine's is a matter of luck.
  std::erase_if(events, [](const auto& event) {
    return event.type == "connection_lost" ||
           (event.type == "exit" && event.attributes.at("code") == "0");
  });
  for (const auto& event : events) types += event.type + " ";
  REQUIRE(types == "starting started ready exit paused resumed ended ");
  CHECK(events[3].attributes.at("code") == "7");
  CHECK(events[6].attributes.at("reason") == "guest_stopped");
  CHECK(others == 0);
}

TEST_CASE("disks: cloned under a container that writes; trimmed; thawed by themselves") {
  auto options = Demo::get().container_options();
  const auto copy = options.folder.string() + ".copy";
  auto box = Container::create(options);
  box.start();
  auto writer = box.exec({.args = {"sh", "-c",
                                   "i=0; while :; do i=$((i + 1)); echo $i >/count.new; "
                                   "mv /count.new /count; cp /bin/ls /copy; rm /copy; done"}});
  while (output_of(box, "cat /count || echo 0") == "0\n") std::this_thread::sleep_for(10ms);
  box.clone_disk(copy);
  CHECK(test::e2fsck_complaints(copy) == "");
  const int there = std::stoi(output_of(box, "cat /count"));
  check_error(Errc::already_exists, {copy}, [&] { box.clone_disk(copy); });
  box.snapshot_disk("live");
  const auto snapshots = disk::Snapshots(options.folder / "disk.ext4").list();
  REQUIRE(snapshots.size() == 1);
  CHECK(test::e2fsck_complaints(snapshots[0].path.string()) == "");
  check_error(Errc::already_exists, {"live"}, [&] { box.snapshot_disk("live"); });
  // Given up before, while and after the disk is frozen.
  for (const auto limit : {0ms, 1ms, 4ms, 16ms}) {
    const auto other = copy + "." + std::to_string(limit.count());
    try {
      box.clone_disk(other, disk::CloneMode::prefer_cow, CallOptions{}.with_timeout(limit));
    } catch (const Error& error) {
      CHECK(error.code() == Errc::timeout);
      CHECK_FALSE(std::filesystem::exists(other));
    }
  }
  // Each time it went on.
  while (std::stoi(output_of(box, "cat /count")) <= there) std::this_thread::sleep_for(10ms);
  writer.signal("KILL");
  writer.wait();
  output_of(box, "dd if=/dev/urandom of=/much bs=1M count=24 status=none; sync; rm /much; sync");
  const std::filesystem::path disks[] = {options.folder / "disk.ext4"};
  const auto allocated = [&] { return disk::usage(disks).total; };
  const auto before = allocated();
  CHECK(box.trim() > 24_MiB);
  CHECK(allocated() + 20_MiB < before);
}

/// What a client that forgets its disks leaves behind is undone by the guest.
void freeze_and_forget(agent::Client& client) {
  const auto told = std::make_shared<std::atomic<bool>>(false);  // the handler stays
  client.on_event([told](const agent::GuestEvent& event) {
    if (event.type == "thawed") *told = true;
  });
  check_error(Errc::failed_precondition, {"not frozen"}, [&] { client.thaw(); });
  client.freeze(500ms);
  const auto start = std::chrono::steady_clock::now();
  check_error(Errc::failed_precondition, {"already"}, [&] { client.freeze(1s); });
  auto writer = client.spawn({.args = {"/bin/sh", "-c", "echo x >/file"}});
  CHECK(writer.wait() == agent::ExitStatus{0, 0});
  CHECK(std::chrono::steady_clock::now() - start > 400ms);
  for (int i = 0; i < 500 && !*told; ++i) std::this_thread::sleep_for(10ms);
  CHECK(*told);
}

TEST_CASE("bare: disks frozen by a client that forgets them; a channel that is cut under load") {
  BareMachine bare;
  bare.machine.start();
  Wire wire;
  auto client = agent::Client::connect(
      [&](const CallOptions& call) {
        return wire.lead(bare.machine.open_port(agent::port_name, call));
      },
      {}, CallOptions{}.with_timeout(60s));
  check_error(Errc::failed_precondition, {"no disks"}, [&] { client.freeze(1s); });
  check_error(Errc::failed_precondition, {"no container yet"},
              [&] { client.files().read("/etc/passwd", 1_MiB, CallOptions{}.with_timeout(20s)); });
  client.create_container({.root = {.serial = container::root_disk_identifier}});
  freeze_and_forget(client);

  // Cut at random under load, nothing is lost or doubled and the client goes on.
  const auto all_of = [](agent::ProcessOutput& output) {
    std::string text;
    std::vector<std::byte> buffer(65536);
    while (const auto count = output.read(buffer, CallOptions{}.with_timeout(60s))) {
      text.append(reinterpret_cast<const char*>(buffer.data()), count);
    }
    return text;
  };
  std::string numbers;
  for (int i = 1; i <= 120'000; ++i) numbers += std::to_string(i) + "\n";

  std::atomic<bool> done{false};
  std::thread cutter([&] {
    std::mt19937 random(7);
    while (!done) {
      std::this_thread::sleep_for(std::chrono::milliseconds(random() % 60));
      if (random() % 2 == 0) {
        wire.cut();
      } else {
        wire.tear();
      }
    }
  });
  std::vector<std::future<bool>> workers;
  for (int i = 0; i < 3; ++i) {
    workers.push_back(std::async(std::launch::async, [&] {
      auto process = client.spawn({.args = {"seq", "120000"}});
      const bool same = all_of(process.stdout_source()) == numbers;
      return same && process.wait(CallOptions{}.with_timeout(60s)) == agent::ExitStatus{0, 0};
    }));
  }
  workers.push_back(std::async(std::launch::async, [&] {
    auto process = client.spawn({.args = {"cat"}, .stdin_mode = agent::Stdio::pipe});
    auto output = std::async(std::launch::async, [&] { return all_of(process.stdout_source()); });
    process.stdin_sink().write(std::as_bytes(std::span(numbers)), CallOptions{}.with_timeout(60s));
    process.stdin_sink().close();
    const std::string text = output.get();
    return text == numbers && process.wait(CallOptions{}.with_timeout(60s)).exited();
  }));
  workers.push_back(std::async(std::launch::async, [&] {  // requests, each once
    for (int i = 1; i <= 30; ++i) {
      auto process = client.spawn({.args = {"sh", "-c", "echo $0 >>/requests", std::to_string(i)}});
      if (!process.wait(CallOptions{}.with_timeout(60s)).exited()) return false;
    }
    auto process = client.spawn({.args = {"cat", "/requests"}});
    const bool once =
        all_of(process.stdout_source()) == numbers.substr(0, numbers.find("\n31\n") + 1);
    return once && process.wait(CallOptions{}.with_timeout(60s)).exited();
  }));
  for (std::size_t i = 0; i < workers.size(); ++i) {
    CAPTURE(i);
    CHECK(workers[i].get());
  }
  done = true;
  cutter.join();
  MESSAGE(wire.cuts() << " cuts");
  CHECK(wire.cuts() >= 10);
  CHECK(client.processes(CallOptions{}.with_timeout(60s)).empty());
  CHECK_FALSE(client.failure());

  // Frozen again, the machine still ends: who waits for a disk cannot be killed.
  client.freeze(60s);
  auto stuck = client.spawn({.args = {"/bin/sh", "-c", "echo x >/file"}});
  client.power_off();
  CHECK(bare.machine.wait(CallOptions{}.with_timeout(20s)).reason ==
        vm::MachineEventReason::guest_stopped);
}

TEST_CASE("kept: what is no container's folder, or not kept, is not opened") {
  auto options = Demo::get().container_options();
  std::filesystem::create_directories(options.folder);
  std::ofstream(options.folder / "mine") << "x";
  options.keep = true;
  check_error(Errc::not_found, {options.folder.string()}, [&] { Container::open(options); });
  CHECK(std::filesystem::exists(options.folder / "mine"));
}
