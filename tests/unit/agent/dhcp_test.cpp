// SPDX-License-Identifier: Apache-2.0
// The guest's DHCP client against a server that the test plays, in a time of its own.
#include <doctest/doctest.h>
#include <functional>

#include "agent/domain_name.hpp"
#include "dhcp_exchange.hpp"
#include "support/dhcp_message.hpp"

using namespace vmkit::guest;
using namespace vmkit::test;
using namespace std::chrono_literals;
using vmkit::agent::is_domain;

namespace {

constexpr dhcp::Mac mac{0x52, 0x54, 0, 1, 2, 3};
constexpr std::uint32_t transaction = 0x01020304;
const std::string offered = address_bytes({{192, 0, 2, 7}});
const DhcpOption server{54, address_bytes({{192, 0, 2, 1}})};
const DhcpOption mask{1, address_bytes({{255, 255, 255, 0}})};

std::string text_of(const std::vector<std::uint8_t>& bytes) {
  return {bytes.begin(), bytes.end()};
}

std::vector<std::uint8_t> bytes_of(const std::string& text) {
  return {text.begin(), text.end()};
}

DhcpQuestion discover() {
  return parse_question(text_of(dhcp::encode({.transaction = transaction, .mac = mac})));
}

std::optional<dhcp::Reply> parse_answer(const std::string& answer) {
  const auto bytes = bytes_of(answer);
  REQUIRE(dhcp::is_answer(bytes, transaction, mac));
  return dhcp::parse_reply(bytes);
}

/// Of an acknowledgement with a server, a mask and these.
std::optional<dhcp::Reply> with(std::vector<DhcpOption> options) {
  options.insert(options.begin(), {server, mask});
  return parse_answer(answer_bytes(discover(), 5, offered, options));
}

constexpr std::uint32_t ip(int a, int b, int c, int d) {
  return static_cast<std::uint32_t>(a) << 24 | static_cast<std::uint32_t>(b << 16 | c << 8 | d);
}

/// A client and the time it has.
struct Lab {
  explicit Lab(DhcpExchange::Time start = {})
      : now(start),
        client(
            mac, "box", [this] { return ++number; }, start) {}

  /// What the client sends now; of kind 0: nothing.
  DhcpQuestion sent() {
    const auto message = client.poll(now);
    to = message ? message->to : 0;
    return message ? parse_question(text_of(message->bytes)) : DhcpQuestion{};
  }
  /// Lets time go on until the client has something to do.
  DhcpQuestion next() {
    REQUIRE(client.next());
    now = *client.next();
    return sent();
  }
  void answer(const DhcpQuestion& question, int kind, std::vector<DhcpOption> options = {},
              const std::string& address = offered) {
    options.insert(options.begin(), {server, mask});
    client.receive(bytes_of(answer_bytes(question, kind, address, options)), now);
  }
  void bind(std::uint32_t seconds = 3600) {
    const DhcpOption lease{51, number_bytes(seconds)};
    answer(next(), 2, {lease});
    answer(sent(), 5, {lease});
    REQUIRE(client.lease());
    begun = now;
  }

  DhcpExchange::Time now, begun;
  std::uint32_t number = 0, to = 0;
  DhcpExchange client;
};

constexpr std::uint32_t everybody = 0xffffffff;

}  // namespace

TEST_CASE("dhcp: what a client asks") {
  const std::string bytes = text_of(dhcp::encode({.transaction = transaction,
                                                  .seconds = 3,
                                                  .mac = mac,
                                                  .wanted_address = ip(192, 0, 2, 7),
                                                  .server = ip(192, 0, 2, 1),
                                                  .hostname = "box.example"}));
  const DhcpQuestion question = parse_question(bytes);
  CHECK(bytes.size() >= 300);
  CHECK(question.kind == 1);
  CHECK(question.head.substr(0, 12) == std::string("\1\1\6\0\1\2\3\4\0\3\x80\0", 12));
  CHECK(question.head.substr(28, 6) == std::string("\x52\x54\0\1\2\3", 6));
  CHECK(question.option(61) == std::string("\1\x52\x54\0\1\2\3", 7));
  CHECK(question.option(50) == offered);
  CHECK(question.option(54) == server.value);
  CHECK(question.option(12) == "box.example");
  CHECK(question.option(57) == number_bytes(1500, 2));
  const std::string wanted = question.option(55);
  CHECK(wanted.find('\x79') < wanted.find('\3'));  // RFC 3442: 121 before 3
  for (const char code : {1, 3, 6, 15, 26, 51, 58, 59}) CHECK(wanted.find(code) != wanted.npos);
  // With an address of its own it needs no broadcasts.
  const std::string renewal = text_of(dhcp::encode({.client_address = ip(192, 0, 2, 7)}));
  CHECK(renewal[10] == 0);
  CHECK(parse_question(renewal).client_address() == offered);
  const auto release = parse_question(text_of(dhcp::encode(
      {.kind = dhcp::Kind::release, .client_address = 1, .server = 1, .hostname = "box"})));
  CHECK(release.kind == 7);
  CHECK(release.option(55).empty());
  CHECK(release.option(12).empty());
}

