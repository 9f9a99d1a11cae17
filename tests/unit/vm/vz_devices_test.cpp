// SPDX-License-Identifier: Apache-2.0
// What can be asked of a machine of Virtualization.framework while it runs, and what it is kept by,
// on a fake of the framework.
#include <fcntl.h>
#include <sys/socket.h>
#include <vector>

#include "os/descriptor.hpp"
#include "vz_lab.hpp"

namespace {

CallOptions within(std::chrono::milliseconds time) {
  return CallOptions().with_timeout(time);
}

/// Names in the lab's folder that a save or a restore could have left.
std::string leftovers(const Lab& lab) {
  std::string names;
  for (const auto& entry : std::filesystem::directory_iterator(lab.folder.path())) {
    const std::string name = entry.path().filename();
    if (name.find("vmkit-") != std::string::npos) names += name + " ";
  }
  return names;
}

void append(const std::filesystem::path& file, const std::string& text) {
  std::ofstream(file, std::ios::binary | std::ios::app) << text;
}

}  // namespace

TEST_CASE("vz: the firmware's variables are made once, and kept") {
  Lab lab;
  MachineConfig config = lab.config();
  config.boot = {};
  config.firmware = Firmware{lab.folder.path() / "variables"};
  for (const char* content : {"", "kept"}) {
    Machine machine = lab.backend->create(config);
    machine.start();
    CHECK(std::filesystem::file_size(config.firmware->variable_store) ==
          std::string(content).size());
    lab.write("variables", "kept");
  }
  config.firmware->variable_store = lab.folder.path() / "none" / "variables";
  Machine machine = lab.backend->create(config);
  const Error error = error_of([&] { machine.start(); });
  CHECK(error.code() == Errc::not_found);
  CHECK(contains(error, "variable store " + config.firmware->variable_store.string()));
}

TEST_CASE("vz: a machine's identifier is the framework's") {
  Lab lab;
  CHECK(lab.backend->new_machine_identifier() != lab.backend->new_machine_identifier());
  MachineConfig config = lab.config();
  config.machine_identifier = "YWJj";
  Machine machine = lab.backend->create(config);
  const Error error = error_of([&] { machine.start(); });
  CHECK(error.code() == Errc::invalid_argument);
  CHECK(contains(error, "machine identifier: the framework does not know this one as its own"));
}

TEST_CASE("vz: networks that cannot be made") {
  Lab lab;
  fake_vz::world().macos_major = 26;
  MachineConfig config = lab.config();
  const auto start_error = [&](const Network& network) {
    config.networks = {{}, network};
    Machine machine = lab.backend->create(config);
    return error_of([&] { machine.start(); });
  };
  const Error unknown = start_error({.kind = NetworkKind::bridged, .interface = "en7"});
  CHECK(unknown.code() == Errc::not_found);
  CHECK(contains(unknown,
                 "networks[1]: this Mac has no interface en7 to bridge to; expected one "
                 "of: en0, en1"));
  const Network own{.subnet = "192.168.77.0/24"};
  {
    config.networks = {own};
    Machine first = lab.backend->create(config);
    first.start();
    const Error taken = start_error(own);
    CHECK(taken.code() == Errc::unavailable);
    CHECK(contains(taken, "networks[1]: vmnet: make a network: it failed; is the subnet in use"));
  }
  CHECK(contains(start_error(own), "no error"));  // free again
  fake_vz::world().vmnet = 1010;
  const Error forbidden = start_error({.kind = NetworkKind::host_only});
  CHECK(forbidden.code() == Errc::permission_denied);
  CHECK(contains(forbidden, "vmnet: configure a network: it is not allowed (1010)"));

  const os::DescriptorPair stream = os::make_socket_pair();
  const Error kind =
      start_error({.kind = NetworkKind::descriptor, .descriptor = stream.first.get()});
  CHECK(kind.code() == Errc::invalid_argument);
  CHECK(contains(kind, "networks[1].descriptor: expected a datagram socket"));
  CHECK(contains(start_error({.kind = NetworkKind::descriptor, .descriptor = 99999}),
                 "networks[1].descriptor"));

  fake_vz::world().may_bridge = false;
  config.networks = {{.kind = NetworkKind::bridged, .interface = "en0"}};
  CHECK(contains(error_of([&] { lab.backend->create(config); }),
                 "networks[0].kind: the program lacks the entitlement com.apple.vm.networking"));
  CHECK(
      lab.backend->capabilities(Architecture::arm64).status(Feature::bridged_networks).limitation ==
      Limitation::no_permission);
}

