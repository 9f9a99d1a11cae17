# Toolchain: zig's clang with Darwin's headers, to compile for macOS 13 on another system. Used by
# scripts/check-macos, which says what that proves. It wants two variables:
#   VMKIT_ZIG             the zig program
#   VMKIT_ZIG_PROCESSOR   arm64 or x86_64
set(CMAKE_SYSTEM_NAME Darwin)
set(CMAKE_SYSTEM_PROCESSOR "${VMKIT_ZIG_PROCESSOR}")
# CMake's own test projects read this file too. They are not linked: that would have zig build its
# whole C++ library first.
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES VMKIT_ZIG VMKIT_ZIG_PROCESSOR)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)

if(VMKIT_ZIG_PROCESSOR STREQUAL "arm64")
  set(target aarch64-macos.13.0)
else()
  set(target x86_64-macos.13.0)
endif()
set(CMAKE_C_COMPILER "${VMKIT_ZIG}" cc)
set(CMAKE_CXX_COMPILER "${VMKIT_ZIG}" c++)
set(CMAKE_OBJCXX_COMPILER "${VMKIT_ZIG}" c++)
set(CMAKE_ASM_COMPILER "${VMKIT_ZIG}" cc)
set(CMAKE_ASM_COMPILER_ID Clang)  # zig answers --version only behind "cc", where CMake asks not
foreach(language C CXX OBJCXX ASM)
  set(CMAKE_${language}_COMPILER_TARGET ${target})
  # "zig ar" is two words, which CMAKE_AR cannot be.
  set(CMAKE_${language}_ARCHIVE_CREATE "\"${VMKIT_ZIG}\" ar qc <TARGET> <OBJECTS>")
  set(CMAKE_${language}_ARCHIVE_FINISH "\"${VMKIT_ZIG}\" ranlib <TARGET>")
endforeach()
# CMake insists on these; the first two are replaced above, the third would serve an installation.
set(CMAKE_AR "${VMKIT_ZIG}")
set(CMAKE_RANLIB "${VMKIT_ZIG}")
set(CMAKE_INSTALL_NAME_TOOL "${VMKIT_ZIG}")
# The target says it all; these would add options of Apple's compiler.
set(CMAKE_OSX_SYSROOT "")
set(CMAKE_OSX_ARCHITECTURES "")
set(CMAKE_OSX_DEPLOYMENT_TARGET "")

# Headers and libraries come from CMAKE_FIND_ROOT_PATH alone, never from this system.
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
