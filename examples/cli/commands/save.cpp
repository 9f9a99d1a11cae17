// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <unistd.h>

#include "commands/commands.hpp"
#include "images/pulling.hpp"
#include "program.hpp"
#include "terminal/progress_display.hpp"
#include "terminal/standard_streams.hpp"

#include <vmkit/base/error.hpp>
#include <vmkit/oci/image_archive.hpp>

namespace cli {
namespace {

using namespace vmkit;

struct SaveOptions {
  StoreOption store;
  std::filesystem::path output;  // empty: standard output
  std::string format = "oci-archive";
  std::string platform;  // empty: this host's
  std::vector<std::string> references;
  bool quiet = false;
};

oci::ArchiveFormat format_of(const std::string& name) {
  if (name == "oci") return oci::ArchiveFormat::oci_layout;
  if (name == "docker-archive") return oci::ArchiveFormat::docker_archive;
  return oci::ArchiveFormat::oci_archive;
}

int save_images(const SaveOptions& options, const Interrupt& interrupt) {
  const oci::ExportOptions export_options{.format = format_of(options.format),
                                          .platform = platform_of(options.platform)};
  const auto store = oci::ImageStore::open(options.store.folder());
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

}  // namespace

void add_save(Program& program) {
  const auto options = std::make_shared<SaveOptions>();
  CLI::App* command =
      program.add("save", "Write images of the store to an archive",
                  "The same images give the same bytes. `docker load` reads a docker-archive, "
                  "skopeo and others read both.",
                  {"vmkit save -o app.tar example.org/app:1",
                   "vmkit save --format docker-archive app:1 | docker load"});
  add_store(command, options->store);
  add_platform(command, options->platform);
  add_quiet(command, options->quiet);
  command->add_option("-o,--output", options->output, "Where to (default: standard output)")
      ->type_name("FILE");
  command->add_option("--format", options->format, "oci-archive, oci (a folder), docker-archive")
      ->check(CLI::IsMember({"oci-archive", "oci", "docker-archive"}))
      ->capture_default_str();
  command->add_option("REF", options->references, "Images")->required();
  program.on(command, [&program, options] { return save_images(*options, program.interrupt()); });
}

}  // namespace cli