TEST_CASE("vz: a network's descriptor is borrowed, and the machine's copy goes with it") {
  Lab lab;
  int ends[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) == 0);
  const os::Descriptor ours(ends[0]);
  MachineConfig config = lab.config();
  config.networks = {{.kind = NetworkKind::descriptor, .descriptor = ends[1], .mtu = 4000}};
  { lab.backend->create(config).start(); }
  CHECK(::fcntl(ends[1], F_GETFD) >= 0);  // still ours
  config.boot_watchdog = 20ms;
  std::atomic<int> boots{0};
  fake_vz::world().boot = [&](const std::shared_ptr<Guest>& guest) {
    if (++boots == 2) guest->write_console("hello\n");
  };
  Machine machine = lab.backend->create(config);
  machine.start();
  ::close(ends[1]);
  CHECK(eventually([&] { return machine.console_tail(1).size() == 1; }));  // of the second boot
  CHECK(fake_vz::last_configuration().find("maximumTransmissionUnit=4000") != std::string::npos);
  CHECK(::send(ours.get(), "frame", 5, MSG_NOSIGNAL) == 5);
  machine = lab.backend->create(lab.config());
  CHECK(fake_vz::living_objects() == 0);
  CHECK(::send(ours.get(), "frame", 5, MSG_NOSIGNAL) == -1);
}

TEST_CASE("vz: a network of one's own subnet has known addresses") {
  Lab lab;
  MachineConfig config = lab.config();
  config.networks = {{},
                     {.mac = "52:54:00:00:00:01", .subnet = "10.9.0.0/16"},
                     {.kind = NetworkKind::host_only, .subnet = "10.8.0.0/24"},
                     {.subnet = "10.7.0.0/16", .addressing = Addressing::dhcp}};
  const auto addresses = lab.backend->network_addresses(config);
  REQUIRE(addresses.size() == 4);
  CHECK_FALSE(addresses[0]);
  REQUIRE(addresses[1]);
  CHECK(addresses[1]->mac == "52:54:00:00:00:01");
  CHECK(addresses[1]->address == "10.9.0.2");
  CHECK(addresses[1]->prefix_length == 16);
  CHECK(addresses[1]->gateway == "10.9.0.1");
  CHECK(addresses[1]->dns == std::vector<std::string>{"10.9.0.1"});
  CHECK_FALSE(addresses[2]);
  CHECK_FALSE(addresses[3]);
}

TEST_CASE("vz: a disk's server that is lost for good is told") {
  Lab lab;
  MachineConfig config = lab.config();
  config.disks = {{.path = lab.folder.path() / "disk"}, {.nbd = "nbd://host/a"}};
  Machine machine = lab.backend->create(config);
  Events events(machine);
  machine.start();
  last_guest()->lose_disk(1);
  CHECK(eventually(
      [&] { return events.lost() == "disk nbd://host/a: The server is gone. (VZErrorDomain 7)"; }));
  CHECK(machine.state() == MachineState::running);
}

