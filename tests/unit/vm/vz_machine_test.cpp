// SPDX-License-Identifier: Apache-2.0
// The whole backend for Virtualization.framework, Objective-C++ included, on a fake of it.
#include <atomic>
#include <csignal>
#include <sys/wait.h>

#include "vm/vz/error_code.hpp"
#include "vz_lab.hpp"

TEST_CASE("vz: the framework is given what the plan says") {
  Lab lab;
  fake_vz::world().macos_major = 26;
  for (MachineConfig config : {lab.config(), lab.rich_config(), lab.desktop_config()}) {
    config.machine_identifier = lab.backend->new_machine_identifier();
    const auto framework = vz::make_apple_framework();
    vz::PlanResult planned = vz::make_plan(config, framework->facts());
    REQUIRE(planned.problems.empty());
    Machine machine = lab.backend->create(config);
    machine.start();
    std::string expected = to_string(planned.plan);
    const auto bytes = expected.find("(bytes)");
    std::string found = fake_vz::last_configuration();
    if (bytes != std::string::npos) {  // they are in a file now, which is private
      const auto path = found.substr(bytes, found.find(' ', bytes) - bytes);
      CHECK(std::filesystem::file_size(path) == 16);
      CHECK((std::filesystem::status(path).permissions() & std::filesystem::perms(077)) ==
            std::filesystem::perms::none);
      expected.replace(bytes, 7, path);
    }
    CHECK(found == expected);
    machine.kill();
    CHECK(machine.diagnostics().accelerator == "vz");
    CHECK(machine.diagnostics().boot_attempts == 1);
  }
  for (const auto& entry : std::filesystem::directory_iterator(lab.folder.path())) {
    CHECK(entry.path().filename().native().find("vmkit-vm") == std::string::npos);
  }
}

TEST_CASE("vz: from start to a power-off on request") {
  Lab lab;
  Machine machine = lab.backend->create(lab.config());
  Events events(machine);
  machine.start();
  CHECK(machine.state() == MachineState::running);
  const auto guest = last_guest();
  CHECK(guest->is_running());
  machine.pause();
  CHECK(machine.state() == MachineState::paused);
  CHECK(guest->is_paused());
  machine.resume();
  CHECK_FALSE(guest->is_paused());
  std::thread user([&] {
    CHECK(eventually([&] { return guest->button_presses() == 1; }));
    guest->power_off();
  });
  machine.stop(10s);
  user.join();
  CHECK(machine.state() == MachineState::stopped);
  CHECK(machine.wait().reason == MachineEventReason::guest_stopped);
  CHECK(events.reasons() == "start_requested started paused resumed stop_requested guest_stopped");
  CHECK(contains(error_of([&] { machine.start(); }), "expected it created, found it stopped"));
}

TEST_CASE("vz: a guest that minds no button loses its plug after the grace time") {
  Lab lab;
  Machine machine = lab.backend->create(lab.config());
  Events events(machine);
  machine.start();
  machine.pause();  // is resumed to be asked
  machine.stop(30ms);
  CHECK(last_guest()->button_presses() == 1);
  CHECK(machine.wait().reason == MachineEventReason::killed);
  CHECK(events.reasons() == "start_requested started paused resumed stop_requested killed");
  CHECK_FALSE(last_guest()->is_running());
}

TEST_CASE("vz: the guest ends by itself, breaks down, or loses its network") {
  Lab lab;
  MachineConfig config = lab.config();
  config.networks = {{}, {}};
  Machine machine = lab.backend->create(config);
  Events events(machine);
  machine.start();
  last_guest()->lose_network(1);
  CHECK(eventually(
      [&] { return events.lost() == "networks[1]: The network is gone. (VZErrorDomain 7)"; }));
  CHECK(machine.state() == MachineState::running);
  last_guest()->power_off();
  CHECK(machine.wait().reason == MachineEventReason::guest_stopped);
  CHECK(events.reasons() == "start_requested started device_lost guest_stopped");

  Machine other = lab.backend->create(lab.config());
  other.start();
  last_guest()->write_console("the last words\n");
  last_guest()->break_down({"VZErrorDomain", 1, "Internal error."});
  const MachineEvent end = other.wait();
  CHECK(end.state == MachineState::failed);
  CHECK(end.reason == MachineEventReason::failed);
  CHECK(end.error->code() == Errc::io);
  CHECK(end.error->native() == NativeError{ErrorDomain::vz, 1});
  CHECK(contains(*end.error,
                 "machine m: the machine broke down: virtualization.framework: "
                 "Internal error. (VZErrorDomain 1)"));
  CHECK(contains(*end.error, "last console lines:\n  the last words"));
  CHECK(other.console_tail(1) == std::vector<std::string>{"the last words"});
}

