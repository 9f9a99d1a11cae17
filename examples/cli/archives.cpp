// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <unistd.h>

#include "commands.hpp"
#include "progress_display.hpp"
#include "standard_streams.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/oci/image_archive.hpp>

namespace cli {

using namespace vmkit;

namespace {

oci::Platform platform_of(const std::string& text) {
  return text.empty() ? oci::Platform::host() : oci::Platform::parse(text);
}

oci::ArchiveFormat format_of(const std::string& name) {
  if (name == "oci") return oci::ArchiveFormat::oci_layout;
  if (name == "docker-archive") return oci::ArchiveFormat::docker_archive;
  return oci::ArchiveFormat::oci_archive;
}

}  // namespace

int save(const SaveOptions& options, const Interrupt& interrupt) {
  const oci::ExportOptions export_options{.format = format_of(options.format),
                                          .platform = platform_of(options.platform)};
  const auto store = oci::ImageStore::open(options.store);
  std::vector<oci::Reference> references;
  for (const std::string& text : options.references) {
    references.push_back(oci::Reference::parse(text));
  }
  ProgressDisplay display(options.quiet);
  const CallOptions call{.stop = interrupt.token(), .progress = display.callback()};
  if (!options.output.empty()) {
    oci::export_images(store, references, options.output, export_options, call);
    return 0;
  }
  if (::isatty(STDOUT_FILENO) == 1) {
    throw Error(Errc::invalid_argument, "an archive is not for a terminal: give -o FILE");
  }
  StandardOutput output(interrupt.token());
  oci::export_images(store, references, output, export_options, call);
  return 0;
}

int load(const LoadOptions& options, const Interrupt& interrupt) {
  oci::ImportOptions import_options;
  import_options.platform = platform_of(options.platform);
  import_options.images = options.images;
  if (!options.name.empty()) import_options.reference = oci::Reference::parse(options.name);
  auto store = oci::ImageStore::open(options.store);
  ProgressDisplay display(options.quiet);
  const CallOptions call{.stop = interrupt.token(), .progress = display.callback()};
  std::vector<oci::Image> images;
  if (options.input.empty()) {
    StandardInput input(interrupt.token());
    images = oci::import_images(store, input, import_options, call);
  } else {
    images = oci::import_images(store, options.input, import_options, call);
  }
  display.finish();
  for (const oci::Image& image : images) {
    std::printf("%s  %s\n", image.descriptor.digest.to_string().c_str(),
                image.reference.to_string().c_str());
  }
  return 0;
}

}  // namespace cli
