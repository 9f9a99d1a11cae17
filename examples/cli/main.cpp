// SPDX-License-Identifier: Apache-2.0
// The vmkit program: a thin user of the library that shows what it can do. All policy (paths,
// environment, what is printed, exit statuses) is here.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <exception>
#include <functional>
#include <string_view>

#include "commands.hpp"
#include "list_option.hpp"
#include "paths.hpp"

#include <vmkit/base/error.hpp>

namespace {

void add_store(CLI::App* command, std::filesystem::path& store) {
  command->add_option("--store", store, "Folder of the images (default: the user's data folder)")
      ->type_name("DIR");
}

void add_platform(CLI::App* command, std::string& platform) {
  command->add_option("--platform", platform, "Platform of the image (default: this host's)")
      ->type_name("OS/ARCH[/VARIANT]");
}

void add_quiet(CLI::App* command, bool& quiet) {
  command->add_flag("--quiet,-q", quiet, "Show no progress");
}

void add_registry(CLI::App* command, cli::RegistryOptions& options) {
  add_platform(command, options.platform);
  command->add_flag("--plain-http", options.plain_http, "Speak HTTP without TLS to the registry");
  command
      ->add_option("--creds-file", options.credentials_file,
                   "Docker config.json or auth.json with credentials (default: the user's)")
      ->type_name("FILE")
      ->check(CLI::ExistingFile);
  add_quiet(command, options.quiet);
}

void add_reference(CLI::App* command, cli::RegistryOptions& options) {
  command->add_option("REF", options.reference, "Image, for example docker.io/library/alpine:3.22")
      ->required();
}

void add_run_files(CLI::App* command, cli::RunOptions& run) {
  cli::add_list(command, "--publish,-p", run.ports,
                "Make a port of the container reachable here, on 127.0.0.1 unless ADDRESS says "
                "otherwise (may be given more than once)",
                "[[ADDRESS:][PORT]:]PORT[/udp]");
  command->add_flag("--publish-all,-P", run.publish_all, "So all ports that the image exposes");
  cli::add_list(command, "--expose", run.exposed, "A port for -P that the image does not name",
                "PORT[/udp]");
  cli::add_list(command, "--copy-in", run.copies_in,
                "Copy a file or folder into the container before the command runs",
                "SOURCE:/DESTINATION");
  cli::add_list(command, "--copy-out", run.copies_out,
                "Copy a file or folder out of the container when the command has ended",
                "/SOURCE:DESTINATION");
}

/// Runs a command and turns what it throws into a message and an exit status.
int guarded(const std::function<int()>& command, const cli::Interrupt& interrupt,
            int failure_status) {
  try {
    const int status = command();
    if (std::fflush(stdout) != 0) throw vmkit::Error::from_errno(errno, "write to our output");
    return status;
  } catch (const vmkit::Error& error) {
    if (error.code() == vmkit::Errc::cancelled && interrupt.signal() != 0) {
      std::fprintf(stderr, "vmkit: stopped\n");
      return cli::exit_signal_base + interrupt.signal();
    }
    std::fprintf(stderr, "vmkit: %s\n", error.what());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "vmkit: %s\n", error.what());
  }
  return failure_status;
}

}  // namespace

