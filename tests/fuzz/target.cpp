// SPDX-License-Identifier: Apache-2.0
#include "fuzz/target.hpp"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <string>

namespace vmkit::fuzz {
namespace {

constexpr std::size_t longest_message = 4096;

std::vector<const Target*>& registered() {
  static std::vector<const Target*> all;
  return all;
}

bool fit_for_a_log(std::string_view message) {
  return !message.empty() && message.size() <= longest_message &&
         std::none_of(message.begin(), message.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

}  // namespace

Target::Target(const char* its_name, Run its_run) : name(its_name), run(its_run) {
  registered().push_back(this);
}

const std::vector<const Target*>& targets() {
  return registered();
}

void require(bool holds, std::string_view property) {
  if (holds) return;
  std::cerr << "the property does not hold: " << property << std::endl;
  std::abort();
}

bool accepts(std::initializer_list<Errc> documented, const std::function<void()>& call) {
  try {
    call();
    return true;
  } catch (const Error& error) {
    const std::string told = std::string(to_string(error.code())) + ": " + error.what();
    require(std::find(documented.begin(), documented.end(), error.code()) != documented.end(),
            "only documented errors; " + told);
    require(fit_for_a_log(error.what()), "messages are short and printable; " + told);
    return false;
  }
}

}  // namespace vmkit::fuzz
