// SPDX-License-Identifier: Apache-2.0
// Stands in QEMU's place for what the real one never does on its control socket. The kernel's
// command line says what: "fake=MODE" at its end.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

namespace {

constexpr const char* greeting = "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n";

void say(int fd, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t count = ::send(fd, text.data() + done, text.size() - done, MSG_NOSIGNAL);
    if (count <= 0) return;
    done += static_cast<std::size_t>(count);
  }
}

void hear(int fd) {
  char buffer[4096];
  if (::read(fd, buffer, sizeof buffer) < 0) std::exit(9);
}

[[noreturn]] void sleep_for_ever() {
  for (;;) ::pause();
}

}  // namespace

int main(int count, char** arguments) {
  int listener = -1;
  std::string mode;
  for (int i = 1; i < count; ++i) {
    if (const char* fd = std::strstr(arguments[i], "id=qmp,fd=")) listener = std::atoi(fd + 10);
    if (const char* fake = std::strstr(arguments[i], "fake=")) mode = fake + 5;
  }
  if (mode == "refuse") {
    std::fputs("fake: -machine microvm: unsupported machine type\n", stderr);
    return 1;
  }
  if (mode == "silent") sleep_for_ever();
  const int fd = ::accept(listener, nullptr, nullptr);
  if (mode == "garbage") say(fd, "220 ready for mail\r\n");
  if (mode == "endless") say(fd, std::string(4 << 20, 'x'));
  if (mode == "mute") say(fd, greeting);
  if (mode == "stranger" || mode == "unwilling" || mode == "deserter" || mode == "late-garbage") {
    say(fd, greeting);
    hear(fd);
    if (mode == "stranger") say(fd, "{\"return\": {}, \"id\": 77}\r\n");
    if (mode == "unwilling") say(fd, "{\"error\": {\"desc\": \"not you\"}, \"id\": 1}\r\n");
    if (mode == "deserter" || mode == "late-garbage") say(fd, "{\"return\": {}, \"id\": 1}\r\n");
    if (mode == "deserter") ::close(fd);
    if (mode == "late-garbage") {
      hear(fd);
      say(fd, "\x01\x02\x03\r\n");
    }
  }
  sleep_for_ever();
}
