// SPDX-License-Identifier: Apache-2.0
#include "ext4/file_writer_impl.hpp"
#include "ext4/tree/state.hpp"

namespace vmkit::ext4 {

FileWriter::FileWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FileWriter::FileWriter(FileWriter&&) noexcept = default;

FileWriter& FileWriter::operator=(FileWriter&& other) noexcept {
  FileWriter old(std::move(*this));
  impl_ = std::move(other.impl_);
  return *this;
}

FileWriter::~FileWriter() {
  if (!impl_ || impl_->state == nullptr) return;
  State* const state = impl_->state;
  try {
    impl_->finish();
  } catch (...) {
    // The file stays as long as it is: that is what destroying a writer early promises.
    state->writer = nullptr;
  }
}

Inode FileWriter::inode() const {
  return impl_->inode;
}
void FileWriter::write(std::span<const std::byte> data) {
  impl_->write(data);
}
void FileWriter::skip(std::uint64_t length) {
  impl_->skip(length);
}
void FileWriter::finish() {
  impl_->finish();
}

}  // namespace vmkit::ext4
