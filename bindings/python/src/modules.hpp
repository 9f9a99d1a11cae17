// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "python.hpp"

namespace vmkit::python {

void bind_agent(py::module_& m);
void bind_archive(py::module_& m);
void bind_base(py::module_& m);
void bind_container(py::module_& m);
void bind_defaults(py::module_& m);
void bind_disk(py::module_& m);
void bind_ext4(py::module_& m);
void bind_files(py::module_& m);
void bind_oci(py::module_& m);
void bind_process(py::module_& m);
void bind_registry(py::module_& m);
void bind_rootfs(py::module_& m);
void bind_streams(py::module_& m);
void bind_vm(py::module_& m);

}  // namespace vmkit::python
