// SPDX-License-Identifier: Apache-2.0
#include "bind.hpp"
#include "modules.hpp"
#include "streams.hpp"
#include "vm_records.hpp"

#include <vmkit/vm/config_json.hpp>

namespace vmkit::python {
namespace {

using namespace vm;

void bind_machine(py::module_& m) {
  bind_handle<EventSubscription>(m);
  bind_handle<VsockListener>(m).def("accept", wrap(&VsockListener::accept));
  bind_handle<Machine>(m)
      .def("config", wrap(&Machine::config))
      .def("state", wrap(&Machine::state))
      .def("start", wrap(&Machine::start))
      .def("restore", wrap(&Machine::restore))
      .def("save", wrap(&Machine::save))
      .def("stop", wrap(&Machine::stop))
      .def("kill", wrap(&Machine::kill))
      .def("pause", wrap(&Machine::pause))
      .def("resume", wrap(&Machine::resume))
      .def("wait", wrap(&Machine::wait))
      .def("on_event",
           [](const py::object& self, const py::object& handler) {
             const auto machine = borrow_from<Machine>(self).object;
             return to_python(machine->on_event(event_handler<MachineEvent>(handler)));
           })
      .def("open_port", wrap(&Machine::open_port))
      .def("connect_vsock", wrap(&Machine::connect_vsock))
      .def("listen_vsock", wrap(&Machine::listen_vsock))
      .def("set_share", wrap(&Machine::set_share))
      .def("attach_disk", wrap(&Machine::attach_disk))
      .def("detach_disk", wrap(&Machine::detach_disk))
      .def("console_tail", wrap(&Machine::console_tail))
      .def("statistics", wrap(&Machine::statistics))
      .def("set_memory_target", wrap(&Machine::set_memory_target))
      .def("diagnostics", wrap(&Machine::diagnostics));
}

}  // namespace

void bind_vm(py::module_& m) {
  m.def("make_qemu_backend", wrap(&make_qemu_backend));
  m.def("make_vz_backend", wrap(&make_vz_backend));
  m.def("make_helper_backend", wrap(&make_helper_backend));
  bind_handle<Backend>(m)
      .def("name", wrap(&Backend::name))
      .def("capabilities", wrap(&Backend::capabilities))
      .def("validate", wrap(&Backend::validate))
      .def("network_addresses", wrap(&Backend::network_addresses))
      .def("new_machine_identifier", wrap(&Backend::new_machine_identifier))
      .def("create", wrap(&Backend::create))
      .def("orphans", wrap(&Backend::orphans))
      .def("adopt", wrap(&Backend::adopt));
  bind_machine(m);
  m.def("validate_config", wrap([](const MachineConfig& config) { return validate(config); }));
  m.def("config_to_json", wrap(&to_json));
  m.def("parse_machine_config", wrap(&parse_machine_config));
  m.def("host_resources", wrap(&host_resources));
  m.def("recommended_size",
        wrap([](const HostResources& resources) { return recommended_size(resources); }));
  m.def("memory_status", wrap(&memory_status));
}

}  // namespace vmkit::python
