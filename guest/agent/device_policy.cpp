// SPDX-License-Identifier: Apache-2.0
// cgroup v2 has no list of devices; it asks an eBPF program, which we write here.
#include "device_policy.hpp"

#include <cerrno>
#include <cstdint>
#include <linux/bpf.h>
#include <optional>
#include <sys/syscall.h>
#include <unistd.h>

#include "console.hpp"
#include "fd.hpp"

namespace vmkit::guest {
namespace {

struct Rule {
  bool block;
  unsigned major;
  std::optional<unsigned> minor;  ///< nothing: any
};

const Rule default_rules[] = {{false, 1, 3}, {false, 1, 5}, {false, 1, 7},
                              {false, 1, 8}, {false, 1, 9}, {false, 5, 0},
                              {false, 5, 1}, {false, 5, 2}, {false, 136, std::nullopt}};

constexpr std::uint8_t load_word = BPF_LDX | BPF_MEM | BPF_W;
constexpr std::uint8_t copy_register = BPF_ALU64 | BPF_MOV | BPF_X;
constexpr std::uint8_t set = BPF_ALU64 | BPF_MOV | BPF_K;
constexpr std::uint8_t mask = BPF_ALU64 | BPF_AND | BPF_K;
constexpr std::uint8_t shift_right = BPF_ALU64 | BPF_RSH | BPF_K;
constexpr std::uint8_t jump_unless = BPF_JMP | BPF_JNE | BPF_K;
constexpr std::uint8_t leave = BPF_JMP | BPF_EXIT;

bpf_insn instruction(std::uint8_t code, std::uint8_t to, std::uint8_t from, std::int16_t offset,
                     std::uint32_t value) {
  bpf_insn result{};
  result.code = code;
  result.dst_reg = to & 15;
  result.src_reg = from & 15;
  result.off = offset;
  result.imm = static_cast<std::int32_t>(value);
  return result;
}

class Program {
 public:
  Program() {
    // struct bpf_cgroup_dev_ctx: access and type in one word, major, minor.
    add(load_word, 2, 1, 0, 0);
    add(copy_register, 3, 2, 0, 0);
    add(mask, 2, 0, 0, 0xffff);
    add(shift_right, 3, 0, 0, 16);
    add(load_word, 4, 1, 4, 0);
    add(load_word, 5, 1, 8, 0);
    add(jump_unless, 3, 0, 2, BPF_DEVCG_ACC_MKNOD);
    give(1);
  }

  void allow(const Rule& rule) {
    const bool any_minor = !rule.minor;
    add(jump_unless, 2, 0, any_minor ? 3 : 4,
        rule.block ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
    add(jump_unless, 4, 0, any_minor ? 2 : 3, rule.major);
    if (rule.minor) add(jump_unless, 5, 0, 2, *rule.minor);
    give(1);
  }

  void give(std::uint32_t value) {
    add(set, 0, 0, 0, value);
    add(leave, 0, 0, 0, 0);
  }

  const std::vector<bpf_insn>& code() const { return code_; }

 private:
  void add(std::uint8_t code, std::uint8_t to, std::uint8_t from, std::int16_t offset,
           std::uint32_t value) {
    code_.push_back(instruction(code, to, from, offset, value));
  }

  std::vector<bpf_insn> code_;
};

int bpf(int command, bpf_attr& attributes) {
  return static_cast<int>(::syscall(SYS_bpf, command, &attributes, sizeof attributes));
}

}  // namespace

void limit_devices(int cgroup, const std::vector<DeviceSpec>& devices) {
  Program program;
  for (const Rule& rule : default_rules) program.allow(rule);
  for (const DeviceSpec& device : devices)
    program.allow({device.block, device.major, device.minor});
  program.give(0);

  bpf_attr load{};
  load.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  load.insns = reinterpret_cast<std::uintptr_t>(program.code().data());
  load.insn_cnt = static_cast<std::uint32_t>(program.code().size());
  load.license = reinterpret_cast<std::uintptr_t>("Apache-2.0");
  const Fd loaded(bpf(BPF_PROG_LOAD, load));
  bpf_attr attach{};
  attach.target_fd = static_cast<std::uint32_t>(cgroup);
  attach.attach_bpf_fd = static_cast<std::uint32_t>(loaded.get());
  attach.attach_type = BPF_CGROUP_DEVICE;
  if (!loaded || bpf(BPF_PROG_ATTACH, attach) != 0) log_errno("devices are not limited", errno);
}

}  // namespace vmkit::guest
