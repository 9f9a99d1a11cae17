// SPDX-License-Identifier: Apache-2.0
// What a helper and its owner make of each other when one of them talks nonsense, says nothing, or
// is something else. What works through a helper is tested where it is tested without one.
#include <atomic>
#include <chrono>
#include <doctest/doctest.h>
#include <functional>
#include <sys/socket.h>
#include <thread>

#include "os/socket.hpp"
#include "support/errors.hpp"
#include "vm/helper/backend.hpp"
#include "vm/helper/connection.hpp"
#include "vm/helper/server.hpp"
#include "vm/helper/values.hpp"

#include <vmkit/vm/helper_backend.hpp>

using namespace vmkit;
using namespace vmkit::vm;
using namespace std::chrono_literals;
using helper::Channel;
using helper::Json;
using helper::Received;
using test::check_error;

namespace {

/// A helper that is a thread of the test's; "hello" and "validate" it answers as one does.
class Impostor {
 public:
  using Script = std::function<void(Channel& channel, const Json& request)>;

  explicit Impostor(Script script) : script_(std::move(script)) {}
  ~Impostor() {
    backend.reset();
    for (std::thread& thread : threads_) thread.join();
  }

  Machine machine() { return backend->create({.name = "m", .boot = {.image = "/k"}}); }

 private:
  helper::Helper launch() {
    os::DescriptorPair ends = os::make_socket_pair();
    threads_.emplace_back([this, socket = ends.second.release()] {
      Channel channel{os::Descriptor(socket)};
      try {
        while (const auto received = channel.receive()) answer(channel, received->message);
      } catch (const Error&) {
      }
    });
    return {std::move(ends.first)};
  }
  void answer(Channel& channel, const Json& request) {
    const std::string method = request.at("method");
    const auto reply = [&](const Json& result) {
      channel.send({{"id", request.at("id")}, {"result", result}});
    };
    if (method == "validate") return reply({{"problems", Json::array()}});
    if (method == "hello") return reply({{"version", 1}});
    script_(channel, request);
  }

  const Script script_;
  std::vector<std::thread> threads_;

 public:
  const HelperOptions options{.program = "impostor", .response_limit = 300ms};
  std::shared_ptr<Backend> backend = helper::make_backend(options, [this] { return launch(); });
};

void expect_answer(Channel& channel, Errc code, const std::string& words) {
  const auto received = channel.receive();
  REQUIRE(received);
  const Error error = helper::read_error(received->message.at("error"));
  const std::string text = error.what();
  CHECK_MESSAGE(error.code() == code, text);
  CHECK_MESSAGE(text.find(words) != std::string::npos, text);
}

/// The library's helper in a thread, and its owner's end.
struct Served {
  Served() {
    os::DescriptorPair ends = os::make_socket_pair();
    raw = ends.first.get();
    owner = std::make_unique<Channel>(std::move(ends.first));
    thread = std::thread([socket = ends.second.release()] {
      helper::serve(os::Descriptor(socket), helper::make_served_backend);
    });
  }
  ~Served() {
    owner.reset();
    thread.join();
  }
  void ask(const Json& request) { owner->send(request); }

  int raw = -1;
  std::unique_ptr<Channel> owner;
  std::thread thread;
};

}  // namespace

TEST_CASE("helper: frames come whole, however they are cut") {
  const std::string bytes = helper::encode_frame(helper::FrameKind::message, "{}") +
                            helper::encode_frame(helper::FrameKind::bytes, "") +
                            helper::encode_frame(helper::FrameKind::bytes, std::string(70000, 'x'));
  for (const std::size_t portion : {std::size_t{1}, std::size_t{7}, bytes.size()}) {
    helper::FrameDecoder decoder;
    std::vector<std::size_t> sizes;
    for (std::size_t at = 0; at < bytes.size(); at += portion) {
      decoder.add(std::string_view(bytes).substr(at, portion));
      while (const auto frame = decoder.next()) sizes.push_back(frame->payload.size());
    }
    CHECK(sizes == std::vector<std::size_t>{2, 0, 70000});
  }
  for (const std::string& bad : {std::string("\0\0\0\0\3", 5), std::string("\x7f\0\0\0\0", 5)}) {
    helper::FrameDecoder decoder;
    decoder.add(bad);
    check_error(Errc::data_corruption, {"expected a frame"}, [&] { decoder.next(); });
  }
  check_error(Errc::invalid_argument, {"at most"}, [] {
    helper::encode_frame(helper::FrameKind::bytes, std::string(helper::longest_frame + 1, 'x'));
  });
}

