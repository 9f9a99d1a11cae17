#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a program that runs the C++ blocks of guides: make_program.py OUT.cpp GUIDE...

The first block of a guide is what each of the others begins with. A block runs in an empty folder of
its own; `expect(condition)` is there for what a reader would like to see proved.
"""
import re
import sys
from pathlib import Path

HEAD = """#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <vmkit/vmkit.hpp>

#include "support/temporary_directory.hpp"

namespace {
void expect(bool holds) {
  if (!holds) throw std::runtime_error("what the guide expects does not hold");
}
"""
MAIN = """
struct Block { const char* guide; int number; void (*run)(); };
const Block blocks[] = {%s};
}  // namespace

int main() {
  int failures = 0;
  for (const Block& block : blocks) {
    const auto folder = vmkit::test::temporary_directory();
    std::filesystem::current_path(folder.path());
    try {
      block.run();
    } catch (const std::exception& error) {
      std::printf("%%s, block %%d: %%s\\n", block.guide, block.number, error.what());
      ++failures;
    }
    std::filesystem::current_path("/");
  }
  std::printf("%%zu blocks, %%d failures\\n", std::size(blocks), failures);
  return failures == 0 ? 0 : 1;
}
"""


def main():
    out, *guides = map(Path, sys.argv[1:])
    source, table = [HEAD], []
    for guide in guides:
        first, *others = re.findall(r"^```cpp\n(.*?)^```", guide.read_text(), re.M | re.S)
        if not others:
            sys.exit(f"{guide}: expected a first block and others")
        for number, block in enumerate(others, 2):
            name = f"{guide.stem}_{number}"
            source.append(f"void {name}() {{\n{first}{{\n{block}}}\n}}\n")
            table.append(f'{{"{guide.name}", {number}, &{name}}}')
    out.write_text("".join(source) + MAIN % ", ".join(table))


if __name__ == "__main__":
    main()