TEST_CASE("dhcp: all that a server may give") {
  const auto reply = with(
      {{51, number_bytes(7200)},
       {58, number_bytes(100)},
       {59, number_bytes(200)},
       {6,
        address_bytes({{192, 0, 2, 3}, {127, 0, 0, 1}, {9, 9, 9, 9}, {1, 1, 1, 1}, {8, 8, 8, 8}})},
       {15, std::string("example.org bad_name lan\0", 25)},
       {26, number_bytes(1400, 2)},
       {3, address_bytes({{192, 0, 2, 1}})}});
  REQUIRE(reply);
  CHECK(reply->kind == dhcp::Kind::ack);
  CHECK(reply->address == ip(192, 0, 2, 7));
  CHECK(reply->server == ip(192, 0, 2, 1));
  CHECK(reply->prefix_length == 24);
  CHECK(reply->routes == std::vector<dhcp::Route>{{.gateway = ip(192, 0, 2, 1)}});
  CHECK(reply->dns == std::vector<std::uint32_t>{ip(192, 0, 2, 3), ip(9, 9, 9, 9), ip(1, 1, 1, 1)});
  CHECK(reply->search == std::vector<std::string>{"example.org", "lan"});
  CHECK(reply->mtu == 1400);
  CHECK(reply->lease_seconds == 7200);
  CHECK(reply->renew_seconds == 100);
  CHECK(reply->rebind_seconds == 200);
}

TEST_CASE("dhcp: routes") {
  const DhcpOption router{3, address_bytes({{192, 0, 2, 1}})};
  const std::string classless = std::string("\0\xc0\0\2\xfe", 5) +            // default
                                std::string("\x19\x0a\1\2\xff\0\0\0\0", 9) +  // 10.1.2.128/25, here
                                std::string("\x08\x0a\xc0\0\2\2", 6);         // 10/8
  const auto reply = with({router, {121, classless}});
  REQUIRE(reply);
  CHECK(reply->routes == std::vector<dhcp::Route>{{ip(10, 1, 2, 128), 25, 0},
                                                  {0, 0, ip(192, 0, 2, 254)},
                                                  {ip(10, 0, 0, 0), 8, ip(192, 0, 2, 2)}});
  const std::vector<dhcp::Route> by_router{{.gateway = ip(192, 0, 2, 1)}};
  for (const std::string& malformed :
       {classless.substr(0, classless.size() - 1), std::string("\x21\1\1\1\1\1\1\1\1\1", 10),
        std::string("\0\x7f\0\0\1", 5), std::string("\x18", 1)}) {
    CHECK(with({router, {121, malformed}})->routes == by_router);
  }
  std::string many;
  for (char i = 1; i < 40; ++i) many += std::string("\x08", 1) + i + std::string("\xc0\0\2\1", 4);
  CHECK(with({{121, many}})->routes.size() == dhcp::max_routes);
  // A router that is not on the network, or is the client itself, is no use.
  CHECK(with({{3, address_bytes({{192, 0, 3, 1}})}})->routes.empty());
  CHECK(with({{3, offered}})->routes.empty());
}

TEST_CASE("dhcp: options in pieces, and in the fields of the boot protocol") {
  const std::string two = address_bytes({{9, 9, 9, 9}, {1, 1, 1, 1}});
  CHECK(with({{6, two.substr(0, 3)}, {6, two.substr(3)}})->dns.size() == 2);
  std::string answer = answer_bytes(discover(), 5, offered, {server, {52, "\3"}});
  answer.replace(108, 7, std::string("\x01\x04\xff\xff\0\0\xff", 7));
  answer.replace(44, 6, std::string("\0\x1a\2\5\xdc\xff", 6));
  const auto reply = parse_answer(answer);
  REQUIRE(reply);
  CHECK(reply->prefix_length == 16);
  CHECK(reply->mtu == 1500);
  answer[109] = '\xff';  // beyond its field
  CHECK_FALSE(parse_answer(answer));
}

