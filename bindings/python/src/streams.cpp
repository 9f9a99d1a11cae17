// SPDX-License-Identifier: Apache-2.0
#include "streams.hpp"

#include <algorithm>

#include "call_options.hpp"
#include "handles.hpp"
#include "modules.hpp"
#include "running_call.hpp"

namespace vmkit::python {
namespace {

class PythonSource final : public Source {
 public:
  explicit PythonSource(py::object file) : file_(std::move(file)) {}

  std::size_t read(std::span<std::byte> buffer) override {
    const Locked locked;
    const py::object data = file_.get().attr("read")(buffer.size());
    const std::vector<std::byte> bytes = named("read()", [&] { return bytes_from(data); });
    if (bytes.size() > buffer.size()) {
      throw Error(Errc::invalid_argument, "read(): expected at most " +
                                              std::to_string(buffer.size()) + " bytes, found " +
                                              std::to_string(bytes.size()));
    }
    std::copy(bytes.begin(), bytes.end(), buffer.begin());
    return bytes.size();
  }

 private:
  SharedObject file_;
};

class PythonSink final : public Sink {
 public:
  explicit PythonSink(py::object file) : file_(std::move(file)) {}

  void write(std::span<const std::byte> data) override {
    const Locked locked;
    while (!data.empty()) {
      const py::object written = file_.get().attr("write")(to_bytes(data.data(), data.size()));
      // Raw files may take a part only; file-like objects often tell nothing.
      if (!PyLong_Check(written.ptr())) return;
      data = data.subspan(std::min(data.size(), from_python<std::size_t>(written)));
    }
  }

 private:
  SharedObject file_;
};

void require_method(py::handle value, const char* name) {
  if (!py::hasattr(value, name)) {
    throw_expected((std::string("a binary file, with ") + name + "()").c_str(), value);
  }
}

/// The memory of a Python object, kept in its place without the GIL.
class Buffer {
 public:
  Buffer(py::handle object, int flags) {
    if (PyObject_GetBuffer(object.ptr(), &view_, flags) != 0) throw py::error_already_set();
  }
  ~Buffer() { PyBuffer_Release(&view_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  std::span<std::byte> bytes() const {
    return {static_cast<std::byte*>(view_.buf), static_cast<std::size_t>(view_.len)};
  }

 private:
  Py_buffer view_;
};

/// run(), and `stream.interrupt` besides the stop.
void run_on(ByteStream& stream, const CallOptions& options,
            const std::function<void(const CallOptions&)>& work) {
  if (!stream.interrupt) return run(options, work);
  run([&] { work(options); }, stream.interrupt);
}

std::size_t read_into(const Handle<ByteStream>& handle, const py::object& target,
                      const py::object& call) {
  const auto stream = handle.borrow().object;
  if (!stream->read) throw Error(Errc::failed_precondition, "the stream cannot be read");
  const Buffer buffer(target, PyBUF_WRITABLE);
  if (buffer.bytes().empty()) return 0;
  std::size_t count = 0;
  run_on(*stream, from_python<CallOptions>(call), [&](const CallOptions& options) {
    const std::lock_guard lock(stream->reading);
    count = stream->read(buffer.bytes(), options);
  });
  return count;
}

void write_all(const Handle<ByteStream>& handle, const py::object& data, const py::object& call) {
  const auto stream = handle.borrow().object;
  if (!stream->write) throw Error(Errc::failed_precondition, "the stream cannot be written");
  const Buffer buffer(data, PyBUF_SIMPLE);
  if (buffer.bytes().empty()) return;
  run_on(*stream, from_python<CallOptions>(call), [&](const CallOptions& options) {
    const std::lock_guard lock(stream->writing);
    stream->write(buffer.bytes(), options);
  });
}

}  // namespace

std::shared_ptr<ByteStream> stream_of(std::shared_ptr<Source> source) {
  auto stream = std::make_shared<ByteStream>();
  stream->read = [source = std::move(source)](std::span<std::byte> buffer, const CallOptions&) {
    return source->read(buffer);
  };
  return stream;
}

std::shared_ptr<ByteStream> stream_of(std::shared_ptr<Stream> given) {
  auto stream = std::make_shared<ByteStream>();
  stream->read = [given](std::span<std::byte> buffer, const CallOptions&) {
    return given->read(buffer);
  };
  stream->write = [given](std::span<const std::byte> data, const CallOptions&) {
    given->write(data);
  };
  stream->close_write = [given] { given->close_write(); };
  stream->close = [given] { given->close(); };
  stream->interrupt = stream->close;
  return stream;
}

std::shared_ptr<ByteStream> stream_with_stop(
    const std::function<std::unique_ptr<Source>(const CallOptions&)>& open,
    const CallOptions& options) {
  StopSource stop;
  CallOptions own = options;
  own.stop = stop.token();
  // The stop of the options given counts as long as the stream lives.
  struct Opened {
    std::unique_ptr<StopCallback> forward;
    std::unique_ptr<Source> source;
  };
  auto opened = std::make_shared<Opened>();
  if (options.stop.stop_possible()) {
    opened->forward =
        std::make_unique<StopCallback>(options.stop, [stop]() mutable { stop.request_stop(); });
  }
  opened->source = open(own);
  auto stream = std::make_shared<ByteStream>();
  stream->read = [opened](std::span<std::byte> buffer, const CallOptions&) {
    return opened->source->read(buffer);
  };
  stream->interrupt = [stop]() mutable { stop.request_stop(); };
  return stream;
}

std::unique_ptr<Source> Convert<std::unique_ptr<Source>>::from(py::handle value) {
  require_method(value, "read");
  return std::make_unique<PythonSource>(py::reinterpret_borrow<py::object>(value));
}

py::object Convert<std::unique_ptr<Source>>::to(std::unique_ptr<Source> value) {
  return to_python(stream_of(std::shared_ptr<Source>(std::move(value))));
}

py::object Convert<std::unique_ptr<Stream>>::to(std::unique_ptr<Stream> value) {
  return to_python(stream_of(std::shared_ptr<Stream>(std::move(value))));
}

std::unique_ptr<Sink> Convert<std::unique_ptr<Sink>>::from(py::handle value) {
  require_method(value, "write");
  return std::make_unique<PythonSink>(py::reinterpret_borrow<py::object>(value));
}

void bind_streams(py::module_& m) {
  bind_handle<ByteStream>(m)
      .def("readinto", &read_into)
      .def("write", &write_all)
      .def("close_write",
           [](const Handle<ByteStream>& handle) {
             const auto stream = handle.borrow().object;
             const Unlocked unlocked;
             if (stream->close_write) stream->close_write();
           })
      .def("shut", [](const Handle<ByteStream>& handle) {
        const auto stream = handle.borrow().object;
        const Unlocked unlocked;
        if (stream->close) stream->close();
      });
  bind_handle<Sink>(m).def("write", [](const Handle<Sink>& handle, const py::object& data) {
    const Borrowed<Sink> sink = handle.borrow();
    const Buffer buffer(data, PyBUF_SIMPLE);
    const Unlocked unlocked;
    const std::lock_guard lock(*sink.mutex);
    sink.object->write(buffer.bytes());
  });
}

}  // namespace vmkit::python
