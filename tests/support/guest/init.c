// SPDX-License-Identifier: Apache-2.0
// The /init of the tests' guests: loads /modules/* in the order of their names, says so on the
// console, then does what "vmkit.test=ACTION" on the kernel's command line tells it:
//   echo      answers every line that comes through the virtio port "vmkit.test" (see serve());
//             powers off when the power button is pressed
//   deaf      like echo, but the power button does nothing
//   poweroff, reboot, panic   ends the machine that way, at once
//   silent    opens no port and prints nothing, for ever
//   disks     prints every disk's serial number and first line, then powers off
//   usb       likewise, but waits for a USB disk, of which it prints the model
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <net/if.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int console = -1;

static void say(const char* format, ...) {
  char line[512];
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  if (length > (int)sizeof line - 1) length = sizeof line - 1;
  if (write(console, line, (size_t)length) < 0) return;
}

static void read_small(const char* path, char* text, size_t size) {
  text[0] = 0;
  int fd = open(path, O_RDONLY);
  if (fd < 0) return;
  ssize_t length = read(fd, text, size - 1);
  close(fd);
  text[length > 0 ? length : 0] = 0;
  text[strcspn(text, "\n")] = 0;
}

static void load_modules(void) {
  struct dirent** names;
  int count = scandir("/modules", &names, NULL, alphasort);
  for (int i = 0; i < count; ++i) {
    if (names[i]->d_name[0] == '.') continue;
    char path[300];
    snprintf(path, sizeof path, "/modules/%s", names[i]->d_name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (syscall(SYS_finit_module, fd, "", 0) != 0 && errno != EEXIST) {
      say("test-init: %s: %s\n", path, strerror(errno));
    }
    close(fd);
  }
}

static int find_port(const char* wanted) {
  for (int number = 1; number < 32; ++number) {
    char path[80], name[80];
    snprintf(path, sizeof path, "/sys/class/virtio-ports/vport0p%d/name", number);
    read_small(path, name, sizeof name);
    if (strcmp(name, wanted) != 0) continue;
    snprintf(path, sizeof path, "/dev/vport0p%d", number);
    return open(path, O_RDWR | O_CLOEXEC);
  }
  return -1;
}

// The driver makes the ports some time after it was loaded, each first without its name.
static int open_port(const char* wanted) {
  for (int tries = 0; tries < 5000; ++tries) {
    int fd = find_port(wanted);
    if (fd >= 0) return fd;
    usleep(2000);
  }
  return -1;
}

static int open_power_button(void) {
  for (int number = 0; number < 8; ++number) {
    char path[80];
    snprintf(path, sizeof path, "/dev/input/event%d", number);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) return fd;
  }
  return -1;
}

static void show_disk(const char* name, const char* serial_file) {
  char path[80], serial[80], read_only[80], first[80];
  snprintf(path, sizeof path, "/sys/block/%s/%s", name, serial_file);
  read_small(path, serial, sizeof serial);
  snprintf(path, sizeof path, "/sys/block/%s/ro", name);
  read_small(path, read_only, sizeof read_only);
  snprintf(path, sizeof path, "/dev/%s", name);
  read_small(path, first, sizeof first);
  if (read_only[0]) say("test-init: %s '%s' ro=%s '%s'\n", name, serial, read_only, first);
}

static void show_disks(void) {
  show_disk("vda", "serial");
  show_disk("vdb", "serial");
  show_disk("vdc", "serial");
  show_disk("nvme0n1", "device/serial");
}

// It is found some seconds after its driver was loaded, and can be read some time after that.
static void show_usb_disk(void) {
  char first[80] = "";
  for (int tries = 0; tries < 1000 && !first[0]; ++tries) {
    read_small("/dev/sda", first, sizeof first);
    if (!first[0]) usleep(10000);
  }
  show_disk("sda", "device/model");
}

