// SPDX-License-Identifier: Apache-2.0
// bench_store [IMAGES]: makes a store with so many images (1000) in a temporary folder, measures
// what a host application does often, and prints one line of JSON with times in milliseconds: the
// median of several calls, except for what is cold, which a process does once.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "os/directory.hpp"
#include "os/file.hpp"

#include <vmkit/oci/lease.hpp>
#include <vmkit/oci/maintenance.hpp>
#include <vmkit/oci/media_type.hpp>

namespace {

using namespace vmkit;

double milliseconds(const std::function<void()>& call) {
  const auto start = std::chrono::steady_clock::now();
  call();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

double median(int times, const std::function<void()>& call) {
  std::vector<double> all;
  for (int i = 0; i < times; ++i) all.push_back(milliseconds(call));
  std::nth_element(all.begin(), all.begin() + times / 2, all.end());
  return all[static_cast<std::size_t>(times / 2)];
}

std::string descriptor(std::string_view type, const std::string& content) {
  return R"({"mediaType":")" + std::string(type) + R"(","digest":")" +
         digest_of(content).to_string() + R"(","size":)" + std::to_string(content.size()) + '}';
}

void write_blob(const std::filesystem::path& root, const std::string& content) {
  os::File::open(root / "blobs/sha256" / digest_of(content).hex(), os::File::Mode::create)
      .write_at(0, std::as_bytes(std::span(content)));
}

/// The name of the image, whose entry in index.json is added to `entries`: five layers, of which
/// all images share two.
std::string add_image(const std::filesystem::path& root, int number, std::string& entries) {
  using namespace oci::media_type;
  std::string layers;
  std::string diff_ids;
  for (int i = 0; i < 5; ++i) {
    const std::string layer =
        "layer " + std::to_string(i) + (i < 2 ? "" : " of " + std::to_string(number));
    write_blob(root, layer);
    layers += (i == 0 ? "" : ",") + descriptor(oci_layer, layer);
    diff_ids += (i == 0 ? "\"" : ",\"") + digest_of(layer).to_string() + '"';
  }
  const std::string config =
      R"({"os":"linux","architecture":"amd64","config":{"Env":["PATH=/bin"],"Cmd":["/bin/sh"]},)"
      R"("rootfs":{"type":"layers","diff_ids":[)" +
      diff_ids + "]}}";
  write_blob(root, config);
  const std::string manifest = R"({"schemaVersion":2,"mediaType":")" + std::string(oci_manifest) +
                               R"(","config":)" + descriptor(oci_config, config) +
                               R"(,"layers":[)" + layers + "]}";
  write_blob(root, manifest);
  const std::string name = "registry.example.com/team/app-" + std::to_string(number) + ":1.2.3";
  std::string entry = descriptor(oci_manifest, manifest);
  entry.pop_back();
  entry += R"(,"platform":{"architecture":"amd64","os":"linux"},"annotations":{)"
           R"("io.containerd.image.name":")" +
           name + R"(","org.opencontainers.image.ref.name":")" + name +
           R"(","io.vmkit.source.digest":")" + digest_of(manifest).to_string() + "\"}}";
  entries += (entries.empty() ? "" : ",") + entry;
  return name;
}

}  // namespace

int main(int argc, char** argv) try {
  const int images = argc > 1 ? std::atoi(argv[1]) : 1000;
  if (images < 1) {
    std::fprintf(stderr, "usage: bench_store [IMAGES]\n");
    return 2;
  }
  const os::TemporaryDirectory folder(std::filesystem::temp_directory_path(), "vmkit-bench");
  const auto root = folder.path() / "store";
  oci::ImageStore::open(root);
  std::string entries;
  std::string name;
  for (int i = 0; i < images; ++i) name = add_image(root, i, entries);
  os::write_file_atomically(root / "index.json",
                            R"({"schemaVersion":2,"manifests":[)" + entries + "]}");

  const oci::Platform amd64{"linux", "amd64"};
  const auto reference = oci::Reference::parse(name);
  oci::ImageStore store = oci::ImageStore::open(root);
  const double open = median(5, [&] { store = oci::ImageStore::open(root); });
  const double cold_list = milliseconds([&] { store.list(); });
  const double fresh_list = median(11, [&] { store.list(); });
  // For two seconds after a change the file's times do not tell whether there was another.
  std::this_thread::sleep_for(std::chrono::milliseconds(2100));
  store.list();
  const double list = median(11, [&] { store.list(); });
  const double find = median(101, [&] { store.find(reference); });
  const double resolve = median(101, [&] { store.resolve(reference, amd64); });
  const auto image = store.resolve(reference, amd64);
  const double lease = median(11, [&] { oci::Lease::of(store, *image); });
  const double tag = median(5, [&] { store.tag(reference, image->descriptor); });
  const double usage = milliseconds([&] { oci::usage(store); });
  const double collect = milliseconds([&] { oci::collect_garbage(store); });
  const double verify = milliseconds([&] { oci::verify(store); });
  std::printf(
      "{\"images\": %d, \"open_ms\": %.3f, \"cold_list_ms\": %.3f, \"list_after_change_ms\": %.3f, "
      "\"list_ms\": %.3f, \"find_ms\": %.3f, \"resolve_ms\": %.3f, \"lease_ms\": %.3f, "
      "\"tag_ms\": %.1f, \"usage_ms\": %.1f, \"collect_garbage_ms\": %.1f, \"verify_ms\": %.1f}\n",
      images, open, cold_list, fresh_list, list, find, resolve, lease, tag, usage, collect, verify);
} catch (const std::exception& error) {
  std::fprintf(stderr, "bench_store: %s\n", error.what());
  return 1;
}
