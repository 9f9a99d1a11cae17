// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <initializer_list>
#include <string_view>
#include <vector>

#include <vmkit/base/error.hpp>

// What the fuzz targets share. A target is one source file with one Target object; which program it
// is linked into decides whether a fuzzer or the replay of the corpus drives it.
namespace vmkit::fuzz {

/// A parser of foreign bytes together with the properties that it must have for every input.
class Target {
 public:
  using Run = void (*)(std::string_view input);

  Target(const char* name, Run run);

  const char* name;
  Run run;
};

/// The targets that this program was linked with.
const std::vector<const Target*>& targets();

/// Ends the program, with a message, unless the property holds: fuzzers count that as a crash.
void require(bool holds, std::string_view property);

/// Whether `call` comes to its end. Only an Error may keep it from that, with one of the documented
/// codes, and with a message that is fit for a log: short, and no bytes that a terminal would obey.
bool accepts(std::initializer_list<Errc> documented, const std::function<void()>& call);

}  // namespace vmkit::fuzz
