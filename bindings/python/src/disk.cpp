// SPDX-License-Identifier: Apache-2.0
#include "bind.hpp"
#include "disk_records.hpp"
#include "handles.hpp"
#include "modules.hpp"

#include <vmkit/disk/backup.hpp>

namespace vmkit::python {
namespace {

using namespace disk;
using std::filesystem::path;

void bind_image_file(py::module_& m) {
  m.def("create_image_file", wrap(&ImageFile::create));
  m.def("create_image_clone", wrap(&ImageFile::create_clone));
  m.def("open_image_file", wrap(&ImageFile::open));
  bind_handle<ImageFile>(m)
      .def("publish", wrap(&ImageFile::publish))
      .def("publish_clone", wrap(&ImageFile::publish_clone))
      .def("size", wrap(&ImageFile::size))
      .def("read_at", wrap([](ImageFile& file, std::uint64_t offset, std::uint64_t length) {
             // The library wants ranges within the device: here they are checked.
             if (offset > file.size().bytes() || length > file.size().bytes() - offset) {
               throw Error(Errc::invalid_argument, "the range is not within the disk");
             }
             std::vector<std::byte> data(length);
             file.read_at(offset, data);
             return data;
           }))
      .def("write_at",
           wrap([](ImageFile& file, std::uint64_t offset, const std::vector<std::byte>& data) {
             if (offset > file.size().bytes() || data.size() > file.size().bytes() - offset) {
               throw Error(Errc::invalid_argument, "the range is not within the disk");
             }
             file.write_at(offset, data);
           }))
      .def("discard", wrap([](ImageFile& file, std::uint64_t offset, std::uint64_t length) {
             if (offset > file.size().bytes() || length > file.size().bytes() - offset) {
               throw Error(Errc::invalid_argument, "the range is not within the disk");
             }
             file.discard(offset, length);
           }))
      .def("resize", wrap(&ImageFile::resize))
      .def("flush", wrap(&ImageFile::flush));
}

void bind_snapshots(py::module_& m) {
  m.def("list_snapshots", wrap([](const path& disk, const CallOptions& options) {
          return Snapshots(disk).list(options);
        }));
  m.def("current_snapshot", wrap([](const path& disk, const CallOptions& options) {
          return Snapshots(disk).current(options);
        }));
  m.def("create_snapshot", wrap([](const path& disk, const std::string& name,
                                   const CloneOptions& how, const CallOptions& options) {
          return Snapshots(disk).create(name, how, options);
        }));
  m.def("restore_snapshot", wrap([](const path& disk, const std::string& name,
                                    const CloneOptions& how, const CallOptions& options) {
          return Snapshots(disk).restore(name, how, options);
        }));
  m.def("fork_snapshot", wrap([](const path& disk, const std::string& name, const path& target,
                                 const CloneOptions& how, const CallOptions& options) {
          return Snapshots(disk).fork(name, target, how, options);
        }));
  m.def("remove_snapshot",
        wrap([](const path& disk, const std::string& name, const CallOptions& options) {
          Snapshots(disk).remove(name, options);
        }));
}

}  // namespace

void bind_disk(py::module_& m) {
  m.def("clone_disk", wrap(&clone));
  m.def("require_free_space", wrap(&require_free_space));
  m.def("exclude_from_backup", wrap(&exclude_from_backup));
  m.def("disk_usage", wrap([](const std::vector<path>& disks, const CallOptions& options) {
          return usage(disks, options);
        }));
  bind_image_file(m);
  bind_snapshots(m);
  m.def("open_image_folder", wrap([](const path& folder) { return ImageFolder(folder); }));
  bind_handle<ImageFolder>(m)
      .def("path", wrap(&ImageFolder::path))
      .def("lock", wrap(&ImageFolder::lock));
  bind_handle<ImageFolder::Lock>(m);
}

}  // namespace vmkit::python
