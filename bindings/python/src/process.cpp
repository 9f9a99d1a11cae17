// SPDX-License-Identifier: Apache-2.0
#include "agent_records.hpp"
#include "bind.hpp"
#include "modules.hpp"
#include "streams.hpp"

namespace vmkit::python {
namespace {

using namespace agent;

using SharedStream = std::shared_ptr<ByteStream>;

/// The streams are the process's, which they keep.
SharedStream input_of(const std::shared_ptr<Process>& process) {
  ProcessInput& input = process->stdin_sink();
  auto stream = std::make_shared<ByteStream>();
  stream->write = [process, &input](std::span<const std::byte> data, const CallOptions& options) {
    input.write(data, options);
  };
  stream->close = [process, &input] { input.close(); };
  return stream;
}

SharedStream output_of(const std::shared_ptr<Process>& process, ProcessOutput& output) {
  auto stream = std::make_shared<ByteStream>();
  stream->read = [process, &output](std::span<std::byte> buffer, const CallOptions& options) {
    return output.read(buffer, options);
  };
  stream->close = [process, &output] { output.close(); };
  return stream;
}

}  // namespace

void bind_process(py::module_& m) {
  bind_handle<Process>(m)
      .def("handle", wrap(&Process::handle))
      .def("pid", wrap(&Process::pid))
      .def("stdin",
           [](const py::object& self) {
             return to_python(input_of(borrow_from<Process>(self).object));
           })
      .def("stdout",
           [](const py::object& self) {
             const auto process = borrow_from<Process>(self).object;
             return to_python(output_of(process, process->stdout_source()));
           })
      .def("stderr",
           [](const py::object& self) {
             const auto process = borrow_from<Process>(self).object;
             return to_python(output_of(process, process->stderr_source()));
           })
      .def("stdout_offset", wrap([](Process& process) { return process.stdout_source().offset(); }))
      .def("stderr_offset", wrap([](Process& process) { return process.stderr_source().offset(); }))
      .def("close_stdout", wrap(&Process::close_stdout))
      .def("close_stderr", wrap(&Process::close_stderr))
      .def("resize", wrap(&Process::resize))
      .def("signal", wrap([](Process& process, int number, const CallOptions& options) {
             process.signal(number, options);
           }))
      .def("signal_name", wrap([](Process& process, std::string_view name,
                                  const CallOptions& options) { process.signal(name, options); }))
      .def("wait", wrap(&Process::wait))
      .def("forget", wrap(&Process::forget));
  m.def("signal_number", wrap(&signal_number));
}

}  // namespace vmkit::python
