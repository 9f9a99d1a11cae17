// SPDX-License-Identifier: Apache-2.0
#include "bind.hpp"
#include "modules.hpp"
#include "oci_records.hpp"

#include <vmkit/oci/add_layer.hpp>
#include <vmkit/oci/copy.hpp>
#include <vmkit/oci/image_archive.hpp>
#include <vmkit/oci/maintenance.hpp>

namespace vmkit::python {
namespace {

using namespace oci;

void bind_names(py::module_& m) {
  m.def("parse_reference", wrap([](std::string_view text, const ReferenceDefaults& defaults) {
          return Reference::parse(text, defaults);
        }));
  m.def("registry_host",
        wrap([](const Reference& reference) { return reference.registry_host(); }));
  m.def("familiar", wrap([](const Reference& reference) { return reference.familiar(); }));
  m.def("with_tag", wrap([](const Reference& reference, std::string_view tag) {
          return reference.with_tag(tag);
        }));
  m.def("with_digest", wrap([](const Reference& reference, const Digest& digest) {
          return reference.with_digest(digest);
        }));
  m.def("reference_of", wrap(&reference_of));

  m.def("parse_platform", wrap(&Platform::parse));
  m.def("host_platform", wrap(&Platform::host));
  m.def("normalized_platform",
        wrap([](const Platform& platform) { return platform.normalized(); }));
  m.def("match_distance", wrap(&match_distance));
  m.def("best_match",
        wrap([](const Platform& wanted, const std::vector<std::optional<Platform>>& offered) {
          return best_match(wanted, offered);
        }));
}

void bind_documents(py::module_& m) {
  m.def("parse_index", wrap(&Index::parse));
  m.def("parse_manifest", wrap(&Manifest::parse));
  m.def("parse_image_config", wrap(&ImageConfig::parse));
  m.def("document_type", wrap(&document_type));
  m.def("layer_compression", wrap(&layer_compression));
  m.def("layers", wrap([](const Image& image) { return layers(image); }));
}

void bind_store(py::module_& m) {
  m.def("open_store", wrap(&ImageStore::open));
  bind_handle<ImageStore>(m)
      .def("root", wrap(&ImageStore::root))
      .def("list", wrap(&ImageStore::list))
      .def("find", wrap([](const ImageStore& store, const Reference& reference) {
             return store.find(reference);
           }))
      .def("find_text",
           wrap([](const ImageStore& store, std::string_view text) { return store.find(text); }))
      .def("resolve",
           wrap([](const ImageStore& store, const Reference& reference, const Platform& platform) {
             return store.resolve(reference, platform);
           }))
      .def("resolve_text",
           wrap([](const ImageStore& store, std::string_view text, const Platform& platform) {
             return store.resolve(text, platform);
           }))
      .def("load", wrap(&ImageStore::load))
      .def("tag", wrap(&ImageStore::tag))
      .def("rename", wrap(&ImageStore::rename))
      .def("remove",
           wrap([](ImageStore& store, const Reference& reference, const CallOptions& options) {
             return store.remove(reference, options);
           }))
      .def("remove_record",
           wrap([](ImageStore& store, const ImageRecord& record, const CallOptions& options) {
             return store.remove(record, options);
           }))
      .def("has_blob", wrap(&ImageStore::has_blob))
      .def("open_blob", wrap(&ImageStore::open_blob))
      .def("read_blob",
           wrap([](const ImageStore& store, const Descriptor& descriptor, ByteSize limit) {
             const std::string content = store.read_blob(descriptor, limit);
             const auto bytes = std::as_bytes(std::span(content));
             return std::vector(bytes.begin(), bytes.end());
           }))
      .def("verify_blob", wrap(&ImageStore::verify_blob))
      .def("put_blob", wrap([](ImageStore& store, const std::string& media_type,
                               const std::vector<std::byte>& content, const CallOptions& options) {
             return store.put_blob(media_type,
                                   {reinterpret_cast<const char*>(content.data()), content.size()},
                                   options);
           }))
      .def("blob_path", wrap(&ImageStore::blob_path));

  m.def("begin_lease", wrap(&Lease::begin));
  m.def("lease_of", wrap(&Lease::of));
  bind_handle<Lease>(m)
      .def("add_digests", wrap([](Lease& lease, const std::vector<Digest>& digests,
                                  const CallOptions& options) { lease.add(digests, options); }))
      .def("add_image", wrap([](Lease& lease, const Image& image, const CallOptions& options) {
             lease.add(image, options);
           }));

  m.def("collect_garbage", wrap(&collect_garbage));
  m.def("store_usage", wrap([](const ImageStore& store, const CallOptions& options) {
          return usage(store, options);
        }));
  m.def("verify_store", wrap([](const ImageStore& store, const CallOptions& options) {
          return verify(store, options);
        }));
  m.def("repair_store", wrap(&repair));
}

void bind_archives(py::module_& m) {
  m.def("import_images", wrap([](ImageStore& store, const std::filesystem::path& archive,
                                 const ImportOptions& import_options, const CallOptions& options) {
          return import_images(store, archive, import_options, options);
        }));
  m.def("import_images_from",
        wrap([](ImageStore& store, const std::unique_ptr<Source>& archive,
                const ImportOptions& import_options, const CallOptions& options) {
          return import_images(store, *archive, import_options, options);
        }));
  m.def("export_images", wrap([](const ImageStore& store, const std::vector<Reference>& references,
                                 const std::filesystem::path& target,
                                 const ExportOptions& export_options, const CallOptions& options) {
          export_images(store, references, target, export_options, options);
        }));
  m.def("export_images_to",
        wrap([](const ImageStore& store, const std::vector<Reference>& references,
                const std::unique_ptr<Sink>& target, const ExportOptions& export_options,
                const CallOptions& options) {
          export_images(store, references, *target, export_options, options);
        }));
  m.def("add_layer", wrap([](ImageStore& store, const Image& base, const Reference& name,
                             const std::function<bool(Sink&)>& write, LayerCompression compression,
                             std::optional<std::chrono::system_clock::time_point> created,
                             const std::string& created_by, const std::string& author,
                             const std::string& comment, const CallOptions& options) {
          return add_layer(store, base, name,
                           {write, compression, created, created_by, author, comment}, options);
        }));
}

}  // namespace

void bind_oci(py::module_& m) {
  bind_names(m);
  bind_documents(m);
  bind_store(m);
  bind_archives(m);
}

}  // namespace vmkit::python
