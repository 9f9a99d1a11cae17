// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <string>
#include <vector>

#include <vmkit/base/error.hpp>
#include <vmkit/rootfs/layer.hpp>

using namespace vmkit;
using namespace vmkit::rootfs;

TEST_CASE("chain id: as the image specification defines it") {
  const Digest a = digest_of("a");
  const Digest b = digest_of("b");
  const Digest c = digest_of("c");
  CHECK(chain_id(std::vector{a}) == a);
  // printf 'sha256:%s sha256:%s' $(printf a | sha256sum) … | sha256sum
  CHECK(chain_id(std::vector{a, b}).to_string() ==
        "sha256:51c0c8ace48498d6f5fee6b0592cc06f2da0f3cbe09c5a34a97dce85c3889676");
  CHECK(chain_id(std::vector{a, b, c}).to_string() ==
        "sha256:2fce7f8ce91bcf0a1428b36e1024639fdbd9469eea762dba98aa749631885106");
  CHECK_THROWS_AS(chain_id(std::vector<Digest>{}), Error);
}
