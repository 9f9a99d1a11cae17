// SPDX-License-Identifier: Apache-2.0
// A tree of files as a stream: read as bytes, and made on this system as a host makes what a guest
// sends.
#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <unistd.h>

#include "agent/tree/build.hpp"
#include "agent/tree/format.hpp"
#include "fuzz/target.hpp"
#include "os/directory.hpp"
#include "support/memory_source.hpp"

#include <vmkit/agent/tree.hpp>

namespace {

using vmkit::Errc;
using vmkit::agent::FileKind;
using vmkit::agent::TreeEntry;
using vmkit::agent::TreeReader;
using vmkit::agent::TreeWriter;
using vmkit::fuzz::accepts;
using vmkit::fuzz::require;
using vmkit::test::MemorySource;

struct TextSink final : vmkit::Sink {
  void write(std::span<const std::byte> data) override {
    text.append(reinterpret_cast<const char*>(data.data()), data.size());
  }
  std::string text;
};

/// Reads a tree and writes what it says again; nothing if it is none.
bool rewrite(std::string_view input, std::size_t step, std::string& written) {
  TextSink sink;
  const bool whole = accepts({Errc::data_corruption}, [&] {
    MemorySource source{std::string(input), step};
    TreeReader reader(source);
    TreeWriter writer(sink);
    while (const TreeEntry* entry = reader.next()) {
      require(entry->path.empty() || vmkit::agent::tree::is_relative_path(entry->path),
              "paths stay in their tree");
      require(entry->permissions <= 07777, "permissions are 12 bits");
      writer.add(*entry);
      std::uint64_t end = 0;
      while (const auto block = reader.read_block()) {
        require(block->offset >= end && !block->data.empty() &&
                    block->offset + block->data.size() <= entry->size,
                "data lies within its file, in order");
        end = block->offset + block->data.size();
        writer.write(block->offset, block->data);
      }
    }
    require(reader.notices().list.size() <= vmkit::agent::tree::max_notices, "bounded notices");
    writer.finish();
  });
  written = std::move(sink.text);
  return whole;
}

/// What lies beside a destination must be as it was, whatever comes.
class Surroundings {
 public:
  Surroundings() : folder_(std::filesystem::temp_directory_path(), "vmkit-fuzz-tree") {
    const auto outside = folder_.path() / "outside";
    std::filesystem::create_directory(outside);
    std::filesystem::create_directory(folder_.path() / "there");
    std::filesystem::create_symlink("../outside", folder_.path() / "there/a");
  }
  void build(const std::string& stream, const char* destination) {
    accepts({Errc::data_corruption, Errc::already_exists, Errc::not_found, Errc::invalid_argument,
             Errc::failed_precondition, Errc::resource_exhausted, Errc::permission_denied,
             Errc::unsupported, Errc::io},
            [&] {
              MemorySource source{stream};
              TreeReader reader(source);
              vmkit::agent::tree::BuildRules rules;
              rules.source_name = "a";
              rules.max_bytes = 1 << 20;
              rules.max_entries = 200;
              vmkit::agent::tree::build(
                  reader,
                  [](const std::string& path, int flags) {
                    return ::open(path.c_str(), flags | O_CLOEXEC);
                  },
                  (folder_.path() / destination).native(), rules, [](std::uint64_t) {});
            });
  }
  void check() {
    require(std::filesystem::is_empty(folder_.path() / "outside"), "nothing is written outside");
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
      const std::string name = entry.path().filename();
      require(name == "outside" || name == "there" || name == "new",
              "nothing half done is left beside the destination");
    }
  }

 private:
  vmkit::os::TemporaryDirectory folder_;
};

const vmkit::fuzz::Target target("file_tree", [](std::string_view input) {
  std::string once;
  const bool whole = rewrite(input, 65536, once);
  std::string in_pieces;
  require(whole == rewrite(input, 7, in_pieces), "a stream says the same in any pieces");
  if (whole) {
    require(once == in_pieces, "a stream says the same in any pieces");
    std::string again;
    require(rewrite(once, 65536, again) && again == once, "what was written is read again");
  }
  // Files as large as they say are cheap, but not for a fuzzer's disk.
  Surroundings surroundings;
  surroundings.build(std::string(input), "new");
  surroundings.build(std::string(input), "there");
  surroundings.check();
});

}  // namespace