TEST_CASE("dhcp: times are in order, whatever the server says") {
  const auto times = [](std::uint32_t lease, std::uint32_t renew, std::uint32_t rebind) {
    const auto reply =
        with({{51, number_bytes(lease)}, {58, number_bytes(renew)}, {59, number_bytes(rebind)}});
    REQUIRE(reply);
    CHECK(0 < reply->renew_seconds);
    CHECK(reply->renew_seconds < reply->rebind_seconds);
    CHECK(reply->rebind_seconds < reply->lease_seconds);
    return *reply;
  };
  CHECK(times(3600, 0, 0).renew_seconds == 1800);
  CHECK(times(3600, 0, 0).rebind_seconds == 3150);
  CHECK(times(10, 20, 5).renew_seconds == 4);
  CHECK(times(10, 9, 30).rebind_seconds == 9);
  CHECK(times(dhcp::for_ever, dhcp::for_ever, 1).lease_seconds == dhcp::for_ever);
  CHECK(times(100, 5, 2).renew_seconds == 1);
  CHECK(with({})->lease_seconds == 3600);
  CHECK_FALSE(with({{51, number_bytes(9)}}));
}

TEST_CASE("dhcp: what is no answer, or no use") {
  const std::string good = answer_bytes(discover(), 5, offered, {server, mask});
  const auto is_ours = [](std::string bytes, std::size_t at, char value) {
    bytes[at] = value;
    return dhcp::is_answer(bytes_of(bytes), transaction, mac);
  };
  CHECK(is_ours(good, 0, 2));
  CHECK_FALSE(is_ours(good, 0, 1));    // a question
  CHECK_FALSE(is_ours(good, 1, 6));    // another kind of network
  CHECK_FALSE(is_ours(good, 2, 16));   // with longer addresses
  CHECK_FALSE(is_ours(good, 5, 9));    // another transaction
  CHECK_FALSE(is_ours(good, 33, 9));   // another client
  CHECK_FALSE(is_ours(good, 236, 0));  // no DHCP
  for (std::size_t size = 0; size < 240; ++size) {
    const auto part = bytes_of(good.substr(0, size));
    CHECK_FALSE(dhcp::is_answer(part, transaction, mac));
    CHECK_FALSE(dhcp::parse_reply(part));
  }
  // Cut in an option: not whole. After one: what is missing was not said.
  CHECK_FALSE(parse_answer(good.substr(0, good.size() - 2)));
  CHECK_FALSE(parse_answer(good.substr(0, 240)));
  const auto of_kind = [](int kind) {
    return parse_answer(answer_bytes(discover(), kind, offered, {server, mask})).has_value();
  };
  for (const int kind : {0, 1, 3, 4, 7, 8, 255}) CHECK_FALSE(of_kind(kind));
  for (const int kind : {2, 5, 6}) CHECK(of_kind(kind));
  CHECK_FALSE(parse_answer(answer_bytes(discover(), 5, offered, {mask})));  // of whom?
  for (const auto& address : {std::array{0, 0, 0, 0},
                              {127, 0, 0, 1},
                              {224, 0, 0, 1},
                              {255, 255, 255, 255},
                              {192, 0, 2, 0},
                              {192, 0, 2, 255}}) {
    CHECK_FALSE(
        parse_answer(answer_bytes(discover(), 5, address_bytes({address}), {server, mask})));
  }
  for (const auto& odd : {std::array{0, 0, 0, 0}, {255, 0, 255, 0}, {255, 255, 255, 1}}) {
    CHECK_FALSE(
        parse_answer(answer_bytes(discover(), 5, offered, {server, {1, address_bytes({odd})}})));
  }
  CHECK_FALSE(parse_answer(answer_bytes(discover(), 5, offered, {server, {1, "\xff"}})));
  // Without a mask the address's class tells; what else is malformed is left out.
  CHECK(parse_answer(answer_bytes(discover(), 5, offered, {server}))->prefix_length == 24);
  const auto bare =
      with({{6, "abc"}, {26, "1"}, {3, "abc"}, {15, "a..b -x y-"}, {26, number_bytes(100, 2)}});
  REQUIRE(bare);
  CHECK(bare->dns.empty());
  CHECK(bare->mtu == 0);
  CHECK(bare->routes.empty());
  CHECK(bare->search.empty());
}

