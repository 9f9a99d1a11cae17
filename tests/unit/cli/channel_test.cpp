// SPDX-License-Identifier: Apache-2.0
#include "monitor/channel.hpp"

#include <array>
#include <csignal>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "os/descriptor.hpp"
#include "support/errors.hpp"
#include "support/temporary_directory.hpp"

using namespace vmkit;
using cli::Channel;
using Json = nlohmann::json;

namespace {

struct Fixture {
  Fixture() { ::signal(SIGPIPE, SIG_IGN); }
  std::pair<Channel, Channel> pair = Channel::make_pair();

  void say(std::string_view text) const {
    CHECK(::send(pair.first.fd(), text.data(), text.size(), 0) ==
          static_cast<ssize_t>(text.size()));
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "channel: messages in order, with descriptors, until the end") {
  auto [reader, writer] = os::make_pipe();
  const std::array descriptors{writer.get(), writer.get(), writer.get()};
  pair.first.send({{"a", 1}}, descriptors);
  pair.first.send({{"text", "two\nlines"}});
  CHECK(pair.second.receive() == Json{{"a", 1}});
  {
    const auto received = pair.second.take_descriptors();
    REQUIRE(received.size() == 3);
    CHECK(::fcntl(received[0].get(), F_GETFD) == FD_CLOEXEC);
    CHECK(::write(received[2].get(), "x", 1) == 1);
  }
  char byte = 0;
  CHECK(::read(reader.get(), &byte, 1) == 1);
  CHECK(pair.second.take_descriptors().empty());
  CHECK(pair.second.receive()->at("text") == "two\nlines");
  pair.first.close();
  CHECK_FALSE(pair.second.receive());
  test::check_error(Errc::unavailable, {"gone"}, [&] {
    for (int i = 0; i < 10; ++i) pair.second.send({{"nobody", "reads"}});
  });
}

TEST_CASE_FIXTURE(Fixture, "channel: what is no message is refused, and nothing is collected") {
  say("{\"whole\": 1}\nnonsense\n");
  CHECK(pair.second.receive() == Json{{"whole", 1}});
  test::check_error(Errc::data_corruption, {"JSON"}, [&] { pair.second.receive(); });
  say("[]\n");
  test::check_error(Errc::data_corruption, {"JSON"}, [&] { pair.second.receive(); });
  test::check_error(Errc::invalid_argument, {"too long"}, [&] {
    pair.first.send({{"much", std::string(2 << 20, 'x')}});
  });
  std::thread flood([&] {
    const std::string much(1 << 16, 'x');
    while (::send(pair.first.fd(), much.data(), much.size(), 0) > 0) continue;
  });
  test::check_error(Errc::data_corruption, {"longer"}, [&] { pair.second.receive(); });
  pair.second.close();
  flood.join();
}

TEST_CASE_FIXTURE(Fixture, "channel: more descriptors than a request has are refused and closed") {
  const os::Descriptor null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const std::array three{null.get(), null.get(), null.get()};
  const std::array one{null.get()};
  pair.first.send({{"first", 1}}, three);
  CHECK(pair.second.receive());
  pair.first.send({{"second", 2}}, one);
  test::check_error(Errc::data_corruption, {"descriptors"}, [&] { pair.second.receive(); });
}

TEST_CASE("channel: errors cross it; nobody listens") {
  const Error error(Errc::not_found, "no such thing");
  const Error back = cli::error_of(cli::to_json(error));
  CHECK(back.code() == Errc::not_found);
  CHECK(back.what() == std::string("no such thing"));
  CHECK(cli::error_of({{"error", {{"code", "of a later version"}, {"message", "m"}}}}).code() ==
        Errc::internal);
  const auto folder = test::temporary_directory();
  test::check_error(Errc::unavailable, {"nobody"},
                    [&] { Channel::connect(folder.path() / "none"); });
  test::check_error(Errc::invalid_argument, {"XDG_RUNTIME_DIR"},
                    [&] { Channel::connect(folder.path() / std::string(200, 'x')); });
}