TEST_CASE("vz: a panic and a reboot end the machine") {
  for (const char* words :
       {"[    1.0] Kernel panic - not syncing: VFS\n", "[    2.0] reboot: Restarting system\n"}) {
    Lab lab;
    Machine machine = lab.backend->create(lab.config());
    machine.start();
    last_guest()->write_console(words);
    const MachineEvent end = machine.wait();
    CHECK(end.reason == MachineEventReason::guest_crashed);
    CHECK(end.error->code() == Errc::unavailable);
    CHECK(contains(*end.error, std::string(words).substr(0, 20)));
    CHECK_FALSE(last_guest()->is_running());
  }
}

TEST_CASE("vz: a silent boot is tried twice") {
  Lab lab;
  MachineConfig config = lab.config();
  config.ports = {{"agent"}};
  config.boot_watchdog = 30ms;
  {
    Machine machine = lab.backend->create(config);
    Events events(machine);
    machine.start();
    const MachineEvent end = machine.wait();
    CHECK(end.error->code() == Errc::timeout);
    CHECK(contains(*end.error, "no sign of life from the guest's kernel within 30 ms"));
    CHECK(events.reasons() == "start_requested started boot_retried failed");
    CHECK(machine.diagnostics().boot_attempts == 2);
    CHECK(fake_vz::guests().size() == 2);
  }
  SUBCASE("the second one speaks") {
    std::atomic<int> boots{0};
    fake_vz::world().boot = [&](const std::shared_ptr<Guest>& guest) {
      if (++boots == 2) guest->write_console("hello\n");
    };
    Machine machine = lab.backend->create(config);
    machine.start();
    const auto port = machine.open_port("agent");
    CHECK(read_some(*port).empty());  // ends with the first boot
    CHECK(eventually([&] { return machine.console_tail(1).size() == 1; }));
    std::this_thread::sleep_for(60ms);
    CHECK(machine.state() == MachineState::running);
  }
  SUBCASE("a port that is opened is a sign of life, and a pause is none of death") {
    fake_vz::world().boot = [&](const std::shared_ptr<Guest>& guest) { guest->open_port(); };
    Machine machine = lab.backend->create(config);
    machine.start();
    std::this_thread::sleep_for(60ms);
    CHECK(machine.state() == MachineState::running);
    fake_vz::world().boot = {};
    MachineConfig longer = config;
    longer.boot_watchdog = 300ms;
    Machine other = lab.backend->create(longer);
    other.start();
    other.pause();
    std::this_thread::sleep_for(350ms);
    CHECK(other.state() == MachineState::paused);
    CHECK(other.diagnostics().boot_attempts == 1);
  }
}

TEST_CASE("vz: ports carry bytes both ways, one connection at a time") {
  Lab lab;
  MachineConfig config = lab.config();
  config.ports = {{"a"}, {"b"}};
  Machine machine = lab.backend->create(config);
  machine.start();
  const auto guest = last_guest();
  auto port = machine.open_port("b");
  write_text(*port, "to the guest");
  CHECK(read_fd(guest->port(1), 12) == "to the guest");
  CHECK(::write(guest->port(1), "back", 4) == 4);
  CHECK(read_some(*port) == "back");
  CHECK(contains(error_of([&] { machine.open_port("b"); }), "has a connection already"));
  CHECK(error_of([&] { machine.open_port("c"); }).code() == Errc::not_found);
  CHECK(error_of([&] { port->close_write(); }).code() == Errc::unsupported);

  // Closing ends a read that blocks, and leaves the port open for the next one.
  std::string got = "?";
  std::thread reader([&] { got = read_some(*port); });
  port->close();
  reader.join();
  CHECK(got.empty());
  CHECK(error_of([&] { write_text(*port, "x"); }).code() == Errc::unavailable);
  port.reset();
  port = machine.open_port("b");
  CHECK(::write(guest->port(1), "again", 5) == 5);
  CHECK(read_some(*port) == "again");

  // More than fits waits for the guest.
  const std::string much(8 << 20, 'm');
  std::thread writer([&] { write_text(*port, much); });
  CHECK(read_fd(guest->port(1), much.size()) == much);
  writer.join();

  machine.kill();
  CHECK(read_some(*port).empty());
  CHECK(error_of([&] { write_text(*port, "x"); }).code() == Errc::unavailable);
  CHECK(error_of([&] { machine.open_port("a"); }).code() == Errc::failed_precondition);
}

