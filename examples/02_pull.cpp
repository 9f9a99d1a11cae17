// SPDX-License-Identifier: Apache-2.0
// Pulls an image and shows how far each layer is; Ctrl-C stops it, and the next run goes on there:
//   02_pull 127.0.0.1:5000/debian:demo
#include <csignal>
#include <cstdio>
#include <map>
#include <thread>

#include <vmkit/vmkit.hpp>

int main(int argc, char** argv) try {
  using namespace vmkit;
  if (argc != 2) return std::fputs("usage: 02_pull IMAGE\n", stderr), 2;

  // A signal handler may not request a stop; a thread that waits for the signal may. It is blocked
  // before there is any other thread, so that none of them gets it.
  sigset_t interrupt;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  pthread_sigmask(SIG_BLOCK, &interrupt, nullptr);
  StopSource stop;
  std::thread([&interrupt, stop]() mutable {
    int signal = 0;
    sigwait(&interrupt, &signal);
    stop.request_stop();
  }).detach();

  // Reports are absolute: whoever shows them needs to remember nothing but the last of each layer.
  std::map<std::string, int> shown;
  const auto show = [&](const Progress& now) {
    const std::string layer(now.subject);
    const int percent = now.total == 0 ? 0 : static_cast<int>(now.done * 100 / now.total);
    if (shown[layer] == percent) return;
    shown[layer] = percent;
    std::printf("%s: %3d %% of %s\n", layer.substr(0, 19).c_str(), percent,
                to_string(ByteSize(now.total)).c_str());
  };

  auto store = oci::ImageStore::open("vmkit-store");
  const auto reference = oci::Reference::parse(argv[1]);
  const bool local = reference.registry().starts_with("127.0.0.1:");
  oci::RegistryClient registry({.defaults = {.plain_http = local}});
  const auto image =
      oci::pull(registry, store, reference, {}, {.stop = stop.token(), .progress = show});

  std::printf("%s\n%s, %zu layers, runs on %s\n", reference.to_string().c_str(),
              image.descriptor.digest.to_string().c_str(), image.manifest.layers.size(),
              image.platform.to_string().c_str());
} catch (const vmkit::Error& error) {
  if (error.code() == vmkit::Errc::cancelled)
    return std::puts("stopped; run it again to go on"), 130;
  std::fprintf(stderr, "02_pull: %s\n", error.what());
  return 125;
}