TEST_CASE("vz: the guest connects to the host") {
  Lab lab;
  MachineConfig config = lab.config();
  Machine deaf = lab.backend->create(config);
  deaf.start();
  CHECK(contains(error_of([&] { deaf.listen_vsock(9); }), "set MachineConfig::vsock"));
  deaf.kill();
  config.vsock = true;
  std::unique_ptr<VsockListener> kept;
  std::unique_ptr<Stream> stream;
  {
    Machine machine = lab.backend->create(config);
    CHECK(error_of([&] { machine.listen_vsock(9); }).code() == Errc::failed_precondition);
    machine.start();
    const auto guest = last_guest();
    CHECK(guest->connect(9) == -1);
    const int objects = fake_vz::living_objects();
    auto listener = machine.listen_vsock(9);
    CHECK(error_of([&] { listener->accept(within(5ms)); }).code() == Errc::timeout);
    const Error twice = error_of([&] { machine.listen_vsock(9); });
    CHECK(twice.code() == Errc::already_exists);
    CHECK(contains(twice, "machine m: listen on vsock port 9: there is a listener already"));
    const os::Descriptor end(guest->connect(9));
    stream = listener->accept();
    write_text(*stream, "hello");
    CHECK(read_fd(end.get(), 5) == "hello");
    CHECK(::write(end.get(), "back", 4) == 4);
    CHECK(read_some(*stream) == "back");

    // As many as wait, and no more; the listener's end lets them go.
    std::vector<os::Descriptor> waiting;
    for (int i = 0; i < 32; ++i) waiting.emplace_back(guest->connect(9));
    CHECK(waiting.back());
    CHECK(guest->connect(9) == -1);
    listener.reset();
    CHECK(read_fd(waiting.front().get(), 1).empty());
    CHECK(eventually([&] { return fake_vz::living_objects() == objects + 1; }));  // the stream's
    CHECK(guest->connect(9) == -1);
    listener = machine.listen_vsock(9);  // the port is free at once
    waiting.emplace_back(guest->connect(9));
    CHECK(waiting.back());
    CHECK(listener->accept() != nullptr);

    StopSource stop;
    std::thread stopper([&] {
      std::this_thread::sleep_for(5ms);
      stop.request_stop();
    });
    CallOptions options;
    options.stop = stop.token();
    CHECK(error_of([&] { listener->accept(options); }).code() == Errc::cancelled);
    stopper.join();

    kept = machine.listen_vsock(10);
    Error ended(Errc::internal, "none");
    std::thread acceptor([&] { ended = error_of([&] { kept->accept(); }); });
    machine.kill();
    acceptor.join();
    CHECK(ended.code() == Errc::unavailable);
    CHECK(contains(ended, "machine m: listen on vsock port 10: accept: nobody listens any more"));
  }
  CHECK(error_of([&] { kept->accept(); }).code() == Errc::unavailable);
  kept.reset();
  CHECK(fake_vz::living_objects() == 1);  // the stream's connection
  stream.reset();
}

TEST_CASE("vz: a share shows another folder") {
  Lab lab;
  MachineConfig config = lab.config();
  config.shares = {{.tag = "a", .path = lab.folder.path() / "share"},
                   {.tag = "b", .path = lab.folder.path()}};
  config.rosetta = true;
  Machine machine = lab.backend->create(config);
  const auto path = lab.folder.path().string();
  const auto change = [&](const Share& share) {
    return error_of([&] { machine.set_share(share); });
  };
  CHECK(change({.tag = "a", .path = path}).code() == Errc::failed_precondition);
  machine.start();
  CHECK(last_guest()->share("a") == path + "/share NO");
  machine.set_share({.tag = "a", .path = path, .read_only = true});
  CHECK(last_guest()->share("a") == path + " YES");
  CHECK(last_guest()->share("b") == path + " NO");
  CHECK(machine.config().shares[0].path == path + "/share");
  CHECK(change({.tag = "c", .path = path}).code() == Errc::not_found);
  CHECK(change({.tag = "rosetta", .path = path}).code() == Errc::not_found);
  CHECK(change({.tag = "a", .path = path + "/none"}).code() == Errc::not_found);
  CHECK(change({.tag = "a", .path = path + "/disk"}).code() == Errc::invalid_argument);
  CHECK(change({.tag = "a", .path = "/a\nb"}).code() == Errc::invalid_argument);
  CHECK(change({.tag = "a", .path = path, .transport = ShareTransport::plan9}).code() ==
        Errc::invalid_argument);
  CHECK(last_guest()->share("a") == path + " YES");
}

