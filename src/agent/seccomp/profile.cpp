// SPDX-License-Identifier: Apache-2.0
#include "agent/seccomp/profile.hpp"

#include <algorithm>
#include <optional>

#include "agent/capability_names.hpp"
#include "agent/json.hpp"

#include <vmkit/base/error.hpp>

namespace vmkit::agent::seccomp {
namespace {

constexpr std::size_t most_text = 1024 * 1024;
constexpr std::size_t most_rules = 4096;

[[noreturn]] void wrong(const std::string& field, const std::string& problem) {
  throw Error(Errc::invalid_argument, "seccomp profile: " + field + ": " + problem);
}

const Json* member(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

template <class T>
T get(const Json& value, const std::string& field, const char* expected) {
  try {
    return value.get<T>();
  } catch (const Json::exception&) {
    wrong(field, std::string("expected ") + expected);
  }
}

std::uint64_t number(const Json& value, const std::string& field) {
  if (!value.is_number_unsigned()) wrong(field, "expected a number from 0 on");
  return value.get<std::uint64_t>();
}

std::vector<std::string> words(const Json& object, const char* name, const std::string& field) {
  const Json* const list = member(object, name);
  if (list == nullptr) return {};
  return get<std::vector<std::string>>(*list, field + name, "a list of words");
}

Action parse_action(const Json& value, const Json* data, const std::string& field) {
  const auto name = get<std::string>(value, field, "an action");
  Action with = errno_eperm;
  if (data != nullptr) {
    const std::uint64_t given = number(*data, field + "'s errnoRet");
    if (given > data_mask) wrong(field, "expected an errnoRet of at most 65535");
    with = static_cast<Action>(given);
  }
  if (name == "SCMP_ACT_ALLOW") return allow;
  if (name == "SCMP_ACT_ERRNO") return fail | with;
  if (name == "SCMP_ACT_KILL" || name == "SCMP_ACT_KILL_THREAD") return kill_thread;
  if (name == "SCMP_ACT_KILL_PROCESS") return kill_process;
  if (name == "SCMP_ACT_TRAP") return trap;
  if (name == "SCMP_ACT_TRACE") return trace | with;
  if (name == "SCMP_ACT_LOG") return log;
  if (name == "SCMP_ACT_NOTIFY") {
    throw Error(Errc::unsupported, "seccomp profile: " + field + ": SCMP_ACT_NOTIFY");
  }
  wrong(field, "unknown action \"" + name + "\"");
}

Condition parse_condition(const Json& value, const std::string& field) {
  constexpr std::pair<const char*, Comparison> operators[] = {
      {"SCMP_CMP_NE", Comparison::not_equal},          {"SCMP_CMP_LT", Comparison::less},
      {"SCMP_CMP_LE", Comparison::less_equal},         {"SCMP_CMP_EQ", Comparison::equal},
      {"SCMP_CMP_GE", Comparison::greater_equal},      {"SCMP_CMP_GT", Comparison::greater},
      {"SCMP_CMP_MASKED_EQ", Comparison::masked_equal}};
  if (!value.is_object()) wrong(field, "expected an object");
  Condition condition;
  const Json* const index = member(value, "index");
  if (index == nullptr || number(*index, field + ".index") > 5) {
    wrong(field + ".index", "expected 0 to 5");
  }
  condition.argument = index->get<unsigned>();
  const Json* const first = member(value, "value");
  condition.value = first == nullptr ? 0 : number(*first, field + ".value");
  const Json* const second = member(value, "valueTwo");
  condition.second = second == nullptr ? 0 : number(*second, field + ".valueTwo");
  const Json* const op = member(value, "op");
  const auto name = op == nullptr ? "" : get<std::string>(*op, field + ".op", "an operator");
  for (const auto& [known, comparison] : operators) {
    if (name != known) continue;
    condition.comparison = comparison;
    return condition;
  }
  wrong(field + ".op", "unknown operator \"" + name + "\"");
}

const char* docker_name(Architecture architecture) {
  return architecture == Architecture::arm64 ? "arm64" : "amd64";
}

bool has(const std::vector<std::string>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

/// Docker's includes and excludes; minKernel is older than any kernel with an agent of ours.
bool applies(const Json& rule, const std::string& field, const SeccompTarget& target) {
  const std::uint64_t held = capability_mask("seccomp: capabilities", target.capabilities);
  const auto holds = [&](const std::string& name) {
    try {
      return (held & capability_mask("", {name})) != 0;
    } catch (const Error&) {
      return false;  // a capability that is yet to come
    }
  };
  const std::string own = docker_name(target.architecture);
  if (const Json* const includes = member(rule, "includes")) {
    const auto caps = words(*includes, "caps", field + ".includes.");
    const auto arches = words(*includes, "arches", field + ".includes.");
    if (!std::all_of(caps.begin(), caps.end(), holds)) return false;
    if (!arches.empty() && !has(arches, own)) return false;
  }
  if (const Json* const excludes = member(rule, "excludes")) {
    const auto caps = words(*excludes, "caps", field + ".excludes.");
    if (std::any_of(caps.begin(), caps.end(), holds)) return false;
    if (has(words(*excludes, "arches", field + ".excludes."), own)) return false;
  }
  return true;
}

void parse_rule(const Json& value, const std::string& field, const SeccompTarget& target,
                Profile& profile) {
  if (!value.is_object()) wrong(field, "expected an object");
  if (!applies(value, field, target)) return;
  Rule rule;
  rule.names = words(value, "names", field + ".");
  if (const Json* const name = member(value, "name")) {
    rule.names.push_back(get<std::string>(*name, field + ".name", "a name"));
  }
  const Json* const action = member(value, "action");
  if (action == nullptr) wrong(field + ".action", "expected an action");
  rule.action = parse_action(*action, member(value, "errnoRet"), field + ".action");
  if (rule.action == profile.default_action) return;
  bool repeated = false;
  if (const Json* const args = member(value, "args")) {
    if (!args->is_array()) wrong(field + ".args", "expected a list");
    for (std::size_t i = 0; i < args->size(); ++i) {
      const Condition condition =
          parse_condition((*args)[i], field + ".args[" + std::to_string(i) + "]");
      repeated = repeated || std::any_of(rule.conditions.begin(), rule.conditions.end(),
                                         [&](const Condition& other) {
                                           return other.argument == condition.argument;
                                         });
      rule.conditions.push_back(condition);
    }
  }
  if (!repeated) return profile.rules.push_back(std::move(rule));
  // As runc does: if an argument stands twice, any of the conditions is enough.
  for (const Condition& condition : rule.conditions) {
    profile.rules.push_back({rule.names, rule.action, {condition}});
  }
}

void add_abi(const std::string& name, Profile& profile) {
  if (name == "SCMP_ARCH_X86") profile.other_abis.push_back(Abi::x86);
}

void parse_architectures(const Json& document, const SeccompTarget& target, Profile& profile) {
  for (const std::string& name : words(document, "architectures", "")) add_abi(name, profile);
  const Json* const map = member(document, "archMap");
  if (map == nullptr) return;
  if (!map->is_array()) wrong("archMap", "expected a list");
  const std::string own =
      target.architecture == Architecture::arm64 ? "SCMP_ARCH_AARCH64" : "SCMP_ARCH_X86_64";
  for (const Json& entry : *map) {
    if (!entry.is_object()) wrong("archMap", "expected objects");
    const Json* const name = member(entry, "architecture");
    if (name == nullptr || *name != own) continue;
    for (const std::string& other : words(entry, "subArchitectures", "archMap.")) {
      add_abi(other, profile);
    }
  }
}

}  // namespace

Profile parse_profile(std::string_view json, const SeccompTarget& target) {
  if (json.size() > most_text) {
    throw Error(Errc::invalid_argument, "seccomp profile: longer than 1 MiB");
  }
  Json document;
  try {
    document = parse_message(json);
  } catch (const Error&) {
    throw Error(Errc::invalid_argument, "seccomp profile: not a JSON object");
  }
  if (member(document, "listenerPath") != nullptr) {
    throw Error(Errc::unsupported, "seccomp profile: listenerPath");
  }
  Profile profile;
  const Json* const action = member(document, "defaultAction");
  if (action == nullptr) wrong("defaultAction", "expected an action");
  profile.default_action =
      parse_action(*action, member(document, "defaultErrnoRet"), "defaultAction");
  parse_architectures(document, target, profile);
  const Json* const rules = member(document, "syscalls");
  if (rules == nullptr) return profile;
  if (!rules->is_array() || rules->size() > most_rules) {
    wrong("syscalls", "expected a list of at most 4096 rules");
  }
  for (std::size_t i = 0; i < rules->size(); ++i) {
    parse_rule((*rules)[i], "syscalls[" + std::to_string(i) + "]", target, profile);
  }
  return profile;
}

}  // namespace vmkit::agent::seccomp

namespace vmkit::agent {

SeccompFilter compile_seccomp(std::string_view profile, const SeccompTarget& target) {
  return seccomp::compile(seccomp::parse_profile(profile, target), target.architecture);
}

SeccompFilter default_seccomp_filter(const SeccompTarget& target) {
  return seccomp::compile(seccomp::default_profile(target), target.architecture);
}

}  // namespace vmkit::agent
