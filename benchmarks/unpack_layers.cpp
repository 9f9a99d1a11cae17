// SPDX-License-Identifier: Apache-2.0
// unpack_layers TARGET LAYER.tar[.gz|.zst]…: unpacks the layers into a disk, once, and prints one
// line of JSON with times in milliseconds and the peak memory. If TARGET is a folder, it is a
// cache, and the disk is made in it. Used by scripts/bench.
#include <array>
#include <chrono>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <sys/resource.h>
#include <vector>

#include <vmkit/archive/read_ahead.hpp>
#include <vmkit/rootfs/cache.hpp>

namespace {

class FileSource final : public vmkit::Source {
 public:
  explicit FileSource(const char* path) : file_(path, std::ios::binary) {
    file_.exceptions(std::ios::badbit);
    if (!file_) throw std::runtime_error(std::string("cannot open ") + path);
  }
  std::size_t read(std::span<std::byte> buffer) override {
    file_.read(reinterpret_cast<char*>(buffer.data()), static_cast<std::streamsize>(buffer.size()));
    return static_cast<std::size_t>(file_.gcount());
  }

 private:
  std::ifstream file_;
};

/// As an image's manifest tells.
vmkit::archive::Compression compression_of(const char* path) {
  std::array<std::byte, vmkit::archive::compression_magic_length> head{};
  FileSource file(path);
  return vmkit::archive::detect_compression(std::span(head).first(vmkit::read_full(file, head)));
}

vmkit::Digest diff_id_of(const char* path) {
  vmkit::archive::ReadAhead content(vmkit::archive::decompress(std::make_unique<FileSource>(path)),
                                    {.digest = vmkit::DigestAlgorithm::sha256});
  while (!content.next().empty()) continue;
  return content.digest();
}

double milliseconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

double cpu_milliseconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const auto of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
  };
  return of(usage.ru_utime) + of(usage.ru_stime);
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 3) {
    std::fprintf(stderr, "usage: unpack_layers TARGET LAYER...\n");
    return 2;
  }
  std::vector<vmkit::rootfs::Layer> layers;
  for (int i = 2; i < argc; ++i) {
    const char* path = argv[i];
    layers.push_back({.diff_id = diff_id_of(path),
                      .open = [path] { return std::make_unique<FileSource>(path); },
                      .compression = compression_of(path),
                      .name = path});
  }
  const double cpu_before = cpu_milliseconds();
  const auto start = std::chrono::steady_clock::now();
  const std::filesystem::path target = argv[1];
  const auto result = std::filesystem::is_directory(target)
                          ? vmkit::rootfs::Cache(target).get_or_unpack(layers).unpacked.value()
                          : vmkit::rootfs::unpack(layers, target);
  const std::chrono::nanoseconds total = std::chrono::steady_clock::now() - start;
  const double cpu = cpu_milliseconds() - cpu_before;
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  std::printf(
      "{\"total_ms\": %.1f, \"cpu_ms\": %.1f, \"layers_ms\": %.1f, \"commit_ms\": %.1f, "
      "\"publish_ms\": %.1f, "
      "\"reused_layers\": %zu, \"entries\": %llu, \"content_bytes\": %llu, \"peak_kib\": %ld}\n",
      milliseconds(total), cpu, milliseconds(result.layers_time), milliseconds(result.commit_time),
      milliseconds(result.publish_time), result.reused_layers,
      static_cast<unsigned long long>(result.entries),
      static_cast<unsigned long long>(result.content.bytes()), usage.ru_maxrss);
} catch (const std::exception& error) {
  std::fprintf(stderr, "unpack_layers: %s\n", error.what());
  return 1;
}