TEST_CASE("helper: values come as they went, and others do not come at all") {
  const Error error(Errc::not_found, "no \"k\"", NativeError{ErrorDomain::vz, -7});
  const Error same = helper::read_error(helper::write_error(error));
  CHECK(same.code() == error.code());
  CHECK(same.what() == std::string(error.what()));
  CHECK(same.native() == error.native());
  const MachineEvent event = helper::read_event(
      helper::write_event({MachineState::failed, MachineEventReason::guest_crashed, error}));
  CHECK(event.state == MachineState::failed);
  CHECK(event.reason == MachineEventReason::guest_crashed);
  CHECK(event.error->native() == error.native());
  for (const char* bad : {R"({"code":0,"message":""})", R"({"code":15,"message":""})",
                          R"({"code":1,"message":"","native":{"domain":7,"code":1}})"}) {
    check_error(Errc::data_corruption, {"a helper's message"},
                [&] { helper::read_error(Json::parse(bad)); });
  }
  check_error(Errc::data_corruption, {"a state"}, [] {
    helper::read_event({{"state", "unknown"}, {"reason", "failed"}});
  });

  MachineConfig config{.name = "m", .boot = {.initrd = std::vector<std::byte>(3)}};
  config.networks = {{}, {.kind = NetworkKind::descriptor, .descriptor = 5}};
  const auto read = helper::read_config(helper::write_config(config));
  CHECK(read.initrd_bytes);
  CHECK(read.descriptors == std::vector<std::size_t>{1});
  CHECK(read.config.networks[1].kind == NetworkKind::descriptor);
  Json beyond = helper::write_config(config);
  beyond["descriptors"] = {2};
  check_error(Errc::data_corruption, {"the number of a network"},
              [&] { helper::read_config(beyond); });
  CHECK(helper::read_disk(helper::write_disk({.nbd = "nbd://h", .device = DiskDevice::usb})).nbd ==
        "nbd://h");
  CHECK(helper::read_share(helper::write_share({.tag = "t", .path = "/p"})).path == "/p");

  // A feature that an older helper does not know is one that it does not have.
  const Capabilities few = helper::read_capabilities(
      {{"backend", "qemu"},
       {"architecture", "arm64"},
       {"version", ""},
       {"accelerator", "tcg"},
       {"features",
        {{{"feature", "machines"}, {"limitation", "none"}, {"reason", ""}, {"way_out", ""}}}}});
  CHECK(few.can(Feature::machines));
  CHECK(few.status(Feature::share_change).reason.find("does not know") != std::string::npos);
}

TEST_CASE("helper: a program that is not there, or is something else") {
  check_error(Errc::invalid_argument, {"vmkit-vz-host"}, [] { make_helper_backend({}); });
  check_error(Errc::invalid_argument, {"outlives_owner"}, [] {
    make_helper_backend({.program = "/x", .qemu = QemuOptions{.outlives_owner = true}});
  });
  check_error(Errc::not_found, {"/nonexistent/helper"},
              [] { make_helper_backend({.program = "/nonexistent/helper"})->capabilities(); });
  check_error(Errc::unavailable, {"helper /bin/true: it exited with status 0"},
              [] { make_helper_backend({.program = "/bin/true"})->capabilities(); });
  check_error(Errc::timeout, {"helper /bin/cat: hello"}, [] {
    make_helper_backend({.program = "/bin/cat", .response_limit = 50ms})->capabilities();
  });
}

TEST_CASE("helper: one that talks nonsense is the end of its machine") {
  const auto failure = [](const Impostor::Script& script) {
    Impostor impostor(script);
    Machine machine = impostor.machine();
    std::string text;
    try {
      machine.start();
      text = "started";
    } catch (const Error& error) {
      text = std::string(to_string(error.code())) + ": " + error.what();
    }
    CHECK(machine.state() == MachineState::failed);
    return text;
  };
  const auto with_create = [](const Impostor::Script& script) {
    return [script](Channel& channel, const Json& request) {
      if (request.at("method") != "create") return script(channel, request);
      channel.send({{"id", request.at("id")}, {"result", Json::object()}});
    };
  };
  CHECK(failure([](Channel& channel, const Json&) { channel.shut_down(); }) ==
        "unavailable: machine m: helper impostor: it has ended");
  CHECK(failure([](Channel& channel, const Json&) {
          channel.send(Json::array());
        }).find("data_corruption: machine m: helper impostor: expected a JSON object") == 0);
  CHECK(failure([](Channel& channel, const Json& request) {
          channel.send({{"id", request.at("id")}, {"error", {{"code", 99}, {"message", "x"}}}});
        }).find("data_corruption: machine m: helper impostor: ") == 0);
  CHECK(failure(with_create([](Channel& channel, const Json&) {
          channel.send({{"method", "event"}, {"params", {{"state", "flying"}}}});
        })).find("data_corruption: machine m: helper impostor: an event of its machine: ") == 0);
  // An answer, but no word of a machine that runs.
  CHECK(failure(with_create([](Channel& channel, const Json& request) {
          channel.send({{"id", request.at("id")}, {"result", Json::object()}});
        })).find("timeout: machine m: start") == 0);
}

