// SPDX-License-Identifier: Apache-2.0
// A profile becomes a classic BPF program over struct seccomp_data: the architecture, then a binary
// search for the number, whose leaves are actions or tests of arguments. The kernel runs the filter
// for each number when it is loaded, so that depth counts, not only for the calls themselves.
#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <string>

#include "agent/seccomp/profile.hpp"

#include <vmkit/base/byte_order.hpp>
#include <vmkit/base/error.hpp>

namespace vmkit::agent::seccomp {
namespace {

struct Instruction {
  std::uint16_t code;
  std::uint8_t if_true;
  std::uint8_t if_false;
  std::uint32_t value;
};
using Code = std::vector<Instruction>;

// linux/bpf_common.h
constexpr std::uint16_t load = 0x20;
constexpr std::uint16_t mask = 0x54;
constexpr std::uint16_t jump = 0x05;
constexpr std::uint16_t jump_equal = 0x15;
constexpr std::uint16_t jump_greater = 0x25;
constexpr std::uint16_t jump_greater_equal = 0x35;
constexpr std::uint16_t give = 0x06;

// struct seccomp_data
constexpr std::uint32_t number_offset = 0;
constexpr std::uint32_t architecture_offset = 4;
constexpr std::uint32_t arguments_offset = 16;

constexpr std::uint32_t x32_bit = 0x40000000;
constexpr std::size_t most_instructions = 4096;
constexpr std::size_t longest_jump = 255;

void append(Code& code, const Code& more) {
  code.insert(code.end(), more.begin(), more.end());
}

// Where a test goes on, until it is known how far that is: at the end of the condition, or past the
// whole rule.
constexpr std::uint8_t to_end = 0xfe;
constexpr std::uint8_t to_next_rule = 0xff;

void resolve(Code& code, std::uint8_t mark, std::size_t target) {
  for (std::size_t i = 0; i < code.size(); ++i) {
    const auto distance = static_cast<std::uint8_t>(target - i - 1);
    const bool jumps = code[i].code == jump_equal || code[i].code == jump_greater ||
                       code[i].code == jump_greater_equal;
    if (jumps && code[i].if_true == mark) code[i].if_true = distance;
    if (jumps && code[i].if_false == mark) code[i].if_false = distance;
  }
}

// Words of 32 bits are all that there is: the high half of an argument decides, or else the low
// one. Of a 32-bit program there is no high half.
Code test(const Condition& condition, bool wide) {
  const std::uint32_t low_offset = arguments_offset + 8 * condition.argument;
  const auto low = static_cast<std::uint32_t>(condition.value);
  const auto high = static_cast<std::uint32_t>(condition.value >> 32);
  Code code;
  const auto load_low = [&] { code.push_back({load, 0, 0, low_offset}); };
  const auto load_high = [&] { code.push_back({load, 0, 0, low_offset + 4}); };
  switch (condition.comparison) {
    case Comparison::equal:
      if (wide) {
        load_high();
        code.push_back({jump_equal, 0, to_next_rule, high});
      }
      load_low();
      code.push_back({jump_equal, 0, to_next_rule, low});
      break;
    case Comparison::not_equal:
      if (wide) {
        load_high();
        code.push_back({jump_equal, 0, to_end, high});
      }
      load_low();
      code.push_back({jump_equal, to_next_rule, 0, low});
      break;
    case Comparison::masked_equal:
      if (wide) {
        load_high();
        code.push_back({mask, 0, 0, high});
        code.push_back(
            {jump_equal, 0, to_next_rule, static_cast<std::uint32_t>(condition.second >> 32)});
      }
      load_low();
      code.push_back({mask, 0, 0, low});
      code.push_back({jump_equal, 0, to_next_rule, static_cast<std::uint32_t>(condition.second)});
      break;
    case Comparison::greater:
    case Comparison::greater_equal:
      if (wide) {
        load_high();
        code.push_back({jump_greater, to_end, 0, high});
        code.push_back({jump_equal, 0, to_next_rule, high});
      }
      load_low();
      code.push_back(
          {condition.comparison == Comparison::greater ? jump_greater : jump_greater_equal, 0,
           to_next_rule, low});
      break;
    case Comparison::less:
    case Comparison::less_equal:
      if (wide) {
        load_high();
        code.push_back({jump_greater, to_next_rule, 0, high});
        code.push_back({jump_equal, 0, to_end, high});
      }
      load_low();
      code.push_back({condition.comparison == Comparison::less ? jump_greater_equal : jump_greater,
                      to_next_rule, 0, low});
      break;
  }
  resolve(code, to_end, code.size());
  return code;
}

/// What happens to one call, in the order of the profile.
struct Alternative {
  std::vector<Condition> conditions;
  Action action;
};
using Decision = std::vector<Alternative>;

Code code_of(const Decision& decision, Action otherwise, bool wide) {
  Code code;
  for (const Alternative& alternative : decision) {
    Code rule;
    for (const Condition& condition : alternative.conditions) append(rule, test(condition, wide));
    rule.push_back({give, 0, 0, alternative.action});
    resolve(rule, to_next_rule, rule.size());
    append(code, rule);
    if (alternative.conditions.empty()) return code;
  }
  code.push_back({give, 0, 0, otherwise});
  return code;
}

/// The calls from `first` on to the next range.
struct Range {
  std::uint32_t first;
  Code code;
};

Code search(const Range* begin, const Range* end) {
  if (end - begin == 1) return begin->code;
  const Range* middle = begin + (end - begin) / 2;
  const Code below = search(begin, middle);
  Code code;
  if (below.size() <= longest_jump) {
    code.push_back({jump_greater_equal, static_cast<std::uint8_t>(below.size()), 0, middle->first});
  } else {
    code.push_back({jump_greater_equal, 0, 1, middle->first});
    code.push_back({jump, 0, 0, static_cast<std::uint32_t>(below.size())});
  }
  append(code, below);
  append(code, search(middle, end));
  return code;
}

Code code_for(Abi abi, const Profile& profile) {
  std::map<std::string_view, std::uint32_t> numbers;
  for (const SystemCall& call : system_calls(abi)) numbers.emplace(call.name, call.number);
  std::map<std::uint32_t, Decision> decisions;
  std::uint32_t newest = 0;
  for (const Rule& rule : profile.rules) {
    for (const std::string& name : rule.names) {
      const auto found = numbers.find(name);
      if (found == numbers.end()) continue;
      newest = std::max(newest, found->second);
      decisions[found->second].push_back({rule.conditions, rule.action});
    }
  }
  const bool wide = abi != Abi::x86;
  const Action otherwise = profile.default_action;
  const bool fails = (otherwise & ~data_mask) == fail && !profile.rules.empty();
  std::vector<Range> ranges{{0, {{give, 0, 0, otherwise}}}};
  const auto add = [&](std::uint32_t first, Code code) {
    if (ranges.back().first == first) ranges.pop_back();
    const auto same = [](const Instruction& a, const Instruction& b) {
      return a.code == b.code && a.if_true == b.if_true && a.if_false == b.if_false &&
             a.value == b.value;
    };
    if (ranges.empty() || !std::equal(code.begin(), code.end(), ranges.back().code.begin(),
                                      ranges.back().code.end(), same)) {
      ranges.push_back({first, std::move(code)});
    }
  };
  for (const auto& [number, decision] : decisions) {
    add(number, code_of(decision, otherwise, wide));
    add(number + 1, {{give, 0, 0, otherwise}});
  }
  if (fails) add(newest + 1, {{give, 0, 0, fail | errno_enosys}});
  if (abi == Abi::x86_64) add(x32_bit, {{give, 0, 0, fail | errno_enosys}});

  Code code{{load, 0, 0, number_offset}};
  append(code, search(ranges.data(), ranges.data() + ranges.size()));
  return code;
}

}  // namespace

SeccompFilter compile(const Profile& profile, Architecture architecture) {
  Code code{{load, 0, 0, architecture_offset}};
  std::vector<Abi> abis{abi_of(architecture)};
  for (const Abi other : profile.other_abis) {
    if (std::find(abis.begin(), abis.end(), other) == abis.end()) abis.push_back(other);
  }
  for (const Abi abi : abis) {
    const Code own = code_for(abi, profile);
    code.push_back({jump_equal, 1, 0, audit_architecture(abi)});
    code.push_back({jump, 0, 0, static_cast<std::uint32_t>(own.size())});
    append(code, own);
  }
  code.push_back({give, 0, 0, kill_process});
  if (code.size() > most_instructions) {
    throw Error(Errc::invalid_argument, "seccomp profile: expected at most " +
                                            std::to_string(most_instructions) +
                                            " instructions, found " + std::to_string(code.size()));
  }
  SeccompFilter filter;
  for (const Instruction& instruction : code) {
    std::byte bytes[8];
    store_le<std::uint16_t>(bytes, instruction.code);
    bytes[2] = static_cast<std::byte>(instruction.if_true);
    bytes[3] = static_cast<std::byte>(instruction.if_false);
    store_le<std::uint32_t>(bytes + 4, instruction.value);
    filter.program.insert(filter.program.end(), std::begin(bytes), std::end(bytes));
  }
  return filter;
}

}  // namespace vmkit::agent::seccomp
