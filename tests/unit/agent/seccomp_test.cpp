// SPDX-License-Identifier: Apache-2.0
// Filters of system calls, run by a machine of ours and held against those of libseccomp.
#include <algorithm>
#include <cstdlib>
#include <doctest/doctest.h>
#include <random>
#include <set>
#include <unistd.h>

#include "agent/seccomp/system_calls.hpp"
#include "support/errors.hpp"
#include "unit/agent/bpf_machine.hpp"

#include <vmkit/agent/seccomp.hpp>

#ifdef VMKIT_TEST_LIBSECCOMP
#include <seccomp.h>
#endif

namespace {

using namespace vmkit;
using namespace vmkit::agent;
using seccomp::Abi;
using test::check_error;
using test::run_filter;
using test::SystemCallData;

constexpr std::uint32_t allow = 0x7fff0000;
constexpr std::uint32_t kill_process = 0x80000000;
constexpr std::uint32_t eperm = 0x00050001;
constexpr std::uint32_t enosys = 0x00050026;

std::uint32_t number(Abi abi, std::string_view name) {
  for (const auto& call : seccomp::system_calls(abi)) {
    if (call.name == name) return call.number;
  }
  FAIL("no such call: ", name);
  return 0;
}

/// What a filter does with a call.
std::uint32_t result(const SeccompFilter& filter, Abi abi, std::string_view name,
                     std::array<std::uint64_t, 6> arguments = {}) {
  return run_filter(filter.program,
                    {number(abi, name), seccomp::audit_architecture(abi), 0, arguments});
}

#ifdef VMKIT_TEST_LIBSECCOMP

struct Test {
  unsigned index;
  const char* op;
  scmp_compare compare;
  std::uint64_t value;
  std::uint64_t second;
};

constexpr std::pair<const char*, scmp_compare> operators[] = {
    {"SCMP_CMP_NE", SCMP_CMP_NE},
    {"SCMP_CMP_LT", SCMP_CMP_LT},
    {"SCMP_CMP_LE", SCMP_CMP_LE},
    {"SCMP_CMP_EQ", SCMP_CMP_EQ},
    {"SCMP_CMP_GE", SCMP_CMP_GE},
    {"SCMP_CMP_GT", SCMP_CMP_GT},
    {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ}};

/// What the specification says of a condition.
bool holds(const Test& test, std::uint64_t argument) {
  switch (test.compare) {
    case SCMP_CMP_NE:
      return argument != test.value;
    case SCMP_CMP_LT:
      return argument < test.value;
    case SCMP_CMP_LE:
      return argument <= test.value;
    case SCMP_CMP_EQ:
      return argument == test.value;
    case SCMP_CMP_GE:
      return argument >= test.value;
    case SCMP_CMP_GT:
      return argument > test.value;
    default:
      return (argument & test.value) == test.second;
  }
}

/// The same rules as text for us and as calls of libseccomp.
class Both {
 public:
  Both() : context_(seccomp_init(SCMP_ACT_ERRNO(1))) {
    // Its default ends one thread only.
    seccomp_attr_set(context_, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    seccomp_arch_add(context_, SCMP_ARCH_X86);
  }
  ~Both() { seccomp_release(context_); }

  void add(const std::string& name, const std::vector<Test>& tests, bool log) {
    const int number = seccomp_syscall_resolve_name(name.c_str());
    std::vector<scmp_arg_cmp> arguments;
    std::string args;
    for (const Test& test : tests) {
      arguments.push_back({test.index, test.compare, test.value, test.second});
      args += std::string(args.empty() ? "" : ",") + R"({"index":)" + std::to_string(test.index) +
              R"(,"op":")" + test.op + R"(","value":)" + std::to_string(test.value) +
              R"(,"valueTwo":)" + std::to_string(test.second) + "}";
    }
    REQUIRE(seccomp_rule_add_array(context_, log ? SCMP_ACT_LOG : SCMP_ACT_ALLOW, number,
                                   static_cast<unsigned>(arguments.size()), arguments.data()) == 0);
    text_ += std::string(text_.empty() ? "" : ",") + R"({"names":[")" + name + R"("],"action":")" +
             (log ? "SCMP_ACT_LOG" : "SCMP_ACT_ALLOW") + R"(","args":[)" + args + "]}";
  }

  SeccompFilter ours() const {
    return compile_seccomp(R"({"defaultAction":"SCMP_ACT_ERRNO","architectures":)"
                           R"(["SCMP_ARCH_X86_64","SCMP_ARCH_X86"],"syscalls":[)" +
                               text_ + "]}",
                           {.architecture = Architecture::x86_64});
  }

  SeccompFilter theirs() const {
    std::FILE* const file = std::tmpfile();
    REQUIRE(file != nullptr);
    REQUIRE(seccomp_export_bpf(context_, ::fileno(file)) == 0);
    const long size = ::lseek(::fileno(file), 0, SEEK_END);
    SeccompFilter filter{std::vector<std::byte>(static_cast<std::size_t>(size))};
    CHECK(::pread(::fileno(file), filter.program.data(), filter.program.size(), 0) == size);
    std::fclose(file);
    return filter;
  }

 private:
  scmp_filter_ctx context_;
  std::string text_;
};

