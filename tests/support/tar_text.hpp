// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace vmkit::test {

/// A tar member written by hand, so that a test can make it as wrong as it likes.
struct TarMember {
  std::string name;
  char type = '0';
  std::string data = {};
  std::string link = {};
  unsigned mode = 0644;
  unsigned uid = 0;
  unsigned gid = 0;
  unsigned long long mtime = 1'600'000'000;
  unsigned major = 0;
  unsigned minor = 0;
  long long size = -1;  ///< In the header, if not that of `data`.
};

inline std::string padded(std::string data) {
  data.resize((data.size() + 511) / 512 * 512, '\0');
  return data;
}

inline std::string tar_header(const TarMember& member) {
  std::string header(512, '\0');
  auto put = [&](std::size_t at, const std::string& text) {
    header.replace(at, text.size(), text);
  };
  auto octal = [&](std::size_t at, int digits, unsigned long long value) {
    char text[32];
    std::snprintf(text, sizeof text, "%0*llo", digits, value);
    put(at, text);
  };
  put(0, member.name.substr(0, 100));
  octal(100, 7, member.mode);
  octal(108, 7, member.uid);
  octal(116, 7, member.gid);
  octal(124, 11,
        member.size >= 0 ? static_cast<unsigned long long>(member.size) : member.data.size());
  octal(136, 11, member.mtime);
  put(148, "        ");
  header[156] = member.type;
  put(157, member.link.substr(0, 100));
  put(257, std::string("ustar\0", 6) + "00");
  octal(329, 7, member.major);
  octal(337, 7, member.minor);
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  octal(148, 6, sum);
  header[154] = '\0';
  return header;
}

inline std::string tar_member(const TarMember& member) {
  return tar_header(member) + padded(member.data);
}

/// A pax extended header for the member that follows.
inline std::string pax_header(const std::vector<std::pair<std::string, std::string>>& records) {
  std::string body;
  for (const auto& [key, value] : records) {
    const std::string rest = " " + key + "=" + value + "\n";
    std::size_t length = rest.size() + 1;
    while (std::to_string(length).size() + rest.size() != length) ++length;
    body += std::to_string(length) + rest;
  }
  return tar_member({.name = "PaxHeaders/x", .type = 'x', .data = body});
}

inline std::string tar_end() {
  return std::string(1024, '\0');
}

}  // namespace vmkit::test
