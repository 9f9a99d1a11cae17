// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

// The server's end of DHCP, written by the RFCs and not by what the client has.
namespace vmkit::test {

/// The bytes of "192.0.2.7" for an option's value, one address after the other.
inline std::string address_bytes(std::initializer_list<std::array<int, 4>> addresses) {
  std::string bytes;
  for (const auto& address : addresses) {
    for (const int part : address) bytes += static_cast<char>(part);
  }
  return bytes;
}

inline std::string number_bytes(std::uint32_t number, int size = 4) {
  std::string bytes;
  for (int shift = 8 * (size - 1); shift >= 0; shift -= 8) {
    bytes += static_cast<char>(number >> shift & 0xff);
  }
  return bytes;
}

struct DhcpOption {
  int code;
  std::string value;
};

/// A client's message, as far as a server looks at it. Of a message that is none, kind is 0.
struct DhcpQuestion {
  int kind = 0;
  std::string head;  // the fixed part
  std::vector<DhcpOption> options;

  std::string option(int code) const {
    for (const DhcpOption& one : options) {
      if (one.code == code) return one.value;
    }
    return {};
  }
  std::string client_address() const { return head.substr(12, 4); }
};

inline DhcpQuestion parse_question(const std::string& bytes) {
  DhcpQuestion question;
  if (bytes.size() < 241 || bytes[0] != 1 || bytes.substr(236, 4) != "\x63\x82\x53\x63") return {};
  question.head = bytes.substr(0, 236);
  for (std::size_t at = 240;
       at + 1 < bytes.size() && static_cast<unsigned char>(bytes[at]) != 255;) {
    const auto size = static_cast<unsigned char>(bytes[at + 1]);
    question.options.push_back({static_cast<unsigned char>(bytes[at]), bytes.substr(at + 2, size)});
    at += 2 + size;
  }
  const std::string kind = question.option(53);
  question.kind = kind.size() == 1 ? kind[0] : 0;
  return question;
}

/// A server's message to whoever asked: its kind (2 offer, 5 ack, 6 nak), the address that is
/// given, the options behind the kind.
inline std::string answer_bytes(const DhcpQuestion& question, int kind, const std::string& address,
                                const std::vector<DhcpOption>& options) {
  std::string bytes = question.head;
  bytes[0] = 2;
  bytes.replace(12, 4, std::string(4, '\0'));
  bytes.replace(16, 4, address);
  bytes += "\x63\x82\x53\x63";
  bytes += std::string("\x35\x01", 2) + static_cast<char>(kind);
  for (const DhcpOption& option : options) {
    bytes += static_cast<char>(option.code);
    bytes += static_cast<char>(option.value.size());
    bytes += option.value;
  }
  return bytes + '\xff';
}

}  // namespace vmkit::test
