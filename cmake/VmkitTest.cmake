# vmkit_add_test(NAME SOURCES … LIBRARIES … [LABELS …]) makes one doctest program and registers each
# of its test cases with ctest, or with WHOLE all of them as one test. Labels tell what a test needs: unit (nothing), machine (QEMU and a
# kernel), registry (docker-registry), root (mount and chown).
find_package(doctest REQUIRED)
include(doctest)

add_library(vmkit_doctest_main OBJECT "${PROJECT_SOURCE_DIR}/tests/support/doctest_main.cpp")
target_link_libraries(vmkit_doctest_main PUBLIC doctest::doctest)
vmkit_compile_options(vmkit_doctest_main)

function(vmkit_add_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "WHOLE" "TIMEOUT" "SOURCES;LIBRARIES;LABELS;ENVIRONMENT")
  add_executable(${name} ${arg_SOURCES})
  vmkit_compile_options(${name})
  # What is tested is optimised; the tests themselves need to compile fast.
  target_compile_options(${name} PRIVATE -O0)
  target_include_directories(${name} PRIVATE "${PROJECT_SOURCE_DIR}/src"
    "${PROJECT_SOURCE_DIR}/tests")
  target_link_libraries(${name} PRIVATE vmkit_doctest_main ${arg_LIBRARIES})
  if(NOT arg_LABELS)
    set(arg_LABELS unit)
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  if(arg_WHOLE)
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES
      LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT} ENVIRONMENT "${arg_ENVIRONMENT}")
  else()
    doctest_discover_tests(${name} TEST_PREFIX "${name}: "
      PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT} ENVIRONMENT "${arg_ENVIRONMENT}")
  endif()
endfunction()