#endif

}  // namespace

TEST_CASE("seccomp: filters do what libseccomp's do") {
#ifdef VMKIT_TEST_LIBSECCOMP
  std::mt19937_64 random(5);
  const auto pick = [&](std::size_t most) { return static_cast<std::size_t>(random() % most); };
  const std::uint64_t values[] = {0,
                                  1,
                                  2,
                                  0x7f,
                                  0x80000000,
                                  0xffffffff,
                                  0x100000000,
                                  0x7fffffffffffffff,
                                  0xdeadbeef,
                                  0x500000007,
                                  0x8000000000000001,
                                  ~std::uint64_t{0}};
  const auto random_test = [&](std::size_t index) {
    const auto& [op, compare] = operators[pick(std::size(operators))];
    Test test{static_cast<unsigned>(index), op, compare, values[pick(std::size(values))], 0};
    if (compare == SCMP_CMP_MASKED_EQ) test.second = test.value & values[pick(std::size(values))];
    return test;
  };
  struct Conditional {
    std::uint32_t number;
    bool log;
    std::vector<std::vector<Test>> alternatives;
  };
  const auto calls = seccomp::system_calls(Abi::x86_64);
  const std::uint32_t x86_64 = seccomp::audit_architecture(Abi::x86_64);
  for (int round = 0; round < 40; ++round) {
    Both both;
    std::vector<Conditional> conditional;
    std::set<std::string> used;
    for (int rules = 0; rules < 60; ++rules) {
      const std::string name(calls[pick(330)].name);
      if (!used.insert(name).second || seccomp_syscall_resolve_name(name.c_str()) < 0) continue;
      const bool log = pick(3) == 0;
      if (pick(2) == 0) {
        both.add(name, {}, log);
        continue;
      }
      Conditional call{number(Abi::x86_64, name), log, {}};
      for (std::size_t alternatives = 1 + pick(2); alternatives > 0; --alternatives) {
        auto& tests = call.alternatives.emplace_back();
        const std::size_t first = pick(4);
        for (std::size_t index = first; index <= first + pick(2); ++index) {
          tests.push_back(random_test(index));
        }
        both.add(name, tests, log);
      }
      conditional.push_back(std::move(call));
    }
    const auto ours = both.ours();
    const auto theirs = both.theirs();
    for (std::uint32_t nr = 0; nr < 500; ++nr) {
      if (std::any_of(conditional.begin(), conditional.end(),
                      [&](const Conditional& call) { return call.number == nr; })) {
        continue;
      }
      const SystemCallData data{nr, x86_64, 0, {}};
      const auto expected = run_filter(theirs.program, data);
      const auto found = run_filter(ours.program, data);
      // Beyond what the profile names, ours says that there is no such call.
      CHECK((found == expected || (found == enosys && expected == eperm)));
    }
    for (const Conditional& call : conditional) {
      for (int i = 0; i < 200; ++i) {
        SystemCallData data{call.number, x86_64, 0, {}};
        for (auto& argument : data.arguments) argument = values[pick(std::size(values))] + pick(2);
        const bool any =
            std::any_of(call.alternatives.begin(), call.alternatives.end(), [&](const auto& tests) {
              return std::all_of(tests.begin(), tests.end(), [&](const Test& test) {
                return holds(test, data.arguments[test.index]);
              });
            });
        const auto found = run_filter(ours.program, data);
        CHECK(found == (!any ? eperm : call.log ? 0x7ffc0000 : allow));
        // libseccomp 2.5 gets some pairs of alternatives wrong that order 64-bit numbers.
        if (call.alternatives.size() == 1) CHECK(found == run_filter(theirs.program, data));
      }
    }
  }
#else
  const char* const ci = std::getenv("CI");
  CHECK_MESSAGE((ci == nullptr || *ci == '\0'), "libseccomp-dev is not installed");
  MESSAGE("skipped: libseccomp-dev is not installed");
#endif
}