// "ADDRESS" gives eth0 that address; "ADDRESS PEER PORT" then also connects there and says hello.
static const char* use_network(const char* line) {
  char address[32], peer[32];
  int port = 0;
  const int words = sscanf(line, "%31s %31s %d", address, peer, &port);
  struct ifreq request;
  memset(&request, 0, sizeof request);
  strcpy(request.ifr_name, "eth0");
  struct sockaddr_in* ip = (struct sockaddr_in*)&request.ifr_addr;
  ip->sin_family = AF_INET;
  inet_pton(AF_INET, address, &ip->sin_addr);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (ioctl(fd, SIOCSIFADDR, &request) != 0) return strerror(errno);
  request.ifr_flags = IFF_UP;
  if (ioctl(fd, SIOCSIFFLAGS, &request) != 0) return strerror(errno);
  if (words == 3) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    inet_pton(AF_INET, peer, &to.sin_addr);
    if (connect(fd, (struct sockaddr*)&to, sizeof to) != 0) return strerror(errno);
    if (write(fd, "hello\n", 6) != 6) return strerror(errno);
  }
  close(fd);
  return "done";
}

static void answer(int port, char* line) {
  static int count = 0;  // of lines since the boot
  char reply[600];
  if (strcmp(line, "poweroff") == 0) reboot(RB_POWER_OFF);
  if (strcmp(line, "reboot") == 0) reboot(RB_AUTOBOOT);
  if (strcmp(line, "panic") == 0) _exit(3);
  if (strcmp(line, "flood") == 0) {
    for (int i = 0; i < 20000; ++i)
      say("flood %d ...............................................\n", i);
  }
  if (strcmp(line, "usb") == 0) show_usb_disk();
  if (strncmp(line, "net ", 4) == 0) say("test-init: network: %s\n", use_network(line + 4));
  ++count;
  int length = strcmp(line, "count") == 0 ? snprintf(reply, sizeof reply, "%d\n", count)
                                          : snprintf(reply, sizeof reply, "echo %s\n", line);
  if (write(port, reply, (size_t)length) < 0) return;
}

static void serve(int listen_to_button) {
  int port = open_port("vmkit.test");
  int button = listen_to_button ? open_power_button() : -1;
  say("test-init: port %s, button %s\n", port >= 0 ? "open" : "missing",
      button >= 0 ? "open" : "missing");
  char line[512];
  size_t length = 0;
  for (;;) {
    struct pollfd fds[2] = {{port, POLLIN, 0}, {button, POLLIN, 0}};
    poll(fds, 2, 1000);
    struct input_event event;
    if (fds[1].revents & POLLIN && read(button, &event, sizeof event) == sizeof event &&
        event.type == EV_KEY && event.code == KEY_POWER && event.value == 1) {
      say("test-init: power button\n");
      reboot(RB_POWER_OFF);
    }
    char byte;
    if (!(fds[0].revents & POLLIN) || read(port, &byte, 1) != 1) {
      if (fds[0].revents & POLLHUP) usleep(5000);  // no host is connected now
      continue;
    }
    if (byte != '\n') {
      if (length < sizeof line - 1) line[length++] = byte;
      continue;
    }
    line[length] = 0;
    length = 0;
    answer(port, line);
  }
}

int main(void) {
  mkdir("/dev", 0755);
  mkdir("/proc", 0755);
  mkdir("/sys", 0755);
  mount("devtmpfs", "/dev", "devtmpfs", 0, "");
  mount("proc", "/proc", "proc", 0, "");
  mount("sysfs", "/sys", "sysfs", 0, "");
  console = open("/dev/console", O_RDWR | O_CLOEXEC);
  load_modules();
  char command_line[2048];
  read_small("/proc/cmdline", command_line, sizeof command_line);
  const char* action = strstr(command_line, "vmkit.test=");
  action = action ? action + strlen("vmkit.test=") : "";
  if (strncmp(action, "silent", 6) == 0) {
    for (;;) pause();
  }
  say("test-init: up\n");
  if (strncmp(action, "poweroff", 8) == 0) reboot(RB_POWER_OFF);
  if (strncmp(action, "reboot", 6) == 0) reboot(RB_AUTOBOOT);
  if (strncmp(action, "panic", 5) == 0) _exit(3);
  if (strncmp(action, "disks", 5) == 0) {
    show_disks();
    reboot(RB_POWER_OFF);
  }
  if (strncmp(action, "usb", 3) == 0) {
    show_usb_disk();
    reboot(RB_POWER_OFF);
  }
  serve(strncmp(action, "deaf", 4) != 0);
}
