// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

// The names in a store: docs/formats/store.md.
namespace vmkit::oci::layout {

inline constexpr std::string_view marker = "oci-layout";
inline constexpr std::string_view marker_content = R"({"imageLayoutVersion":"1.0.0"})";
inline constexpr std::string_view index = "index.json";
inline constexpr std::string_view blobs = "blobs";
inline constexpr std::string_view ingest = "ingest";
inline constexpr std::string_view leases = "leases";
inline constexpr std::string_view lock = ".lock";
inline constexpr std::string_view collection_lock = ".collection-lock";

}  // namespace vmkit::oci::layout

namespace vmkit::oci::annotation {

/// The specification's name; skopeo and umoci select by it.
inline constexpr const char* ref_name = "org.opencontainers.image.ref.name";
/// The full reference, as containerd and nerdctl write and read it.
inline constexpr const char* image_name = "io.containerd.image.name";
/// Our own: see ImageRecord::source.
inline constexpr const char* source = "io.vmkit.source.digest";

}  // namespace vmkit::oci::annotation