TEST_CASE("vz: disks are plugged in and pulled out") {
  Lab lab;
  MachineConfig config = lab.config();
  config.disks = {{.path = lab.folder.path() / "disk", .identifier = "root"}};
  const Disk usb{.path = lab.folder.path() / "usb", .device = DiskDevice::usb, .identifier = "x"};
  {
    Machine bare = lab.backend->create(config);
    bare.start();
    CHECK(contains(error_of([&] { bare.attach_disk(usb); }), "set MachineConfig::usb_controller"));
  }
  config.usb_controller = true;
  const int before = fake_vz::living_objects();
  Machine machine = lab.backend->create(config);
  const auto attach = [&](const std::function<void(Disk&)>& change) {
    Disk disk = usb;
    change(disk);
    return error_of([&] { machine.attach_disk(disk); });
  };
  CHECK(attach([](Disk&) {}).code() == Errc::failed_precondition);
  machine.start();
  const auto guest = last_guest();
  const auto detach = [&](const char* name) {
    return error_of([&] { machine.detach_disk(name); });
  };

  CHECK(attach([](Disk& disk) { disk.device = DiskDevice::virtio; }).code() ==
        Errc::invalid_argument);
  CHECK(
      contains(attach([](Disk& disk) { disk.identifier = ""; }), "a USB disk with an identifier"));
  CHECK(contains(attach([](Disk& disk) { disk.identifier = "root"; }),
                 "identifier: 'root' is that of disks[0] already"));
  CHECK(attach([&](Disk& disk) { disk.path = config.disks[0].path; }).code() ==
        Errc::invalid_argument);
  CHECK(attach([](Disk& disk) { disk.path += "-none"; }).code() == Errc::not_found);
  CHECK(detach("x").code() == Errc::not_found);
  CHECK(guest->attached_disks() == 0);

  const int without = fake_vz::living_objects();
  machine.attach_disk(usb);
  CHECK(guest->attached_disks() == 1);
  CHECK(attach([](Disk& disk) { disk.identifier = "y"; }).code() == Errc::failed_precondition);
  CHECK(attach([&](Disk& disk) { disk.path = lab.folder.path() / "nvme"; }).code() ==
        Errc::already_exists);
  machine.detach_disk("x");
  CHECK(guest->attached_disks() == 0);
  CHECK(fake_vz::living_objects() == without);
  machine.attach_disk(usb);  // free, and its name as well

  SUBCASE("the framework refuses") {
    fake_vz::world().detach = {"VZErrorDomain", 30004, "The device was not found."};
    const Error error = detach("x");
    CHECK(error.code() == Errc::not_found);
    CHECK(contains(error, "machine m: detach disk x: detach: The device was not found."));
    fake_vz::world().detach = {};
    machine.detach_disk("x");
    fake_vz::world().attach = {"VZErrorDomain", 30003, "The device could not be initialized."};
    CHECK(attach([](Disk&) {}).code() == Errc::io);
    fake_vz::world().attach = {};
    machine.attach_disk(usb);
  }
  SUBCASE("the framework takes its time") {
    machine.detach_disk("x");
    fake_vz::world().attach_hangs = true;
    CHECK(error_of([&] { machine.attach_disk(usb, within(5ms)); }).code() == Errc::timeout);
    SUBCASE("and answers") {
      fake_vz::world().attach_hangs = false;
      CHECK(eventually([&] { return detach("x").code() == Errc::internal; }));
    }
    SUBCASE("and the machine is let go meanwhile") {
      const auto begin = std::chrono::steady_clock::now();
      machine.kill();
      CHECK(std::chrono::steady_clock::now() - begin < 10s);  // it does not wait for the answer
      fake_vz::world().attach_hangs = false;
    }
  }
  SUBCASE("the guest ends with a disk in it") {
    guest->power_off();
    machine.wait();
    CHECK(detach("x").code() == Errc::failed_precondition);
    Machine next = lab.backend->create(config);
    next.start();
    next.attach_disk(usb);
  }
  SUBCASE("macOS 14") {
    fake_vz::world().macos_major = 14;
    Machine old = lab.backend->create(lab.config());
    CHECK(lab.backend->capabilities(Architecture::arm64).status(Feature::disk_hotplug).limitation ==
          Limitation::too_old);
    CHECK(contains(error_of([&] { lab.backend->create(config); }),
                   "usb_controller: expected macOS 15 or later, found 14.1"));
  }
  machine.kill();
  machine = lab.backend->create(lab.config());
  CHECK(fake_vz::living_objects() == before);
}