TEST_CASE("vz: vsock connections live as long as their streams") {
  Lab lab;
  MachineConfig config = lab.config();
  config.vsock = true;
  std::unique_ptr<Stream> kept;
  {
    Machine machine = lab.backend->create(config);
    CHECK(error_of([&] { machine.connect_vsock(5); }).code() == Errc::failed_precondition);
    machine.start();
    const auto guest = last_guest();
    const Error refused = error_of([&] { machine.connect_vsock(5); });
    CHECK(refused.code() == Errc::unavailable);
    CHECK(contains(refused, "machine m: connect to vsock port 5: nobody in the guest answers"));
    guest->listen(5);
    const int objects = fake_vz::living_objects();
    const auto first = machine.connect_vsock(5);
    kept = machine.connect_vsock(5);
    CHECK(fake_vz::living_objects() == objects + 2);
    const int first_end = guest->accept(5);
    const int second_end = guest->accept(5);
    write_text(*kept, "two");
    CHECK(read_fd(second_end, 3) == "two");
    write_text(*first, "one");
    first->close_write();
    CHECK(read_fd(first_end, 10) == "one");
    CHECK(::write(first_end, "answer", 6) == 6);
    CHECK(read_some(*first) == "answer");
    ::close(first_end);
    ::close(second_end);
  }
  CHECK(read_some(*kept).empty());
  CHECK(fake_vz::living_objects() == 1);  // the connection of the stream, whose machine is gone
  kept.reset();
}

TEST_CASE("vz: the balloon gets its target, statistics are not known") {
  Lab lab;
  MachineConfig config = lab.config();
  config.balloon = true;
  Machine machine = lab.backend->create(config);
  machine.start();
  machine.set_memory_target(256_MiB);
  CHECK(last_guest()->memory_target() == (256_MiB).bytes());
  const Error low = error_of([&] { machine.set_memory_target(32_MiB); });
  CHECK(low.code() == Errc::invalid_argument);
  CHECK(contains(low, "expected at least 64 MiB on this Mac, found 32 MiB"));
  CHECK(error_of([&] { machine.statistics(); }).code() == Errc::unsupported);
  CHECK_FALSE(lab.backend->capabilities(Architecture::arm64).can(Feature::statistics));
  const auto addresses = lab.backend->network_addresses(lab.rich_config());
  CHECK(addresses.size() == 2);
  CHECK_FALSE(addresses[0].has_value());
}

TEST_CASE("vz: what the framework refuses is told in its words") {
  struct Row {
    const char* what;
    std::function<void(fake_vz::World&)> change;
    Errc code;
    const char* words;
  };
  const fake_vz::Refusal space{"VZErrorDomain", 8, "No space."};
  const fake_vz::Refusal posix{"NSPOSIXErrorDomain", EACCES, "Permission."};
  const fake_vz::Refusal cocoa{"NSCocoaErrorDomain", 260, ""};
  using W = fake_vz::World;
  const std::vector<Row> rows = {
      {"configuration",
       [&](W& w) {
         w.validate = {"VZErrorDomain", 2, "Bad."};
       },
       Errc::invalid_argument,
       "virtualization.framework refuses the machine: Bad. (VZErrorDomain 2)"},
      {"start", [&](W& w) { w.start = space; }, Errc::resource_exhausted, "start: No space."},
      {"start, by the system", [&](W& w) { w.start = posix; }, Errc::permission_denied,
       "Permission. (NSPOSIXErrorDomain 13)"},
      {"start, by another", [&](W& w) { w.start = cocoa; }, Errc::io, "NSCocoaErrorDomain 260"},
      {"exception", [&](W& w) { w.start_throws = true; }, Errc::internal,
       "start: NSInternalInconsistencyException: thrown by a test"},
      {"rosetta",
       [&](W& w) {
         w.rosetta_share = {"VZErrorDomain", 10, "No Rosetta."};
       },
       Errc::unsupported, "rosetta: No Rosetta."},
      {"entitlement", [&](W& w) { w.entitled = false; }, Errc::permission_denied,
       "lacks the entitlement com.apple.security.virtualization; sign it"},
      {"processor", [&](W& w) { w.supported = false; }, Errc::unsupported,
       "cannot run virtual machines"},
      {"macOS 12", [&](W& w) { w.macos_major = 12, w.macos_minor = 6; }, Errc::unsupported,
       "macOS is 12.6, expected 13 or later"},
  };
  for (const Row& row : rows) {
    INFO(row.what);
    Lab lab;
    MachineConfig config = lab.rich_config();
    config.nested_virtualization = false;
    Machine machine = lab.backend->create(config);
    row.change(fake_vz::world());
    const Error error = error_of([&] { machine.start(); });
    INFO(error.what());
    CHECK(error.code() == row.code);
    CHECK(contains(error, std::string("machine m: ")));
    CHECK(contains(error, row.words));
    CHECK(machine.state() == MachineState::failed);
    CHECK(machine.wait().reason == MachineEventReason::failed);
  }
}

