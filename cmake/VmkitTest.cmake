# vmkit_add_test(NAME SOURCES … LIBRARIES … [LABELS …]) makes one doctest program and registers each
# of its test cases with ctest, or with WHOLE all of them as one test. Labels tell what a test needs:
# unit (nothing), machine (QEMU and a kernel), registry (docker-registry), root (mount and chown).
find_package(doctest REQUIRED)
include(doctest)

# What is tested is optimised; the tests themselves need to compile fast.
function(vmkit_test_options target)
  vmkit_compile_options(${target})
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(${target} PRIVATE -O0)
  # Undefined behaviour is looked for in what is tested; the tests take half as long to compile.
  if(VMKIT_SANITIZE MATCHES undefined)
    target_compile_options(${target} PRIVATE -fno-sanitize=undefined)
  endif()
endfunction()

add_library(vmkit_doctest_main OBJECT "${PROJECT_SOURCE_DIR}/tests/support/doctest_main.cpp")
target_link_libraries(vmkit_doctest_main PUBLIC doctest::doctest)
vmkit_test_options(vmkit_doctest_main)

# What nearly every test includes is parsed once, for all test programs. Without -fPIC, so that what
# is compiled for this library fits programs too.
add_library(vmkit_test_headers OBJECT "${PROJECT_SOURCE_DIR}/tests/support/test_headers.cpp")
target_link_libraries(vmkit_test_headers PRIVATE doctest::doctest vmkit::base)
vmkit_test_options(vmkit_test_headers)
target_precompile_headers(vmkit_test_headers PRIVATE
  <algorithm> <chrono> <filesystem> <functional> <map> <optional> <string> <thread> <vector>
  <doctest/doctest.h> <vmkit/base/error.hpp>)

# What a sanitizer run needs, and what all other tests need.
add_custom_target(vmkit_unit_tests)
add_custom_target(vmkit_system_tests)

function(vmkit_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "WHOLE" "TIMEOUT" "SOURCES;LIBRARIES;LABELS;ENVIRONMENT")
  add_executable(${name} ${arg_SOURCES})
  vmkit_test_options(${name})
  target_precompile_headers(${name} REUSE_FROM vmkit_test_headers)
  # Sources of the guest's agent and of another system, which no library here has, are tested too.
  if(VMKIT_SANITIZE MATCHES undefined)
    set(tested_sources ${arg_SOURCES})
    list(FILTER tested_sources INCLUDE REGEX "/(src|guest)/")
    set_source_files_properties(${tested_sources} PROPERTIES
      COMPILE_OPTIONS "-fsanitize=undefined" SKIP_PRECOMPILE_HEADERS ON)
  endif()
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/src"
    "${PROJECT_SOURCE_DIR}/tests")
  target_link_libraries(${name} PRIVATE vmkit_doctest_main ${arg_LIBRARIES})
  if(NOT arg_LABELS)
    set(arg_LABELS unit)
  endif()
  if(arg_LABELS STREQUAL unit)
    add_dependencies(vmkit_unit_tests ${name})
  else()
    add_dependencies(vmkit_system_tests ${name})
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  if(arg_WHOLE)
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES
      LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT} ENVIRONMENT "${arg_ENVIRONMENT}"
      COST 100)  # the long ones begin first, so that nobody waits for them alone
  else()
    doctest_discover_tests(${name} TEST_PREFIX "${name}: "
      PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT} ENVIRONMENT "${arg_ENVIRONMENT}")
  endif()
endfunction()