int main(int argc, char** argv) {
  const cli::Interrupt interrupt;
  CLI::App app("Linux containers in virtual machines of their own.", "vmkit");
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::simple);
  std::function<int()> chosen;

  cli::PullOptions pull;
  CLI::App* pull_command = app.add_subcommand("pull", "Pull an image into the store");
  add_store(pull_command, pull.store);
  add_registry(pull_command, pull.registry);
  add_reference(pull_command, pull.registry);
  pull_command->callback([&] { chosen = [&] { return cli::pull(pull, interrupt); }; });

  cli::ImagesOptions images;
  CLI::App* images_command = app.add_subcommand("images", "List the images in the store");
  add_store(images_command, images.store);
  images_command->add_flag("--json", images.json, "Print JSON");
  images_command->callback([&] { chosen = [&] { return cli::images(images); }; });

  cli::RemoveOptions remove;
  CLI::App* remove_command = app.add_subcommand("rm", "Remove images' names from the store");
  add_store(remove_command, remove.store);
  remove_command->add_option("IMAGE", remove.names, "Name, digest, or its first digits")
      ->required();
  remove_command->callback([&] { chosen = [&] { return cli::remove(remove, interrupt); }; });

  cli::PruneOptions prune;
  CLI::App* prune_command =
      app.add_subcommand("prune", "Remove from the store what no image needs any more");
  add_store(prune_command, prune.store);
  prune_command->add_flag("--dry-run", prune.dry_run, "Only tell");
  prune_command->add_option("--disks", prune.disks,
                            "Keep so much of unpacked disks, the last used ones (as 20GiB)");
  prune_command->callback([&] { chosen = [&] { return cli::prune(prune, interrupt); }; });

  cli::CheckOptions check;
  CLI::App* check_command =
      app.add_subcommand("check", "Hash everything in the store; exit status 1 if it is not sound");
  add_store(check_command, check.store);
  check_command->add_flag("--repair", check.repair, "Remove what is damaged, to be pulled again");
  check_command->callback([&] { chosen = [&] { return cli::check(check, interrupt); }; });

  cli::SaveOptions save;
  CLI::App* save_command = app.add_subcommand("save", "Write images of the store to an archive");
  add_store(save_command, save.store);
  add_platform(save_command, save.platform);
  add_quiet(save_command, save.quiet);
  save_command->add_option("-o,--output", save.output, "Where to (default: standard output)")
      ->type_name("FILE");
  save_command->add_option("--format", save.format, "oci-archive, oci (a folder), docker-archive")
      ->check(CLI::IsMember({"oci-archive", "oci", "docker-archive"}))
      ->capture_default_str();
  save_command->add_option("REF", save.references, "Images")->required();
  save_command->callback([&] { chosen = [&] { return cli::save(save, interrupt); }; });

  cli::LoadOptions load;
  CLI::App* load_command = app.add_subcommand(
      "load", "Take images into the store from an image layout or a docker-archive");
  add_store(load_command, load.store);
  add_platform(load_command, load.platform);
  add_quiet(load_command, load.quiet);
  load_command->add_option("-i,--input", load.input, "Folder or tar (default: standard input)")
      ->type_name("FILE");
  cli::add_list(load_command, "--image", load.images, "Only this one (may be given more than once)",
                "NAME|DIGEST");
  load_command->add_option("--name", load.name, "What it is to be called; for one image")
      ->type_name("REF");
  load_command->callback([&] { chosen = [&] { return cli::load(load, interrupt); }; });

  cli::UnpackOptions unpack;
  CLI::App* unpack_command =
      app.add_subcommand("unpack", "Turn an image's layers into an ext4 disk image");
  add_store(unpack_command, unpack.store);
  add_registry(unpack_command, unpack.registry);
  unpack_command->add_option("--size", unpack.size, "Size of the disk")
      ->type_name("SIZE")
      ->capture_default_str();
  add_reference(unpack_command, unpack.registry);
  unpack_command->add_option("OUT", unpack.target, "The new file; it must not exist")->required();
  unpack_command->callback([&] { chosen = [&] { return cli::unpack(unpack, interrupt); }; });

  cli::ExportOptions export_options;
  CLI::App* export_command =
      app.add_subcommand("export", "Write all that is on an ext4 disk as a tar to standard output");
  add_quiet(export_command, export_options.quiet);
  export_command->add_option("DISK", export_options.disk, "Of a machine that does not run")
      ->required();
  export_command->callback(
      [&] { chosen = [&] { return cli::export_disk(export_options, interrupt); }; });

  cli::RunOptions run;
  CLI::App* run_command = app.add_subcommand(
      "run",
      "Run a command in a container of its own machine\n\n"
      "Exit status: the command's own, 128+n if signal n ended it; 127 if it was not found, 126 if "
      "it is not executable, 125 if vmkit itself failed.");
  add_store(run_command, run.store);
  add_registry(run_command, run.registry);
  run_command->add_option("--kernel", run.kernel, "Kernel to boot")->type_name("FILE");
  run_command->add_option("--modules", run.modules, "Its modules: the folder with modules.dep")
      ->type_name("DIR");
  run_command->add_option("--cpus", run.cpus, "Processors")->capture_default_str();
  run_command->add_option("--memory", run.memory, "Memory")
      ->type_name("SIZE")
      ->capture_default_str();
  run_command->add_flag("--timeline", run.timeline, "Print how long each step took");
  run_command->add_flag("-i,--interactive", run.interactive, "Pass standard input on");
  run_command->add_flag("-t,--tty", run.terminal, "Run it on a terminal, as ours is");
  cli::add_list(run_command, "--env,-e", run.env, "Set a variable (may be given more than once)",
                "K=V");
  run_command->add_option("--user,-u", run.user, "User, by name or number, with :GROUP if wanted");
  run_command->add_option("--workdir,-w", run.workdir, "Folder to start in")->type_name("DIR");
  cli::add_isolation(run_command, run.isolation);
  run_command
      ->add_option("--commit", run.commit,
                   "If the command succeeds, name an image with its changes")
      ->type_name("REF");
  add_run_files(run_command, run);
  cli::add_options(run_command, run.attachments);
  add_reference(run_command, run.registry);
  run_command->footer("After REF comes the command with its arguments (default: the image's own).");
  // What follows the image belongs to the command, options included.
  run_command->prefix_command();
  run_command->callback([&] { chosen = [&] { return cli::run(run, interrupt); }; });

  cli::VolumeOptions volume;
  CLI::App* volume_command = app.add_subcommand("volume", "Folders that outlive containers");
  volume_command->require_subcommand(1);
  add_store(volume_command, volume.store);
  CLI::App* volume_create = volume_command->add_subcommand("create", "Make volumes");
  volume_create->add_option("--size", volume.size, "What a container sees")
      ->type_name("SIZE")
      ->capture_default_str();
  volume_create->add_option("NAME", volume.names)->required();
  volume_create->callback([&] { chosen = [&] { return cli::volume_create(volume, interrupt); }; });
  CLI::App* volume_list = volume_command->add_subcommand("ls", "List volumes");
  volume_list->callback([&] { chosen = [&] { return cli::volume_list(volume); }; });
  CLI::App* volume_remove =
      volume_command->add_subcommand("rm", "Remove volumes with all that is in them");
  volume_remove->add_option("NAME", volume.names)->required();
  for (CLI::App* command : {volume_create, volume_list, volume_remove}) command->fallthrough();
  volume_remove->callback([&] { chosen = [&] { return cli::volume_remove(volume); }; });

  cli::DoctorOptions doctor;
  CLI::App* doctor_command = app.add_subcommand("doctor", "Tell what this host can do");
  doctor_command->add_option("--kernel", doctor.kernel, "Kernel to look at")->type_name("FILE");
  doctor_command->add_option("--modules", doctor.modules, "Its modules")->type_name("DIR");
  doctor_command->add_flag("--json", doctor.json, "Print JSON");
  doctor_command->callback([&] { chosen = [&] { return cli::doctor(doctor); }; });

  // "--" may stand between image and command. CLI11 would take it for the end of the subcommand.
  const int separator =
      static_cast<int>(std::find(argv, argv + argc, std::string_view("--")) - argv);
  try {
    app.parse(separator, argv);
    run.command = run_command->remaining();
    const int rest = separator + (run.command.empty() ? 1 : 0);
    if (rest < argc) run.command.insert(run.command.end(), argv + rest, argv + argc);
  } catch (const CLI::ParseError& error) {
    // Help is a success; a wrong command line is a failure of vmkit's own.
    return app.exit(error) == 0 ? 0 : cli::exit_own_failure;
  }
  return guarded(
      [&] {
        for (auto* store : {&pull.store, &images.store, &remove.store, &prune.store, &check.store,
                            &save.store, &load.store, &unpack.store, &run.store, &volume.store}) {
          if (store->empty() && !doctor_command->parsed()) *store = cli::data_folder();
        }
        return chosen();
      },
      interrupt, run_command->parsed() ? cli::exit_own_failure : 1);
}
