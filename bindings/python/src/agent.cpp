// SPDX-License-Identifier: Apache-2.0
#include "agent_records.hpp"
#include "bind.hpp"
#include "connection.hpp"
#include "modules.hpp"

#include <vmkit/agent/port.hpp>

namespace vmkit::python {
namespace {

using namespace agent;

std::vector<std::byte> program_of(SeccompFilter filter) {
  return std::move(filter.program);
}

/// A session with the agent on a port of a machine, made again as often as needed. The machine must
/// be there as long as the client is, which keeps it.
std::shared_ptr<Client> connect(const std::shared_ptr<vm::Machine>& machine,
                                const ReconnectOptions& reconnect, const CallOptions& options) {
  struct Session {
    std::shared_ptr<vm::Machine> machine;
    Client client;
  };
  const Dialler dialler = [machine](const CallOptions& dial_options) {
    return machine->open_port(port_name, dial_options);
  };
  const auto session =
      std::make_shared<Session>(Session{machine, Client::connect(dialler, reconnect, options)});
  return {session, &session->client};
}

void bind_client(py::module_& m) {
  m.def("connect_agent", wrap(&connect));
  bind_handle<Client>(m)
      .def("info", wrap(&Client::info))
      .def("create_container", wrap(&Client::create_container))
      .def("set_limits", wrap(&Client::set_limits))
      .def("statistics", wrap(&Client::statistics))
      .def("top", wrap(&Client::top))
      .def("configure", wrap(&Client::configure))
      .def("configure_network", wrap(&Client::configure_network))
      .def("spawn", wrap(&Client::spawn))
      .def("processes", wrap(&Client::processes))
      .def("attach", wrap(&Client::attach))
      .def("files", wrap(&Client::files))
      .def("forward", wrap([](Client& client, const Endpoint& listen, const Endpoint& target,
                              const ForwardOptions& options) {
             return client.forward(listen, target, options);
           }))
      // The listener goes over to the forward.
      .def("forward_listener",
           wrap([](Client& client, HostListener& listener, const Endpoint& target) {
             return client.forward(std::move(listener), target);
           }))
      .def("forward_from_guest", wrap(&Client::forward_from_guest))
      .def("open_connection", wrap(&Client::open_connection))
      .def("on_event",
           [](const py::object& self, const py::object& handler) {
             const auto client = borrow_from<Client>(self).object;
             auto function = event_handler<GuestEvent>(handler);
             const Unlocked unlocked;
             client->on_event(std::move(function));
           })
      .def("freeze", wrap(&Client::freeze))
      .def("thaw", wrap(&Client::thaw))
      .def("trim", wrap(&Client::trim))
      .def("power_off", wrap([](Client& client, const PowerOff& how, const CallOptions& options) {
             client.power_off(how, options);
           }))
      .def("probe", wrap(&Client::probe))
      .def("failure", wrap(&Client::failure))
      .def("end", wrap(&Client::close));
}

void bind_forward(py::module_& m) {
  bind_handle<Forward>(m)
      .def("listening", wrap(&Forward::listening))
      .def("target", wrap(&Forward::target))
      .def("connections", wrap(&Forward::connections))
      .def("end", wrap(&Forward::close));
  m.def("listen_on_host", wrap(&HostListener::open));
  bind_handle<HostListener>(m).def("endpoint", wrap(&HostListener::endpoint));
  m.def("endpoint_text", wrap([](const Endpoint& endpoint) { return to_string(endpoint); }));
}

}  // namespace

void bind_agent(py::module_& m) {
  bind_client(m);
  bind_forward(m);
  m.def("default_capabilities", wrap(&default_capabilities));
  m.def("default_masked_paths", wrap(&default_masked_paths));
  m.def("default_readonly_paths", wrap(&default_readonly_paths));
  m.def("changed_capabilities", wrap(&changed_capabilities));
  m.def("check_container_spec", wrap([](const ContainerSpec& spec) { check(spec); }));
  m.def("compile_seccomp", wrap([](std::string_view profile, const SeccompTarget& target) {
          return program_of(compile_seccomp(profile, target));
        }));
  m.def("default_seccomp_filter", wrap([](const SeccompTarget& target) {
          return program_of(default_seccomp_filter(target));
        }));
  m.def("build_initramfs", wrap(&build_initramfs));
}

}  // namespace vmkit::python
