// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <vmkit/vmkit.hpp>

namespace devbox {

/// What a box is made with, and kept in boxes/NAME.json.
struct Definition {
  std::string name;
  std::string image;  ///< As it is named in the store.
  std::string user = "dev";
  unsigned cpu_count = 2;
  vmkit::ByteSize memory = vmkit::ByteSize(std::uint64_t{1} << 30);
  std::filesystem::path kernel;
  std::filesystem::path modules = {};
};

/// The program's folder: images in `images/`, and for each box its definition `boxes/NAME.json` and
/// the container's folder `boxes/NAME/`, which is kept between runs.
class Boxes {
 public:
  explicit Boxes(std::filesystem::path folder);

  vmkit::oci::ImageStore& images() { return images_; }
  /// Pulls the image unless it is here.
  vmkit::oci::Image image(const std::string& name, bool plain_http);

  /// A box with its user, who may sudo and is known by `keys` (lines as in authorized_keys).
  void create(const Definition& definition, const std::vector<std::string>& keys);
  vmkit::container::Container open(const Definition& definition,
                                   std::vector<vmkit::container::PortMapping> ports = {});
  Definition find(const std::string& name) const;
  std::vector<Definition> list() const;
  void remove(const std::string& name);

  std::filesystem::path disk(const std::string& name) const;
  /// "running", "stopped", "crashed".
  std::string state(const std::string& name) const;

 private:
  std::filesystem::path path_of(const std::string& name) const;
  vmkit::container::ContainerOptions options(const Definition& definition);

  std::filesystem::path folder_;
  vmkit::oci::ImageStore images_;
};

}  // namespace devbox