TEST_CASE("seccomp: the default refuses what Docker's refuses, and allows what programs need") {
  for (const Architecture architecture : {Architecture::x86_64, Architecture::arm64}) {
    const Abi abi = seccomp::abi_of(architecture);
    const auto plain = default_seccomp_filter({.architecture = architecture});
    const auto all =
        default_seccomp_filter({.architecture = architecture, .capabilities = {"ALL"}});
    CAPTURE(to_string(architecture));
    for (const char* name : {"mount",
                             "umount2",
                             "pivot_root",
                             "setns",
                             "unshare",
                             "bpf",
                             "init_module",
                             "finit_module",
                             "delete_module",
                             "kexec_load",
                             "reboot",
                             "swapon",
                             "keyctl",
                             "add_key",
                             "request_key",
                             "perf_event_open",
                             "settimeofday",
                             "clock_settime",
                             "acct",
                             "quotactl",
                             "open_by_handle_at",
                             "fsopen",
                             "move_mount",
                             "io_uring_setup",
                             "userfaultfd",
                             "move_pages",
                             "mbind",
                             "syslog",
                             "sethostname",
                             "vhangup",
                             "process_madvise",
                             "kcmp"}) {
      CAPTURE(name);
      CHECK(result(plain, abi, name) == eperm);
    }
    for (const char* name : {"mount", "setns", "bpf", "reboot", "finit_module", "clock_settime",
                             "clone3", "unshare", "open_by_handle_at", "mbind"}) {
      CAPTURE(name);
      CHECK(result(all, abi, name) == allow);
    }
    CHECK(result(all, abi, "kexec_load") == eperm);
    for (const char* name :
         {"read",   "write",        "openat",     "openat2",      "execve",      "mmap",
          "futex",  "epoll_pwait",  "statx",      "prctl",        "capset",      "setuid",
          "chroot", "ptrace",       "seccomp",    "rseq",         "close_range", "fchmodat2",
          "mseal",  "memfd_create", "exit_group", "clock_adjtime"}) {
      CAPTURE(name);
      CHECK(result(plain, abi, name) == allow);
    }
    CHECK(result(plain, abi, "clone3") == enosys);
    CHECK(result(plain, abi, "clone", {0x1200011}) == allow);
    CHECK(result(plain, abi, "clone", {0x10000000}) == eperm);  // CLONE_NEWUSER
    CHECK(result(plain, abi, "socket", {2}) == allow);
    CHECK(result(plain, abi, "socket", {40}) == eperm);
    CHECK(result(plain, abi, "personality", {0xffffffff}) == allow);
    CHECK(result(plain, abi, "personality", {0x0400000}) == eperm);
    const std::uint32_t audit = seccomp::audit_architecture(abi);
    CHECK(run_filter(plain.program, {4000, audit, 0, {}}) == enosys);
    CHECK(run_filter(plain.program, {0, 0x40000028, 0, {}}) == kill_process);  // 32-bit arm
    CHECK(plain.program.size() / 8 < 512);
  }
  const auto filter = default_seccomp_filter({.architecture = Architecture::x86_64});
  CHECK(result(filter, Abi::x86, "read") == allow);
  CHECK(result(filter, Abi::x86, "mount") == eperm);
  CHECK(run_filter(filter.program, {0x40000000, 0xc000003e, 0, {}}) == enosys);  // x32
}

