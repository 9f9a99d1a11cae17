// SPDX-License-Identifier: Apache-2.0
#include "convert.hpp"
#include "modules.hpp"
#include "running_call.hpp"

// The extension `vmkit._vmkit`: plain functions and handles. What people use is the Python code of
// the package, which gives them names, defaults, types and documentation.
PYBIND11_MODULE(_vmkit, m) {
  using namespace vmkit::python;
  is_main_thread();  // learns which one that is

  py::register_exception_translator([](std::exception_ptr pointer) {
    try {
      if (pointer) std::rethrow_exception(pointer);
    } catch (const vmkit::Error& error) {
      const py::object exception = to_python(error);
      PyErr_SetObject(py::type::handle_of(exception).ptr(), exception.ptr());
    }
  });
  m.def("end_everything", &end_everything);

  bind_streams(m);
  bind_base(m);
  bind_archive(m);
  bind_disk(m);
  bind_ext4(m);
  bind_oci(m);
  bind_registry(m);
  bind_rootfs(m);
  bind_vm(m);
  bind_agent(m);
  bind_process(m);
  bind_files(m);
  bind_container(m);
  bind_defaults(m);
}
