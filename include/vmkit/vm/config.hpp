// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <vmkit/base/architecture.hpp>
#include <vmkit/base/byte_size.hpp>

namespace vmkit::vm {

/// Nothing, a file, or the bytes themselves (which a backend may have to put into a private file).
using Initrd = std::variant<std::monostate, std::filesystem::path, std::vector<std::byte>>;

/// Boots a Linux kernel directly, without firmware.
struct KernelBoot {
  /// On x86-64 a bzImage or an ELF vmlinux with a PVH note, on arm64 an uncompressed Image: what
  /// every backend takes.
  std::filesystem::path image = {};
  Initrd initrd = {};
  /// Put after the backend's own parameters (console, log level, how to reboot, clocks), so that it
  /// has the last word; one line.
  std::string command_line = {};
};

/// Boots as a PC or a server does, with UEFI firmware, which looks for a boot loader on the disks.
struct Firmware {
  /// The file that keeps the firmware's variables, in the backend's own format: one machine's at a
  /// time. Made if it is not there.
  std::filesystem::path variable_store = {};
};

/// How the host caches a disk's blocks.
enum class DiskCaching {
  automatic,  ///< What is known to be safe and fast on the backend: `cached` on both.
  uncached,   ///< Past the host's page cache.
  cached,     ///< Through the host's page cache.
};

/// What the guest's flush of a disk's write cache does.
enum class DiskSync {
  full,   ///< The data is on the medium (F_FULLFSYNC on macOS; elsewhere as fsync).
  fsync,  ///< The data has left the host's memory.
  none,   ///< Nothing: fast, and lost when the host crashes. For disks that can be made anew.
};

/// What the guest sees a disk as, and needs a driver for. With QEMU on x86-64 all but virtio need a
/// PC with firmware and PCI, which boots a second later than the small machine without.
enum class DiskDevice {
  virtio,  ///< The quickest: vda, vdb, …
  nvme,    ///< NVM Express: nvme0n1, nvme1n1, … VZ: macOS 14.
  usb,     ///< USB mass storage: sda, sdb, …
};

/// A block device on a raw image file, or behind a server of the Network Block Device protocol. Its
/// size must be a multiple of 512 bytes.
struct Disk {
  std::filesystem::path path = {};
  /// Instead of `path`: an export of a server that is there when the machine starts, as
  /// "nbd://host[:port][/export]" or "nbd+unix://[/export]?socket=/path" (the NBD URI
  /// specification, without TLS). Who may write it beside this machine is for the server to say.
  /// VZ: macOS 14, and without caching of the host's.
  std::string nbd = {};
  DiskDevice device = DiskDevice::virtio;
  /// Several machines may have the same file only if all have it read-only.
  bool read_only = false;
  /// What the guest sees as the device's serial number: at most 20 printable ASCII characters. VZ:
  /// of virtio disks only.
  std::string identifier = {};
  DiskCaching caching = DiskCaching::automatic;
  DiskSync sync = DiskSync::fsync;
};

/// How a shared folder reaches the guest, whose kernel needs the file system of that name.
enum class ShareTransport {
  automatic,  ///< virtiofs where the host can do it (Feature::virtiofs), else plan9.
  virtiofs,   ///< A daemon of its own, or the host's framework.
  plan9,      ///< 9P2000.L, served by QEMU itself.
};

/// A folder of the host that the guest can mount. Who owns a file there is what the host says:
/// where the host program is not root, the guest cannot change owners, and over virtiofs the files
/// of the host program's user are root's in the guest.
struct Share {
  std::string tag = {};             ///< What the guest mounts it by: as a port's name, at most 31.
  std::filesystem::path path = {};  ///< A folder.
  bool read_only = false;           ///< Enforced by the host.
  ShareTransport transport = ShareTransport::automatic;
};

/// A named port of the virtio console device: a byte stream between guest and host. The guest
/// finds it by /sys/class/virtio-ports/*/name, the host by Machine::open_port.
struct Port {
  std::string name = {};  ///< 1 to 63 of letters, digits, '.', '_', '-'.
};

enum class NetworkKind {
  nat,         ///< The guest reaches what the host reaches; nobody reaches the guest.
  host_only,   ///< The guest reaches the host, and no more. VZ: macOS 26.
  bridged,     ///< The guest is in the network of one of the host's interfaces, as if it was there.
               ///< VZ: with an entitlement that Apple grants (Feature::bridged_networks).
  tap,         ///< A TAP device of the host's, which exists already and this user may use.
  descriptor,  ///< Ethernet frames, one a datagram, over a socket of the host application's.
};

/// How the guest gets the addresses of its interface.
enum class Addressing {
  automatic,  ///< From the backend, where that decides them (Backend::network_addresses); else
              ///< dhcp.
  dhcp,       ///< It asks (DHCP), also where the backend could tell.
};

/// A virtio network device.
struct Network {
  NetworkKind kind = NetworkKind::nat;
  /// Its Ethernet address in lower case, as "52:54:00:12:34:56": of one station, not of a group.
  /// Empty: one that the backend gives it, the same each time.
  std::string mac = {};
  /// Of the host's: what `bridged` and `tap` are about, as "en0". Else empty.
  std::string interface = {};
  /// Of `descriptor`: one end of a pair of datagram sockets, borrowed until Machine::start returns.
  /// The larger its buffers (SO_RCVBUF, SO_SNDBUF), the fewer frames are lost.
  int descriptor = -1;
  /// Of `nat` and `host_only`: the guest's network as "192.168.77.0/24"; empty: the backend's.
  /// VZ: macOS 26.
  std::string subnet = {};
  /// The largest packet, in bytes; zero: 1500. VZ: of `descriptor`, at least 1500; on macOS 26 also
  /// of `nat` and `host_only`.
  unsigned mtu = 0;
  Addressing addressing = Addressing::automatic;
};

/// What the guest is to give its interface of a network whose addresses the backend decides. IPv4.
struct NetworkAddresses {
  std::string mac;  ///< Of the interface, as "52:54:00:12:34:56".
  std::string address;
  unsigned prefix_length = 24;
  std::string gateway;
  std::vector<std::string> dns;  ///< Servers that answer the guest.
};

/// Where the guest's console output goes. Its last lines are kept in memory in any case
/// (Machine::console_tail).
struct ConsoleLog {
  /// Whether the guest has a console at all. Without one nothing tells why a kernel does not come
  /// up, and only an opened port is a sign of life: there is no boot watchdog unless it is asked
  /// for. The QEMU backend only.
  bool device = true;
  std::filesystem::path file = {};  ///< Written as output comes, replaced at start; empty: none.
  /// When the file has this size, nothing more is written to it: guests are not trusted.
  ByteSize limit = ByteSize(16ULL << 20);
};

/// A virtio graphics device with one screen. QEMU serves it over VNC (MachineDiagnostics::screen);
/// with VZ nothing shows it yet.
struct Graphics {
  unsigned width = 1280;  ///< In pixels.
  unsigned height = 800;
};

/// A sound device: the guest's sound comes out of, and goes into, what the host's user has chosen.
struct Sound {
  bool output = true;
  bool input = false;  ///< The microphone: macOS asks the user first.
};

/// What the guest mounts MachineConfig::rosetta by; no other share may have it then.
inline constexpr const char* rosetta_tag = "rosetta";

/// What the guest's SPICE agent looks for, with MachineConfig::clipboard.
inline constexpr const char* clipboard_port = "com.redhat.spice.0";

/// A machine as any backend can make it. Plain values: nothing happens before Backend::create.
struct MachineConfig {
  std::string name = "machine";  ///< For messages and logs: as a port's name.
  Architecture architecture = host_architecture();
  unsigned cpu_count = 1;
  ByteSize memory = ByteSize(512ULL << 20);  ///< A multiple of 1 MiB.
  KernelBoot boot = {};
  std::optional<Firmware> firmware = {};  ///< Instead of `boot`, which is empty then.
  std::vector<Disk> disks = {};  ///< In the guest in this order, each kind of device for itself.
  std::vector<Share> shares = {};
  std::vector<Port> ports = {};
  std::vector<Network> networks = {};
  bool entropy = true;  ///< A virtio random number device fed by the host.
  /// A virtio memory balloon, for Machine::set_memory_target; the guest needs its driver.
  bool balloon = false;
  /// A virtio socket device: byte streams by number between guest and host, as many as wanted, for
  /// Machine::connect_vsock (Feature::vsock). The QEMU backend refuses it.
  bool vsock = false;
  /// The guest can run machines with hardware acceleration itself. On macOS from 15 and an M3 on.
  /// The QEMU backend refuses it.
  bool nested_virtualization = false;
  /// A share with Apple's translator, tag `rosetta_tag`, by which an arm64 guest runs programs for
  /// x86-64 as soon as it has mounted it and told its kernel (binfmt_misc). On Macs with Apple
  /// silicon where Rosetta is installed. The QEMU backend refuses it.
  bool rosetta = false;
  std::optional<Graphics> graphics = {};
  bool keyboard = false;         ///< A USB keyboard.
  bool pointing_device = false;  ///< A USB tablet, which points to places on the screen.
  std::optional<Sound> sound = {};
  /// An XHCI controller, for Machine::attach_disk. VZ: macOS 15.
  bool usb_controller = false;
  /// The guest shares the clipboard of the host's user: it needs the SPICE agent, for whose port
  /// `clipboard_port` no other port may be named then.
  bool clipboard = false;
  /// Who the machine is for its guest, in base64, the same each time that it runs: see
  /// Backend::new_machine_identifier. Two machines that run must not have the same. Empty: a new
  /// one each time.
  std::string machine_identifier = {};
  ConsoleLog console = {};
  /// How long a machine may run without a sign of life (console output, a port that the guest
  /// opened) before it is killed and started a second time, and after that fails. Zero: for ever.
  /// Without a value 5 s with hardware acceleration, 15 s without; for ever with firmware, whose
  /// guest may say nothing on this console.
  std::optional<std::chrono::milliseconds> boot_watchdog = {};
};

/// One thing that is wrong with a configuration.
struct ConfigProblem {
  std::string field;    ///< As in C++: "memory", "disks[1].identifier".
  std::string message;  ///< Expected and found.

  friend bool operator==(const ConfigProblem&, const ConfigProblem&) = default;
};

/// Everything that is wrong with `config` on every backend, in the order of the fields; empty if
/// nothing is. Looks at no file: those may come later. Backend::validate adds what it cannot do.
std::vector<ConfigProblem> validate(const MachineConfig& config);

}  // namespace vmkit::vm
