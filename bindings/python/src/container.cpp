// SPDX-License-Identifier: Apache-2.0
#include "bind.hpp"
#include "connection.hpp"
#include "container_records.hpp"
#include "modules.hpp"

#include <vmkit/container/disk_cache.hpp>
#include <vmkit/container/image_layers.hpp>

namespace vmkit::python {
namespace {

using namespace container;
using std::filesystem::path;

void bind_class(py::module_& m) {
  m.def("create_container", wrap(&Container::create));
  m.def("open_container", wrap(&Container::open));
  m.def("remove_abandoned", wrap(&Container::remove_abandoned));
  bind_handle<Container>(m)
      .def("start", wrap(&Container::start))
      .def("exec", wrap(&Container::exec))
      .def("processes", wrap(&Container::processes))
      .def("attach", wrap(&Container::attach))
      .def("files", wrap(&Container::files))
      .def("forward", wrap(&Container::forward))
      .def("forward_from_guest", wrap(&Container::forward_from_guest))
      .def("open_connection", wrap(&Container::open_connection))
      .def("ports", wrap(&Container::ports))
      .def("wait_ready", wrap(&Container::wait_ready))
      .def("health", wrap(&Container::health))
      .def("statistics", wrap(&Container::statistics))
      .def("top", wrap(&Container::top))
      .def("set_limits", wrap(&Container::set_limits))
      .def("machine_statistics", wrap(&Container::machine_statistics))
      .def("set_memory_target", wrap(&Container::set_memory_target))
      .def("wait", wrap(&Container::wait))
      .def("stop", wrap(&Container::stop))
      .def("kill", wrap(&Container::kill))
      .def("clone_disk", wrap(&Container::clone_disk))
      .def("snapshot_disk", wrap(&Container::snapshot_disk))
      .def("trim", wrap(&Container::trim))
      .def("pause", wrap(&Container::pause))
      .def("resume", wrap(&Container::resume))
      .def("remove", wrap([](Container& box) { box.remove(); }))
      .def("on_event",
           [](const py::object& self, const py::object& handler) {
             const auto box = borrow_from<Container>(self).object;
             auto function = event_handler<ContainerEvent>(handler);
             std::optional<vm::EventSubscription> subscription;
             {
               const Unlocked unlocked;
               subscription = box->on_event(std::move(function));
             }
             return to_python(*std::move(subscription));
           })
      .def("state", wrap(&Container::state))
      .def("timeline", wrap(&Container::timeline))
      .def("kernel_release", wrap(&Container::kernel_release))
      .def("console_tail", wrap(&Container::console_tail))
      .def("diagnostics", wrap(&Container::diagnostics));
}

void bind_volumes(py::module_& m) {
  m.def("create_volume", wrap([](const path& folder, const std::string& name, ByteSize size,
                                 const CallOptions& options) {
          return Volumes(folder).create(name, size, options);
        }));
  m.def("list_volumes", wrap([](const path& folder) { return Volumes(folder).list(); }));
  m.def("find_volume", wrap([](const path& folder, const std::string& name) {
          return Volumes(folder).find(name);
        }));
  m.def("remove_volume",
        wrap([](const path& folder, const std::string& name) { Volumes(folder).remove(name); }));
  m.def("volume_image", wrap([](const path& folder, const std::string& name) {
          return Volumes(folder).image(name);
        }));
}

}  // namespace

void bind_container(py::module_& m) {
  bind_class(m);
  bind_volumes(m);
  m.def("commit", wrap(&commit));
  m.def("pull_and_unpack", wrap(&pull_and_unpack));
  m.def("image_layers", wrap([](const oci::Image& image, const oci::ImageStore& store) {
          return image_layers(image, store);
        }));
  m.def("disk_cache", wrap(&disk_cache));
  m.def("of_no_image", wrap([](const oci::ImageStore& store, const rootfs::CacheEntry& entry) {
          return of_no_image(store)(entry);
        }));
  m.def("overridden", wrap(&overridden));
  m.def("command_of", wrap(&command_of));
  m.def("kernel_features", wrap(&kernel_features));
  m.def("missing_requirements",
        wrap([](const Kernel& kernel) { return kernel_features(kernel).missing_requirements(); }));
  m.def("parse_port_mapping", wrap(&parse_port_mapping));
  m.def("list_containers", wrap(&list_containers));
}

}  // namespace vmkit::python