TEST_CASE("vz: what is wrong with a Mac or its files is said before the framework sees it") {
  Lab lab;
  fake_vz::world().macos_major = 14;
  fake_vz::world().rosetta = 1;
  const Error early = error_of([&] { lab.backend->create(lab.rich_config()); });
  CHECK(early.code() == Errc::invalid_argument);
  CHECK(contains(early, "nested_virtualization: expected macOS 15 or later, found 14.1"));
  CHECK(contains(early, "rosetta: Rosetta is not installed"));

  const auto start = [&](const std::function<void(MachineConfig&)>& change) {
    MachineConfig config = lab.config();
    change(config);
    Machine machine = lab.backend->create(config);
    return error_of([&] { machine.start(); });
  };
  const auto missing = start([&](auto& c) { c.disks = {{.path = lab.folder.path() / "none"}}; });
  CHECK(missing.code() == Errc::not_found);
  const auto odd = start([&](auto& c) { c.disks = {{.path = lab.write("odd", "x")}}; });
  CHECK(contains(odd, "expected a size that is a multiple of 512 bytes, found 1 bytes"));
  const auto packed = start([&](auto& c) { c.boot.image = lab.write("gz", "\x1f\x8b\x08"); });
  CHECK(packed.code() == Errc::invalid_argument);
  CHECK(contains(packed, "expected an uncompressed arm64 Image, found one compressed by gzip"));
  CHECK(fake_vz::guests().empty());
}

TEST_CASE("vz: two machines on one disk, and the next one on it") {
  Lab lab;
  MachineConfig config = lab.config();
  config.disks = {{.path = lab.folder.path() / "disk"}};
  Machine first = lab.backend->create(config);
  first.start();
  {
    Machine second = lab.backend->create(config);
    const Error busy = error_of([&] { second.start(); });
    CHECK(busy.code() == Errc::failed_precondition);
    CHECK(contains(busy, "is in use by"));
  }
  first.kill();
  for (int i = 0; i < 5; ++i) {  // the disk is free as soon as the machine has ended
    Machine next = lab.backend->create(config);
    next.start();
  }
}

