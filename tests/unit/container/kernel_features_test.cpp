// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <fstream>
#include <set>

#include "container/kernel_config.hpp"
#include "support/errors.hpp"
#include "support/programs.hpp"
#include "support/temporary_directory.hpp"

#include <vmkit/container/kernel_features.hpp>

using namespace vmkit;
using namespace vmkit::container;

namespace {

struct Fixture {
  os::TemporaryDirectory folder = test::temporary_directory();
  Kernel kernel{.image = folder.path() / "vmlinuz"};

  void write(const std::string& name, const std::string& content) {
    const auto path = folder.path() / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << content;
  }
  KernelSupport support(KernelFeature feature) {
    return kernel_features(kernel).status(feature).support;
  }
};

/// The beginning of a bzImage that says this of itself.
std::string bz_image(const std::string& version) {
  std::string image(0x400, '\0');
  image.replace(0x202, 4, "HdrS");
  image[0x20f] = 1;  // 0x200 + 0x100
  return image.replace(0x300, version.size(), version);
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "kernel features: by the configuration beside it and its modules") {
  write("vmlinuz", bz_image("6.1.0-x (build@host) #1 SMP"));
  CHECK(support(KernelFeature::pressure) == KernelSupport::unknown);
  write("config-6.1.0-x",
        "#\nCONFIG_PSI=y\n# CONFIG_9P_FS is not set\nCONFIG_VIRTIO_FS=m\nCONFIG_EROFS_FS=m\n"
        "CONFIG_EXT4_FS=y\nCONFIG_LOCALVERSION=\"y\"\n");
  write("config-other", "CONFIG_9P_FS=y\n");
  write("modules/6.1.0-x/modules.dep", "kernel/fs/fuse/virtiofs.ko:\n");
  kernel.modules = folder.path() / "modules/6.1.0-x";
  const KernelFeatures features = kernel_features(kernel);
  CHECK(features.release == "6.1.0-x");
  CHECK(features.configuration == folder.path() / "config-6.1.0-x");
  CHECK(support(KernelFeature::pressure) == KernelSupport::built_in);
  CHECK(support(KernelFeature::plan9) == KernelSupport::missing);
  CHECK(support(KernelFeature::virtiofs) == KernelSupport::module);
  CHECK(support(KernelFeature::erofs) == KernelSupport::missing);  // no file
  CHECK_FALSE(features.may_have(KernelFeature::tun));
  const auto missing = features.missing_requirements();
  CHECK(std::find(missing.begin(), missing.end(), KernelFeature::virtio_blk) != missing.end());
  CHECK(std::find(missing.begin(), missing.end(), KernelFeature::virtio_pci) != missing.end());
  CHECK(std::find(missing.begin(), missing.end(), KernelFeature::ext4) == missing.end());
}

TEST_CASE_FIXTURE(Fixture, "kernel features: by the modules alone") {
  write("vmlinuz",
        "\x7f"
        "ELF Linux version %s Linux version 6.6.6-y (x)");
  write("modules/6.6.6-y/modules.dep", "kernel/net/9p/9p.ko.xz:\n");
  write("modules/6.6.6-y/modules.builtin",
        "kernel/fs/ext4/ext4.ko\nkernel/drivers/virtio/virtio_mmio.ko\n");
  kernel.modules = folder.path() / "modules/6.6.6-y";
  CHECK(kernel_features(kernel).release == "6.6.6-y");
  CHECK(support(KernelFeature::ext4) == KernelSupport::built_in);
  CHECK(support(KernelFeature::plan9) == KernelSupport::module);
  CHECK(support(KernelFeature::virtiofs) == KernelSupport::missing);
  CHECK(support(KernelFeature::seccomp) == KernelSupport::unknown);
}

TEST_CASE_FIXTURE(Fixture, "kernel features: by the configuration in the image") {
  write("config", "CONFIG_PSI=y\nCONFIG_TUN=y\n");
  const std::string packed = test::run_program({"gzip", "-c", (folder.path() / "config").string()});
  write("vmlinuz",
        "Linux version 6.1.1-vmkit (x) IKCFG_ST is no beginning IKCFG_ST" + packed + "IKCFG_ED");
  const KernelFeatures features = kernel_features(kernel);
  CHECK(features.configuration == kernel.image);
  CHECK(features.status(KernelFeature::tun).support == KernelSupport::built_in);
  CHECK(features.status(KernelFeature::ext4).support == KernelSupport::missing);
  write("vmlinuz", "IKCFG_ST\x1f\x8b garbage IKCFG_ED");
  CHECK(kernel_features(kernel).configuration.empty());
}

TEST_CASE("kernel features: each has a name, and what it is for") {
  CHECK(to_string(KernelFeature::plan9) == "9p");
  Fixture fixture;
  fixture.write("vmlinuz", "");
  std::set<std::string> names;
  for (const auto& status : kernel_features(fixture.kernel).features) {
    CHECK(names.insert(std::string(to_string(status.feature))).second);
    CHECK(status.option.rfind("CONFIG_", 0) == 0);
    CHECK(status.needed_for != "");
  }
  test::check_error(Errc::not_found, {"/nonexistent/vmlinuz"},
                    [] { kernel_features({.image = "/nonexistent/vmlinuz"}); });
}