TEST_CASE("vz: a machine is saved, and another goes on from there") {
  Lab lab;
  const auto file = lab.folder.path() / "saved";
  MachineConfig config = lab.config();
  config.ports = {{"agent"}};
  config.networks = {{}, {}};
  config.disks = {{.path = lab.folder.path() / "disk"}};
  std::string identity;
  {
    Machine machine = lab.backend->create(config);
    machine.start();
    identity = fake_vz::last_configuration();
    CHECK(error_of([&] { machine.save(file); }).code() == Errc::failed_precondition);
    machine.pause();
    machine.save(file);
    CHECK(machine.state() == MachineState::paused);
    CHECK((std::filesystem::status(file).permissions() & std::filesystem::perms(077)) ==
          std::filesystem::perms::none);
    CHECK(leftovers(lab).empty());
    const Error again = error_of([&] { machine.save(file); });
    CHECK(again.code() == Errc::already_exists);
    CHECK(contains(again, "machine m: save " + file.string() + ": there is a file of that name"));
    machine.resume();
  }
  const auto restore = [&](const MachineConfig& other) {
    Machine machine = lab.backend->create(other);
    return error_of([&] { machine.restore(file); });
  };
  MachineConfig clone = config;
  clone.name = "clone";
  clone.disks[0].path = lab.folder.path() / "nvme";
  clone.boot_watchdog = 20ms;
  {
    Machine machine = lab.backend->create(clone);
    Events events(machine);
    machine.restore(file);
    CHECK(machine.state() == MachineState::paused);
    CHECK(last_guest()->is_paused());
    // It is the same machine, with the same addresses, on another disk.
    std::string expected = identity;
    expected.replace(expected.find(config.disks[0].path), config.disks[0].path.native().size(),
                     clone.disks[0].path);
    CHECK(fake_vz::last_configuration() == expected);
    machine.resume();
    CHECK(machine.state() == MachineState::running);
    std::this_thread::sleep_for(40ms);  // it need not speak again
    CHECK(machine.diagnostics().boot_attempts == 1);
    auto port = machine.open_port("agent");
    write_text(*port, "x");
    CHECK(read_fd(last_guest()->port(0), 1) == "x");
    CHECK(events.reasons() == "start_requested restored resumed");
  }
  CHECK(leftovers(lab).empty());

  MachineConfig other = clone;
  other.memory = 256_MiB;
  const Error differs = restore(other);
  CHECK(differs.code() == Errc::invalid_argument);
  CHECK(contains(differs, "memory: expected nothing or the default, as it was saved, found 268"));
  fake_vz::world().restore = {"VZErrorDomain", 12, "Permission denied."};
  const Error foreign = restore(clone);
  CHECK(foreign.code() == Errc::unsupported);
  CHECK(contains(foreign, "machine clone: restore: Permission denied. (VZErrorDomain 12)"));
  fake_vz::world().restore = {};
  append(file, "x");
  CHECK(restore(clone).code() == Errc::data_corruption);
  std::filesystem::remove(file);
  CHECK(restore(clone).code() == Errc::not_found);
  CHECK(leftovers(lab).empty());
}

TEST_CASE("vz: files that are no saved machines of this backend") {
  Lab lab;
  const auto tail = [](const std::string& json) {
    std::string text = "state" + json;
    for (std::size_t i = 0; i < 4; ++i) text += static_cast<char>(json.size() >> (8 * i) & 0xff);
    return text + "vmkit vz state 1";
  };
  const std::string machine = R"({"architecture": "arm64", "schema": 1})";
  const std::string whole =
      R"({"machine": )" + machine + R"(, "identifier": "YWJj", "addresses": []})";
  const std::string long_length = "\xff\xff\xff\xffvmkit vz state 1";
  struct Row {
    std::string content;
    const char* message;
  };
  for (const Row& row : std::vector<Row>{
           {"", "expected a file that Machine::save has written with this backend"},
           {"vmkit machine 1\n", "has written with this backend"},
           {long_length, "its tail is too long"},
           {tail("[]"), "its tail is no JSON object"},
           {tail("{"), "its tail is no JSON object"},
           {tail(R"({"machine": {}, "identifier": 5, "addresses": []})"), "no JSON object"},
           {tail(std::string(99, '[')), "nested too deeply"},
           {tail(R"({"machine": )" + machine + R"(, "identifier": "?", "addresses": []})"),
            "machine_identifier: expected base64"},
           {tail(R"({"machine": )" + machine + R"(, "identifier": "", "addresses": ["x"]})"),
            "not one address for each network"}}) {
    Machine created = lab.backend->create(lab.config());
    const auto file = lab.write("saved", row.content);
    const Error error = error_of([&] { created.restore(file); });
    CAPTURE(row.message);
    CHECK(error.code() == Errc::data_corruption);
    CHECK(contains(error, row.message));
  }
  Machine created = lab.backend->create(lab.config());
  const Error error = error_of([&] { created.restore(lab.write("saved", tail(whole))); });
  CHECK(contains(error, "the framework does not know this one"));  // it got as far as that
}