TEST_CASE("vz: a machine may be given up in every state") {
  const fake_vz::Refusal refusal{"VZErrorDomain", 1, "x"};
  SUBCASE("created") {
    Lab lab;
    Machine machine = lab.backend->create(lab.rich_config());
  }
  SUBCASE("starting") {
    Lab lab;
    fake_vz::world().start_hangs = true;
    auto machine = std::make_unique<Machine>(lab.backend->create(lab.rich_config()));
    Error error(Errc::internal, "none");
    std::thread starter([&] { error = error_of([&] { machine->start(); }); });
    CHECK(eventually([] { return !fake_vz::guests().empty(); }));
    machine->kill();
    starter.join();
    CHECK(error.code() == Errc::cancelled);
    CHECK(machine->wait().reason == MachineEventReason::killed);
    machine.reset();
    fake_vz::world().start_hangs = false;  // and its handler is called now
  }
  SUBCASE("starting, by the caller of start") {
    Lab lab;
    fake_vz::world().start_hangs = true;
    Machine machine = lab.backend->create(lab.config());
    CallOptions options;
    options.deadline = std::chrono::steady_clock::now() + 20ms;
    CHECK(error_of([&] { machine.start(options); }).code() == Errc::timeout);
    CHECK(machine.state() == MachineState::failed);
    fake_vz::world().start_hangs = false;
  }
  SUBCASE("running") {
    Lab lab;
    Machine machine = lab.backend->create(lab.rich_config());
    machine.start();
  }
  SUBCASE("paused") {
    Lab lab;
    Machine machine = lab.backend->create(lab.rich_config());
    machine.start();
    machine.pause();
  }
  SUBCASE("stopping") {
    Lab lab;
    Machine machine = lab.backend->create(lab.rich_config());
    machine.start();
    CallOptions options;
    options.deadline = std::chrono::steady_clock::now() + 20ms;
    CHECK(error_of([&] { machine.stop(10s, options); }).code() == Errc::timeout);
    CHECK(machine.state() == MachineState::stopping);
  }
  SUBCASE("while a pause fails") {
    Lab lab;
    fake_vz::world().pause = refusal;
    Machine machine = lab.backend->create(lab.config());
    machine.start();
    CHECK(contains(error_of([&] { machine.pause(); }), "machine m: pause: pause: x"));
    CHECK(machine.state() == MachineState::running);
  }
  SUBCASE("while others ask things of it") {
    Lab lab;
    MachineConfig config = lab.config();
    config.balloon = config.vsock = true;
    for (int i = 0; i < 20; ++i) {
      Machine machine = lab.backend->create(config);
      machine.start();
      std::vector<std::thread> callers;
      callers.emplace_back([&] {
        while (error_of([&] { machine.set_memory_target(128_MiB); }).code() == Errc::internal) {
        }
      });
      callers.emplace_back([&] {
        while (error_of([&] { machine.connect_vsock(1); }).code() == Errc::unavailable) {
        }
      });
      callers.emplace_back([&] {
        while (error_of([&] { machine.pause(), machine.resume(); }).code() == Errc::internal) {
        }
      });
      std::this_thread::sleep_for(2ms);
      machine.kill();
      for (std::thread& caller : callers) caller.join();
    }
  }
  SUBCASE("while its guest ends") {
    Lab lab;
    MachineConfig config = lab.config();
    config.networks = {{}};
    for (int i = 0; i < 20; ++i) {
      Machine machine = lab.backend->create(config);
      machine.start();
      last_guest()->power_off();
      last_guest()->lose_network(0);
    }
  }
}

TEST_CASE("vz: a framework that hangs is let go") {
  Lab lab({.response_limit = 50ms});
  SUBCASE("at start") {
    fake_vz::world().start_hangs = true;
    Machine machine = lab.backend->create(lab.config());
    const Error error = error_of([&] { machine.start(); });
    CHECK(error.code() == Errc::timeout);
    CHECK(contains(error, "virtualization.framework hangs: no answer within 50 ms"));
    fake_vz::world().start_hangs = false;
  }
  SUBCASE("at the end") {
    Machine machine = lab.backend->create(lab.config());
    machine.start();
    fake_vz::world().stop_hangs = true;
    machine.kill();
    CHECK(machine.wait().state == MachineState::failed);
    CHECK(machine.wait().error->code() == Errc::timeout);
    fake_vz::world().stop_hangs = false;
  }
}

TEST_CASE("vz: a hundred machines in one process") {
  Lab lab;
  std::vector<Machine> machines;
  for (int i = 0; i < 100; ++i) {
    MachineConfig config = lab.config();
    config.name = "m" + std::to_string(i);
    config.ports = {{"agent"}};
    config.vsock = true;
    machines.push_back(lab.backend->create(config));
  }
  std::vector<std::thread> starters;
  for (int part = 0; part < 4; ++part) {
    starters.emplace_back([&, part] {
      for (std::size_t i = static_cast<std::size_t>(part); i < machines.size(); i += 4) {
        machines[i].start();
      }
    });
  }
  for (std::thread& starter : starters) starter.join();
  CHECK(fake_vz::guests().size() == 100);
  for (const auto& guest : fake_vz::guests()) guest->power_off();
  for (Machine& machine : machines) {
    CHECK(machine.wait().reason == MachineEventReason::guest_stopped);
  }
}

TEST_CASE("vz: the fake aborts when a machine is touched off its queue") {
  Lab lab;
  Machine machine = lab.backend->create(lab.config());
  machine.start();
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(2);
    std::signal(SIGABRT, SIG_DFL);
    fake_vz::touch_off_queue();
    ::_exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGABRT);
}

TEST_CASE("vz: where there is no such framework the backend says so") {
  const auto backend = make_vz_backend();
  CHECK(backend->name() == "vz");
  const Capabilities none = backend->capabilities();
  CHECK(none.status(Feature::machines).limitation == Limitation::unsupported_system);
  MachineConfig config;
  config.boot.image = "/k";
  Machine machine = backend->create(config);
  const Error error = error_of([&] { machine.start(); });
  CHECK(error.code() == Errc::unsupported);
  CHECK(contains(error, "Virtualization.framework is a part of macOS; use the QEMU backend"));
}
