# vmkit_check_macos_sdk(FOLDER) refuses an SDK older than that of macOS 26: the backend for
# Virtualization.framework names what came with it, and asks at run time whether it is there.
# `cmake -DVMKIT_SDK=FOLDER -P VmkitMacSdk.cmake` does the same.
function(vmkit_check_macos_sdk folder)
  if(NOT folder)
    execute_process(COMMAND xcrun --sdk macosx --show-sdk-path
      OUTPUT_VARIABLE folder OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  endif()
  set(settings "${folder}/SDKSettings.json")
  if(NOT EXISTS "${settings}")
    return()  # not one of Apple's, as with scripts/check-macos: the compiler will tell
  endif()
  file(READ "${settings}" text)
  string(JSON version GET "${text}" Version)
  if(version VERSION_LESS 26)
    message(FATAL_ERROR "vmkit needs the SDK of macOS 26 or later, and ${folder} is that of macOS "
      "${version}: install Xcode 26 or its command line tools, choose it with xcode-select, and "
      "begin with an empty build folder. What is built runs on macOS 13 and later.")
  endif()
endfunction()

if(CMAKE_SCRIPT_MODE_FILE)
  vmkit_check_macos_sdk("${VMKIT_SDK}")
endif()
