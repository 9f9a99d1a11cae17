// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <filesystem>
#include <functional>
#include <string>
#include <sys/stat.h>
#include <vector>

#include "os/clone_file.hpp"
#include "os/directory.hpp"
#include "os/file.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/disk/clone.hpp>
#include <vmkit/disk/image_file.hpp>

using namespace vmkit;
using namespace vmkit::disk;
namespace fs = std::filesystem;

namespace {

struct Failure {
  Errc code;
  std::string message;
};

Failure failure(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return {error.code(), error.what()};
  }
  FAIL("expected an error");
  return {Errc::internal, {}};
}

/// A sparse image of 64 MiB with 5 MiB of data in three places.
void make_source(const fs::path& path) {
  ImageFile image = ImageFile::create(path, 64_MiB);
  const std::string mib(1 << 20, 'a');
  image.write_at(0, std::as_bytes(std::span(mib)));
  for (std::uint64_t at = 20; at < 23; ++at) {
    image.write_at(at << 20, std::as_bytes(std::span(mib)));
  }
  image.write_at(63 << 20, std::as_bytes(std::span(mib)));
  image.publish();
}

std::size_t files_in(const fs::path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

bool shares_blocks(const fs::path& folder) {
  const os::File file = os::File::open(folder / "source.img", os::File::Mode::read);
  const fs::path probe = folder / "probe";
  const bool can = os::try_clone_file(file, probe);
  fs::remove(probe);
  return can;
}

}  // namespace

TEST_CASE("clone: same content, holes stay holes, and it says how") {
  const os::TemporaryDirectory folder(fs::temp_directory_path(), "vmkit-clone");
  const fs::path source = folder.path() / "source.img";
  const fs::path target = folder.path() / "target.img";
  make_source(source);
  std::vector<Progress> seen;
  std::string subject;
  const bool cow = shares_blocks(folder.path());
  const CloneMethod method = clone(source, target, {.mode = CloneMode::prefer_cow},
                                   {.progress = [&](const Progress& progress) {
                                     seen.push_back(progress);
                                     subject = progress.subject;
                                   }});
  CHECK(method == (cow ? CloneMethod::cow : CloneMethod::sparse_copy));
  CHECK(os::read_file(source, 64_MiB) == os::read_file(target, 64_MiB));
  struct stat status;
  REQUIRE(::stat(target.c_str(), &status) == 0);
  CHECK(status.st_blocks * 512 < (6 << 20));
  CHECK((status.st_mode & 0777) == 0600);
  CHECK(files_in(folder.path()) == 2);
  if (!cow) {
    REQUIRE_FALSE(seen.empty());
    CHECK(subject == target.string());
    CHECK(seen.back().done == (5 << 20));
    CHECK(seen.back().total == (5 << 20));
  }
}

TEST_CASE("clone: one that need not last is the same") {
  const os::TemporaryDirectory folder(fs::temp_directory_path(), "vmkit-clone");
  const fs::path source = folder.path() / "source.img";
  const fs::path target = folder.path() / "target.img";
  make_source(source);
  clone(source, target, {.durable = false});
  CHECK(os::read_file(source, 64_MiB) == os::read_file(target, 64_MiB));
  CHECK(files_in(folder.path()) == 2);
  CHECK(failure([&] { clone(source, target, {.durable = false}); }).code == Errc::already_exists);
}

TEST_CASE("clone: require_cow fails with the reason where blocks cannot be shared") {
  const os::TemporaryDirectory folder(fs::temp_directory_path(), "vmkit-clone");
  make_source(folder.path() / "source.img");
  if (shares_blocks(folder.path())) {
    MESSAGE("skipped: this file system shares blocks");
    return;
  }
  const Failure result = failure([&] {
    clone(folder.path() / "source.img", folder.path() / "target.img",
          {.mode = CloneMode::require_cow});
  });
  CHECK(result.code == Errc::unsupported);
  CHECK(result.message.find("copy-on-write was required") != std::string::npos);
  CHECK(files_in(folder.path()) == 1);
}

TEST_CASE("clone: never over another file, never from one being written") {
  const os::TemporaryDirectory folder(fs::temp_directory_path(), "vmkit-clone");
  const fs::path source = folder.path() / "source.img";
  make_source(source);
  os::write_file_atomically(folder.path() / "other", "kept");
  CHECK(failure([&] { clone(source, folder.path() / "other"); }).code == Errc::already_exists);
  CHECK(os::read_file(folder.path() / "other", 1_KiB) == "kept");
  {
    ImageFile reader = ImageFile::open(source, ImageFile::Access::read_only);
    clone(source, folder.path() / "while-read");
  }
  ImageFile writer = ImageFile::open(source, ImageFile::Access::read_write);
  CHECK(failure([&] { clone(source, folder.path() / "target"); }).code ==
        Errc::failed_precondition);
  CHECK(failure([&] { clone(folder.path() / "none", folder.path() / "target"); }).code ==
        Errc::not_found);
  CHECK(files_in(folder.path()) == 3);
}

TEST_CASE("clone: a stop leaves nothing") {
  const os::TemporaryDirectory folder(fs::temp_directory_path(), "vmkit-clone");
  make_source(folder.path() / "source.img");
  StopSource stop;
  CallOptions options{.stop = stop.token(),
                      .progress = [&](const Progress&) { stop.request_stop(); }};
  if (shares_blocks(folder.path())) stop.request_stop();
  CHECK(failure([&] {
          clone(folder.path() / "source.img", folder.path() / "target.img",
                {.mode = CloneMode::prefer_cow}, options);
        }).code == Errc::cancelled);
  CHECK(files_in(folder.path()) == 1);
}

TEST_CASE("clone: too little space is told before anything is written") {
  const os::TemporaryDirectory folder(fs::temp_directory_path(), "vmkit-clone");
  const Failure result = failure([&] { require_free_space(folder.path(), ByteSize(1ULL << 60)); });
  CHECK(result.code == Errc::resource_exhausted);
  CAPTURE(result.message);
  CHECK(result.message.find("needs 1 EiB") != std::string::npos);
  CHECK(result.message.find("available") != std::string::npos);
  CHECK_NOTHROW(require_free_space(folder.path(), 1_B));
}
