// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <utility>

#include "oci/store/image_blobs.hpp"
#include "oci/store/lease_files.hpp"
#include "oci/store/store_files.hpp"
#include "oci/store/store_layout.hpp"
#include "oci/store/store_locks.hpp"
#include "os/directory.hpp"
#include "os/exclusive_file.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/oci/lease.hpp>

namespace vmkit::oci {
namespace {

// 200,000 digests.
constexpr ByteSize longest_lease{16 << 20};

/// The files of leases that live; those of dead ones are removed.
std::vector<std::filesystem::path> live_leases(const std::filesystem::path& store_root) {
  std::vector<std::filesystem::path> result;
  std::error_code ignored;
  for (const auto& entry :
       std::filesystem::directory_iterator(store_root / layout::leases, ignored)) {
    try {
      if (auto dead = os::ExclusiveFile::try_open(entry.path())) {
        dead->remove();
      } else {
        result.push_back(entry.path());
      }
    } catch (const Error& error) {
      // Not a file: no lease of ours.
      if (error.code() != Errc::invalid_argument) throw;
    }
  }
  return result;
}

}  // namespace

struct Lease::Impl {
  std::filesystem::path store_root;
  os::ExclusiveFile file;
  std::uint64_t length = 0;

  ~Impl() {
    try {
      file.remove();
    } catch (const Error&) {
      // Without its lock the file is a dead lease, which is as good as none.
    }
  }
};

Lease::Lease(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Lease::Lease(Lease&&) noexcept = default;
Lease& Lease::operator=(Lease&&) noexcept = default;
Lease::~Lease() = default;

Lease Lease::begin(const ImageStore& store, const CallOptions& options) {
  const auto path = store.root() / layout::leases / os::random_name();
  return Lease(
      std::unique_ptr<Impl>(new Impl{store.root(), os::ExclusiveFile::open(path, options)}));
}

Lease Lease::of(const ImageStore& store, const Image& image, const CallOptions& options) {
  Lease lease = begin(store, options);
  lease.add(image, options);
  store.load(image.reference, image.descriptor);
  return lease;
}

void Lease::add(std::span<const Digest> digests, const CallOptions& options) {
  std::string lines;
  for (const Digest& digest : digests) lines += digest.to_string() + '\n';
  if (impl_->length + lines.size() > longest_lease.bytes()) {
    throw Error(Errc::resource_exhausted,
                "lease: expected at most " + to_string(longest_lease) + " of digests");
  }
  const auto no_collection = hold_off_collection(impl_->store_root, options);
  impl_->file.file().write_at(impl_->length, std::as_bytes(std::span(lines)));
  impl_->length += lines.size();
}

void Lease::add(const Image& image, const CallOptions& options) {
  add(digests_of(image.descriptor, image.manifest), options);
}

std::vector<Digest> leased_digests(const std::filesystem::path& store_root) {
  std::vector<Digest> result;
  for (const auto& path : live_leases(store_root)) {
    std::string content;
    try {
      content = os::read_file(open_store_file(path), longest_lease);
    } catch (const Error& error) {
      if (error.code() == Errc::not_found) continue;  // it has just ended
      throw;
    }
    for (std::size_t begin = 0, end; (end = content.find('\n', begin)) != content.npos;
         begin = end + 1) {
      // What is no digest is the beginning of an addition that failed.
      if (auto digest = Digest::try_parse(std::string_view(content).substr(begin, end - begin))) {
        result.push_back(*std::move(digest));
      }
    }
  }
  return result;
}

void remove_dead_leases(const std::filesystem::path& store_root) {
  try {
    live_leases(store_root);
  } catch (const Error&) {
    // They cost a few bytes each; collect_garbage() tells what is wrong.
  }
}

}  // namespace vmkit::oci