TEST_CASE("seccomp: profiles as Docker writes them") {
  const char* const docker = R"({"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":13,
    "archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86"]},
               {"architecture":"SCMP_ARCH_AARCH64","subArchitectures":["SCMP_ARCH_ARM"]}],
    "syscalls":[
      {"names":["read","no_such_call_yet"],"action":"SCMP_ACT_ALLOW","args":null,"comment":""},
      {"name":"write","action":"SCMP_ACT_ALLOW"},
      {"names":["mount"],"action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_SYS_ADMIN"]}},
      {"names":["mount"],"action":"SCMP_ACT_ERRNO","errnoRet":38,"excludes":{"caps":["CAP_SYS_ADMIN"]}},
      {"names":["arch_prctl"],"action":"SCMP_ACT_LOG","includes":{"arches":["amd64","x32"]}},
      {"names":["ioctl"],"action":"SCMP_ACT_TRAP","args":[
         {"index":1,"value":7,"op":"SCMP_CMP_EQ"},{"index":1,"value":9,"op":"SCMP_CMP_EQ"}]},
      {"names":["zzz_last","fchmodat2"],"action":"SCMP_ACT_KILL_PROCESS"}]})";
  const auto plain = compile_seccomp(docker, {.architecture = Architecture::x86_64});
  const auto admin = compile_seccomp(
      docker, {.architecture = Architecture::x86_64, .capabilities = {"sys_admin"}});
  CHECK(result(plain, Abi::x86_64, "read") == allow);
  CHECK(result(plain, Abi::x86_64, "write") == allow);
  CHECK(result(plain, Abi::x86_64, "close") == 0x0005000d);
  CHECK(result(plain, Abi::x86_64, "mount") == enosys);
  CHECK(result(admin, Abi::x86_64, "mount") == allow);
  CHECK(result(plain, Abi::x86_64, "arch_prctl") == 0x7ffc0000);
  CHECK(result(plain, Abi::x86_64, "ioctl", {0, 9}) == 0x00030000);
  CHECK(result(plain, Abi::x86_64, "ioctl", {0, 8}) == 0x0005000d);
  CHECK(result(plain, Abi::x86_64, "fchmodat2") == kill_process);
  CHECK(result(plain, Abi::x86, "read") == allow);
  const auto arm = compile_seccomp(docker, {.architecture = Architecture::arm64});
  CHECK(result(arm, Abi::arm64, "read") == allow);
  CHECK(result(arm, Abi::x86_64, "read") == kill_process);
}

TEST_CASE("seccomp: what is wrong with a profile is named") {
  const auto refuse = [](const std::string& json, Errc code, const char* words) {
    check_error(code, {"seccomp profile", words}, [&] { compile_seccomp(json); });
  };
  const auto rule = [](const std::string& body) {
    return R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{)" + body + "}]}";
  };
  refuse("", Errc::invalid_argument, "JSON");
  refuse("[]", Errc::invalid_argument, "JSON");
  refuse(std::string(100, '['), Errc::invalid_argument, "JSON");
  refuse("{}", Errc::invalid_argument, "defaultAction");
  refuse(R"({"defaultAction":7})", Errc::invalid_argument, "defaultAction");
  refuse(R"({"defaultAction":"ALLOW"})", Errc::invalid_argument, "ALLOW");
  refuse(R"({"defaultAction":"SCMP_ACT_NOTIFY"})", Errc::unsupported, "NOTIFY");
  refuse(R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":{}})", Errc::invalid_argument, "syscalls");
  refuse(rule(R"("names":["read"])"), Errc::invalid_argument, "syscalls[0].action");
  refuse(rule(R"("names":"read","action":"SCMP_ACT_KILL")"), Errc::invalid_argument, "names");
  refuse(rule(R"("names":["a"],"action":"SCMP_ACT_ERRNO","errnoRet":70000)"),
         Errc::invalid_argument, "errnoRet");
  const auto with = [&](const std::string& arg) {
    return rule(R"("names":["read"],"action":"SCMP_ACT_KILL","args":[)" + arg + "]");
  };
  refuse(with("1"), Errc::invalid_argument, "args[0]");
  refuse(with(R"({"index":6,"value":1,"op":"SCMP_CMP_EQ"})"), Errc::invalid_argument, "index");
  refuse(with(R"({"index":0,"value":-1,"op":"SCMP_CMP_EQ"})"), Errc::invalid_argument, "value");
  refuse(with(R"({"index":0,"value":1,"op":"=="})"), Errc::invalid_argument, "op");
  std::string names = "\"read\"";
  std::string many;
  for (int i = 0; i < 4000; ++i) {
    many += R"({"names":["read"],"action":"SCMP_ACT_KILL","args":[{"index":0,"value":)" +
            std::to_string(i) + R"(,"op":"SCMP_CMP_EQ"}]},)";
  }
  many.pop_back();
  refuse(R"({"defaultAction":"SCMP_ACT_ALLOW","syscalls":[)" + many + "]}", Errc::invalid_argument,
         "4096 instructions");
}