TEST_CASE("dhcp: names of domains") {
  for (const char* good : {"a", "lan", "example.org", "xn--bcher-kva.example", "3com.com"})
    CHECK(is_domain(good));
  CHECK(is_domain(std::string(63, 'a')));
  for (const char* bad :
       {"", ".", "a.", ".a", "a..b", "-a", "a-", "a_b", "a b", "a\nb", "\xc3\xbc"})
    CHECK_FALSE(is_domain(bad));
  CHECK_FALSE(is_domain(std::string(64, 'a')));
  std::string longest = "a";
  while (longest.size() < 253) longest += ".a";
  CHECK(is_domain(longest));
  CHECK_FALSE(is_domain(longest + ".a"));
}

TEST_CASE("dhcp: an address is got, though messages are lost") {
  Lab lab;
  CHECK(lab.sent().kind == 1);
  CHECK(lab.to == everybody);
  CHECK(lab.sent().kind == 0);  // not yet again
  for (const auto pause : {500ms, 1000ms, 2000ms}) {
    const auto before = lab.now;
    CHECK(lab.next().kind == 1);
    CHECK(lab.now - before == pause);
  }
  const DhcpQuestion last = lab.next();
  CHECK(last.head.substr(8, 2) == number_bytes(7, 2));  // "seconds"
  lab.answer(last, 2);
  DhcpQuestion request = lab.sent();
  CHECK(request.kind == 3);
  CHECK(request.option(50) == offered);
  CHECK(request.option(54) == server.value);
  CHECK(request.option(12) == "box");
  CHECK(request.head.substr(4, 4) == last.head.substr(4, 4));
  request = lab.next();
  CHECK(request.kind == 3);
  lab.answer(request, 5, {{51, number_bytes(3600)}});
  REQUIRE(lab.client.lease());
  CHECK(lab.client.lease()->address == ip(192, 0, 2, 7));
  CHECK(lab.client.changes() == 1);
  CHECK_FALSE(lab.client.listens());
  CHECK(*lab.client.next() == lab.now - 500ms + 1800s);  // from the first request on
  // Whatever comes now was not asked for.
  lab.answer(request, 6);
  CHECK(lab.client.lease());
}

TEST_CASE("dhcp: an offer that is not kept, a refusal, an answer of another server") {
  Lab lab;
  lab.answer(lab.next(), 2);
  for (int i = 0; i < 4; ++i) CHECK(lab.next().kind == 3);
  const DhcpQuestion again = lab.next();
  CHECK(again.kind == 1);
  lab.answer(again, 5);  // not asked for
  CHECK_FALSE(lab.client.lease());
  for (int i = 0; i < 3; ++i) {
    lab.answer(i == 0 ? again : lab.next(), 2);
    const DhcpQuestion request = lab.next();
    CHECK(request.kind == 3);
    auto other = answer_bytes(request, 5, offered, {{54, address_bytes({{192, 0, 2, 9}})}, mask});
    lab.client.receive(bytes_of(other), lab.now);
    lab.answer(request, 5, {}, address_bytes({{192, 0, 2, 8}}));
    lab.answer(request, 2);
    CHECK_FALSE(lab.client.lease());
    lab.answer(request, 6);
    CHECK(lab.sent().kind == 0);  // later, and later each time
    CHECK(*lab.client.next() - lab.now == 500ms * (1 << i));
  }
  auto odd = answer_bytes(lab.next(), 2, offered, {server, {1, "\xff"}});
  lab.client.receive(bytes_of(odd), lab.now);
  CHECK(lab.client.tried() ==
        "5 DHCPDISCOVER and 7 DHCPREQUEST sent, 4 DHCPOFFER and 3 DHCPNAK received, 1 answers of "
        "no use");
  CHECK(lab.client.changes() == 0);
  CHECK_FALSE(lab.client.release());
}