TEST_CASE("vz: machines that cannot be saved") {
  Lab lab;
  const auto file = lab.folder.path() / "saved";
  MachineConfig config = lab.config();
  config.usb_controller = true;
  const auto paused = [&] {
    Machine machine = lab.backend->create(config);
    machine.start();
    machine.pause();
    return machine;
  };
  const auto save_error = [&] {
    Machine machine = paused();
    return error_of([&] { machine.save(file); });
  };
  fake_vz::world().save_support = {"VZErrorDomain", 2, "A device cannot be saved."};
  CHECK(contains(save_error(), "machine m: save " + file.string() + ": save: A device cannot be"));
  fake_vz::world().save_support = {};
  fake_vz::world().save = {"VZErrorDomain", 8, "No space."};
  CHECK(save_error().code() == Errc::resource_exhausted);
  fake_vz::world().save = {};
  {
    Machine machine = paused();
    const Disk usb{.path = lab.folder.path() / "usb", .device = DiskDevice::usb, .identifier = "x"};
    machine.attach_disk(usb);
    const Error error = error_of([&] { machine.save(file); });
    CHECK(error.code() == Errc::failed_precondition);
    CHECK(contains(error, "disk x was attached"));
    machine.detach_disk("x");
    CHECK(error_of([&] { machine.save(lab.folder.path() / "none" / "saved"); }).code() ==
          Errc::not_found);
    SUBCASE("it is given up, and the framework goes on") {
      fake_vz::world().save_hangs = true;
      CHECK(error_of([&] { machine.save(file, within(5ms)); }).code() == Errc::timeout);
      fake_vz::world().save_hangs = false;
      CHECK(eventually([&] { return leftovers(lab).empty(); }));
      machine.save(file);
    }
    SUBCASE("the machine is let go meanwhile") {
      fake_vz::world().save_hangs = true;
      Error ended(Errc::internal, "none");
      std::thread saver([&] { ended = error_of([&] { machine.save(file); }); });
      CHECK(eventually([&] { return !leftovers(lab).empty(); }));
      std::thread killer([&] { machine.kill(); });
      std::this_thread::sleep_for(5ms);
      fake_vz::world().save_hangs = false;
      killer.join();
      saver.join();
      CHECK(machine.state() == MachineState::stopped);
    }
  }
  CHECK(leftovers(lab).empty());
  std::filesystem::remove(file);
  config.disks = {{.path = lab.folder.path() / "usb", .device = DiskDevice::usb}};
  const Error usb = save_error();
  CHECK(usb.code() == Errc::unsupported);
  CHECK(contains(usb, "a USB disk would be another one afterwards"));
  config = lab.config();
  fake_vz::world().macos_major = 13;
  const Error old = save_error();
  CHECK(old.code() == Errc::unsupported);
  CHECK(contains(old, "macOS is 13.1, expected 14 or later; update macOS"));
  CHECK_FALSE(lab.backend->capabilities(Architecture::arm64).can(Feature::save));
}

TEST_CASE("vz: machines are let go while others ask for their devices") {
  Lab lab;
  MachineConfig config = lab.config();
  config.vsock = config.usb_controller = true;
  config.shares = {{.tag = "a", .path = lab.folder.path()}};
  const Disk usb{.path = lab.folder.path() / "usb", .device = DiskDevice::usb, .identifier = "x"};
  for (int i = 0; i < 20; ++i) {
    Machine machine = lab.backend->create(config);
    machine.start();
    std::vector<std::thread> callers;
    callers.emplace_back([&] {  // until there is an error
      while (error_of([&] {
               const auto listener = machine.listen_vsock(9);
               if (const int end = last_guest()->connect(9); end >= 0) ::close(end);
             }).code() == Errc::internal) {
      }
    });
    callers.emplace_back([&] {
      while (error_of([&] { machine.set_share(config.shares[0]); }).code() == Errc::internal) {
      }
    });
    callers.emplace_back([&] {
      while (error_of([&] { machine.attach_disk(usb), machine.detach_disk("x"); }).code() ==
             Errc::internal) {
      }
    });
    std::this_thread::sleep_for(2ms);
    machine.kill();
    for (std::thread& caller : callers) caller.join();
  }
}
