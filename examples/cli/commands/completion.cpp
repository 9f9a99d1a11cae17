// SPDX-License-Identifier: Apache-2.0
// Scripts for shells. They know nothing of the commands: they ask `vmkit __complete`.
#include <cstdio>
#include <memory>

#include "commands/commands.hpp"
#include "program.hpp"

namespace cli {
namespace {

// The shell splits words at ':' and '=', which names of images have: the line is split here, and of
// each candidate only what comes behind the last of these in the word is given.
constexpr const char* bash_script = R"(_vmkit() {
  local line=${COMP_LINE:0:COMP_POINT} words current kept candidate
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  current=${words[${#words[@]}-1]}
  kept=${current%"${current##*[:=]}"}
  COMPREPLY=()
  while IFS=$'\t' read -r candidate _; do
    COMPREPLY+=("${candidate#"$kept"}")
  done < <("${words[0]}" __complete -- "${words[@]:1}" 2>/dev/null)
}
complete -o default -F _vmkit vmkit
)";

constexpr const char* zsh_script = R"(#compdef vmkit
_vmkit() {
  local line value
  local -a candidates
  while IFS= read -r line; do
    value=${line%%$'\t'*}
    candidates+=("${value//:/\\:}:${line#*$'\t'}")
  done < <(${words[1]} __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( $#candidates )); then
    _describe -t vmkit vmkit candidates
  else
    _files
  fi
}
compdef _vmkit vmkit
)";

constexpr const char* fish_script = R"(function __vmkit_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l candidates ($words[1] __complete -- $words[2..-1] 2>/dev/null)
    if test (count $candidates) -gt 0
        printf '%s\n' $candidates
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c vmkit -f -a '(__vmkit_complete)'
)";

}  // namespace

void add_completion(Program& program) {
  const auto shell = std::make_shared<std::string>();
  CLI::App* command = program.add(
      "completion", "Print a script that completes vmkit's command lines in a shell",
      "Commands, options, and names of containers and images. The script asks the program, so that "
      "it need not be made anew for a new version.",
      {"source <(vmkit completion bash)", "vmkit completion zsh > ~/.zfunc/_vmkit",
       "vmkit completion fish > ~/.config/fish/completions/vmkit.fish"});
  command->add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  program.on(command, [shell] {
    std::fputs(*shell == "bash" ? bash_script : *shell == "zsh" ? zsh_script : fish_script, stdout);
    return 0;
  });
}

}  // namespace cli