TEST_CASE("helper: what answers lack is an error of the call") {
  Json result;
  Impostor impostor([&](Channel& channel, const Json& request) {
    const Json running{{"state", "running"}, {"reason", "started"}};
    if (request.at("method") == "start") channel.send({{"method", "event"}, {"params", running}});
    channel.send({{"id", request.at("id")}, {"result", result}});
  });
  MachineConfig config{.name = "m", .boot = {.image = "/k"}, .ports = {{"p"}}, .vsock = true};
  Machine machine = impostor.backend->create(config);
  machine.start();
  result = Json::object();
  check_error(Errc::data_corruption, {"statistics"}, [&] { machine.statistics(); });
  check_error(Errc::data_corruption, {"the number of a stream"}, [&] { machine.open_port("p"); });
  check_error(Errc::data_corruption, {"the number of a listener"},
              [&] { machine.listen_vsock(1); });
  result = {{"stream", 1}};
  check_error(Errc::data_corruption, {"a stream's descriptor"}, [&] { machine.connect_vsock(1); });
  CHECK(machine.console_tail(5).empty());
  check_error(Errc::data_corruption, {"capabilities"}, [&] { impostor.backend->capabilities(); });
  check_error(Errc::data_corruption, {"network_addresses"},
              [&] { impostor.backend->network_addresses(config); });
  machine.kill();
  CHECK(machine.wait().reason == MachineEventReason::killed);
}

TEST_CASE("helper: one that says nothing does not hold its owner") {
  Impostor impostor([](Channel& channel, const Json& request) {
    if (request.at("method") != "create") return;
    channel.send({{"id", request.at("id")}, {"result", Json::object()}});
  });
  Machine machine = impostor.machine();
  std::thread stopper([&] {
    std::this_thread::sleep_for(20ms);
    machine.kill();
  });
  check_error(Errc::unavailable, {"machine m: helper impostor"}, [&] { machine.start(); });
  stopper.join();
  CHECK(machine.wait().reason == MachineEventReason::killed);
}

TEST_CASE("helper: an owner that talks nonsense") {
  Served served;
  served.ask({{"id", 1}, {"method", "start"}, {"params", Json::object()}});
  expect_answer(*served.owner, Errc::failed_precondition, "expected create first");
  served.ask({{"id", 2}, {"method", "fly"}, {"params", Json::object()}});
  expect_answer(*served.owner, Errc::unsupported, "no method \"fly\"");
  served.ask({{"id", 3}, {"method", "create"}, {"params", 7}});
  expect_answer(*served.owner, Errc::invalid_argument, "create: malformed parameters");
  served.ask({{"id", 4}, {"method", "hello"}, {"params", {{"version", 2}, {"options", {}}}}});
  expect_answer(*served.owner, Errc::unsupported, "an owner of version 1, found 2");
  served.ask({{"id", 5},
              {"method", "hello"},
              {"params", {{"version", 1}, {"options", {{"backend", "x"}}}}}});
  expect_answer(*served.owner, Errc::invalid_argument, "hello: malformed parameters");
  served.ask({{"id", 6}});
  CHECK_FALSE(served.owner->receive());  // it has gone
  for (const std::string& bytes :
       {std::string("garbage, and more of it"), std::string("\0\0\0\1\0[", 6),
        helper::encode_frame(helper::FrameKind::message_descriptor, "{}"),
        helper::encode_frame(helper::FrameKind::message, std::string(100, '[')),
        helper::encode_frame(helper::FrameKind::message, R"({"method":"cancel"})")}) {
    Served other;
    os::send_now(other.raw, std::as_bytes(std::span(bytes)));
    ::shutdown(other.raw, SHUT_WR);
    CHECK_FALSE(other.owner->receive());
  }
}

TEST_CASE("helper: a stop that comes with the answer holds nobody up") {
  os::DescriptorPair ends = os::make_socket_pair();
  std::thread helper([socket = ends.second.release()] {
    Channel channel{os::Descriptor(socket)};
    while (const auto received = channel.receive()) {
      if (received->message.contains("id")) {
        channel.send({{"id", received->message.at("id")}, {"result", Json::object()}});
      }
    }
  });
  {
    helper::Connection connection({std::move(ends.first)}, "quick", 10s, nullptr);
    unsigned answered = 0;
    for (unsigned i = 0; i < 2000; ++i) {
      StopSource source;
      std::thread stopper([&source] { source.request_stop(); });
      try {
        connection.call("ask", Json::object(), {.stop = source.token()});
        ++answered;
      } catch (const Error& error) {
        CHECK(error.code() == Errc::cancelled);
      }
      stopper.join();
    }
    CHECK(answered > 0);
    connection.call("ask", Json::object(), {});
  }
  helper.join();
}
