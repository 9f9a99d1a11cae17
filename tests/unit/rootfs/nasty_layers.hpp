// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace vmkit::test {

struct NastyImage {
  const char* name;
  std::vector<std::string> tars;  ///< The layers, the lowest first.
};

/// Images by hand, each with something that unpackers get wrong.
std::vector<NastyImage> nasty_images();

/// An image by chance, always the same for one seed: files, folders, links of both kinds, devices,
/// whiteouts in a few layers, each kept such that the specification says what must come out.
std::vector<std::string> random_image(unsigned seed);

}  // namespace vmkit::test
