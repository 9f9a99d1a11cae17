// SPDX-License-Identifier: Apache-2.0
// Gives a target each file of its corpus, without a fuzzer: fuzz_replay TARGET FOLDER
#include <algorithm>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/target.hpp"

namespace {

namespace fs = std::filesystem;

const vmkit::fuzz::Target* target_named(std::string_view name) {
  for (const auto* target : vmkit::fuzz::targets()) {
    if (target->name == name) return target;
  }
  return nullptr;
}

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string content{std::istreambuf_iterator<char>(file), {}};
  if (!file) throw std::runtime_error(path.string() + ": cannot be read");
  return content;
}

int replay(const vmkit::fuzz::Target& target, const fs::path& folder) {
  std::vector<fs::path> files(fs::directory_iterator(folder), fs::directory_iterator{});
  if (files.empty()) throw std::runtime_error(folder.string() + ": there is nothing to replay");
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    // Before the run: whoever reads this after a crash wants to know which file it was.
    std::cout << file.string() << std::endl;
    target.run(content_of(file));
  }
  target.run({});
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const auto* target = argc == 3 ? target_named(argv[1]) : nullptr;
    if (target != nullptr) return replay(*target, argv[2]);
    std::cerr << "usage: fuzz_replay TARGET FOLDER, with one of the targets";
    for (const auto* known : vmkit::fuzz::targets()) std::cerr << ' ' << known->name;
    std::cerr << '\n';
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
  }
  return 1;
}