TEST_CASE("dhcp: a lease is renewed by its server") {
  Lab lab;
  lab.bind();
  const DhcpQuestion renewal = lab.next();
  CHECK(lab.now == lab.begun + 1800s);
  CHECK(renewal.kind == 3);
  CHECK(renewal.client_address() == offered);
  CHECK(renewal.option(50).empty());
  CHECK(renewal.option(54).empty());
  CHECK(lab.to == ip(192, 0, 2, 1));
  const DhcpQuestion again = lab.next();  // half of what is left until T2
  CHECK(lab.now == lab.begun + 1800s + 675s);
  lab.answer(again, 5, {{51, number_bytes(1000)}});
  CHECK(lab.client.lease()->lease_seconds == 1000);
  CHECK(lab.client.changes() == 2);
  CHECK(*lab.client.next() == lab.begun + 1800s + 500s);
  const auto release = lab.client.release();
  REQUIRE(release);
  CHECK(release->to == ip(192, 0, 2, 1));
  const auto bytes = parse_question(text_of(release->bytes));
  CHECK(bytes.kind == 7);
  CHECK(bytes.client_address() == offered);
  CHECK(bytes.option(54) == server.value);
}

TEST_CASE("dhcp: a lease is renewed by any server") {
  Lab lab;
  lab.bind();
  while (lab.now < lab.begun + 3150s) {
    const DhcpQuestion renewal = lab.next();
    if (lab.now >= lab.begun + 3150s) break;
    CHECK(lab.to == ip(192, 0, 2, 1));
  }
  CHECK(lab.now == lab.begun + 3150s);
  CHECK(lab.to == everybody);
  const DhcpQuestion rebinding = lab.next();
  CHECK(lab.to == everybody);
  CHECK(rebinding.kind == 3);
  CHECK(rebinding.client_address() == offered);
  const auto other =
      answer_bytes(rebinding, 5, offered, {{54, address_bytes({{192, 0, 2, 9}})}, mask});
  lab.client.receive(bytes_of(other), lab.now);
  CHECK(lab.client.lease()->server == ip(192, 0, 2, 9));
  CHECK_FALSE(lab.client.listens());
}

TEST_CASE("dhcp: a lease that nobody renews is lost, and one is asked for anew") {
  Lab lab;
  lab.bind();
  int questions = 0;
  while (lab.client.lease()) {
    REQUIRE(++questions < 40);
    lab.next();
  }
  CHECK(lab.now == lab.begun + 3600s);
  CHECK(lab.client.changes() == 2);
  CHECK_FALSE(lab.client.release());
  lab.answer(lab.next(), 2);
  lab.answer(lab.next(), 5);
  CHECK(lab.client.lease());
  CHECK(lab.client.changes() == 3);
}

TEST_CASE("dhcp: a lease that is refused is lost at once") {
  Lab lab;
  lab.bind();
  lab.answer(lab.next(), 6);
  CHECK_FALSE(lab.client.lease());
  CHECK(lab.client.changes() == 2);
  CHECK(lab.next().kind == 1);
}

TEST_CASE("dhcp: a lease for ever is never asked for again") {
  Lab lab;
  lab.bind(dhcp::for_ever);
  CHECK_FALSE(lab.client.next());
  lab.client.slept(1000h, lab.now);
  CHECK_FALSE(lab.client.next());
}

TEST_CASE("dhcp: a machine that stood still asks whether the address is still its own") {
  Lab lab;
  lab.bind();
  lab.client.slept(600s, lab.now);
  const DhcpQuestion question = lab.next();
  CHECK(lab.now == lab.begun);
  CHECK(lab.to == everybody);
  CHECK(question.client_address() == offered);
  SUBCASE("it is") {
    lab.answer(question, 5, {{51, number_bytes(3600)}});
    CHECK(*lab.client.next() == lab.begun + 1800s);
  }
  SUBCASE("it is not") {
    lab.answer(question, 6);
    CHECK_FALSE(lab.client.lease());
  }
  SUBCASE("nobody knows: for what is left of its time") {
    while (lab.client.lease()) lab.next();
    CHECK(lab.now == lab.begun + 3000s);
  }
  SUBCASE("nobody knows, and its time is over") {
    lab.client.slept(1000h, lab.now);
    while (lab.client.lease()) lab.next();
    CHECK(lab.now == lab.begun + 10s);
  }
}

TEST_CASE("dhcp: a client that was not served for long does what is due at once") {
  Lab lab;
  lab.bind();
  lab.now += 10h;
  CHECK(lab.sent().kind == 1);
  CHECK_FALSE(lab.client.lease());
}
