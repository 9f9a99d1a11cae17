// SPDX-License-Identifier: Apache-2.0
#include "bind.hpp"
#include "modules.hpp"
#include "rootfs_records.hpp"

namespace vmkit::python {

using namespace rootfs;

void bind_rootfs(py::module_& m) {
  m.def("chain_id", wrap([](const std::vector<Digest>& diff_ids) { return chain_id(diff_ids); }));
  m.def("unpack", wrap([](const std::vector<Layer>& layers, const std::filesystem::path& target,
                          const UnpackOptions& unpack_options, const CallOptions& options) {
          return unpack(layers, target, unpack_options, options);
        }));
  m.def("unpack_onto", wrap([](const std::vector<Layer>& layers, disk::ImageFile& device,
                               const UnpackOptions& unpack_options, const CallOptions& options) {
          return unpack(layers, device, unpack_options, options);
        }));
  m.def("diff",
        wrap([](ext4::Reader& lower, ext4::Reader& upper, const std::unique_ptr<Sink>& layer,
                const DiffOptions& diff_options, const CallOptions& options) {
          return diff(lower, upper, *layer, diff_options, options);
        }));
  m.def("export_tar", wrap([](ext4::Reader& disk, const std::unique_ptr<Sink>& target,
                              const ExportOptions& export_options, const CallOptions& options) {
          return export_tar(disk, *target, export_options, options);
        }));
  m.def("open_cache", wrap([](const std::filesystem::path& folder, const CacheOptions& options) {
          return Cache(folder, options);
        }));
  bind_handle<Cache>(m)
      .def("find", wrap(&Cache::find))
      .def("get_or_unpack",
           wrap([](const Cache& cache, const std::vector<Layer>& layers,
                   const UnpackOptions& unpack_options, const CallOptions& options) {
             return cache.get_or_unpack(layers, unpack_options, options);
           }))
      .def("list", wrap(&Cache::list))
      .def("usage", wrap(&Cache::usage))
      .def("prune", wrap(&Cache::prune));
}

}  // namespace vmkit::python
