# One shared library of all modules, with BUILD_SHARED_LIBS. It exports what the public headers
# declare and nothing else: not what is behind them, and no instance of a foreign template.
if(BUILD_SHARED_LIBS AND VMKIT_DEVELOPER_MODE)
  message(FATAL_ERROR "vmkit's tests look behind its public headers, which a shared library hides: "
    "set VMKIT_DEVELOPER_MODE or BUILD_SHARED_LIBS to OFF")
endif()

# All is compiled hidden. This header, which comes first in each source, declares the public API
# visible before anything else does; so the headers themselves need no macro on each declaration.
set(vmkit_visible_api "${PROJECT_BINARY_DIR}/vmkit_visible_api.hpp")

function(vmkit_export_public_api target)
  target_compile_options(${target} PRIVATE
    "$<$<COMPILE_LANGUAGE:CXX,OBJCXX>:SHELL:-include \"${vmkit_visible_api}\">")
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # A public class's nested Impl is visible as the class is, and has hidden members.
    target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-Wno-attributes>)
  endif()
endfunction()

# vmkit_add_shared_module(NAME HEADER…): vmkit::NAME, for who asks for a module.
function(vmkit_add_shared_module name)
  if(NOT ARGN)
    return()  # nothing public in it
  endif()
  set_property(GLOBAL APPEND PROPERTY vmkit_public_headers ${ARGN})
  set(target vmkit_shared_${name})
  add_library(${target} INTERFACE)
  add_library(vmkit::${name} ALIAS ${target})
  set_target_properties(${target} PROPERTIES EXPORT_NAME ${name})
  target_link_libraries(${target} INTERFACE vmkit)
  install(TARGETS ${target} EXPORT vmkitTargets)
endfunction()

# vmkit_add_shared_library(MODULE…): the library itself.
function(vmkit_add_shared_library)
  get_property(headers GLOBAL PROPERTY vmkit_public_headers)
  set(lines "#pragma GCC visibility push(default)\n")
  foreach(header IN LISTS headers)
    string(APPEND lines "#include \"${header}\"\n")
  endforeach()
  string(APPEND lines "#pragma GCC visibility pop\n")
  file(CONFIGURE OUTPUT "${vmkit_visible_api}" CONTENT "${lines}" @ONLY)

  add_library(vmkit SHARED)
  vmkit_compile_options(vmkit)
  # Versions 0.x of one minor are compatible, those of two are not.
  set_target_properties(vmkit PROPERTIES
    LINKER_LANGUAGE CXX VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  target_sources(vmkit PUBLIC FILE_SET HEADERS
    BASE_DIRS "${PROJECT_SOURCE_DIR}/include"
    FILES ${headers} "${PROJECT_SOURCE_DIR}/include/vmkit/vmkit.hpp")
  list(TRANSFORM ARGN PREPEND vmkit_ OUTPUT_VARIABLE modules)
  target_link_libraries(vmkit PUBLIC Threads::Threads PRIVATE ${modules})
  # The standard library's templates are visible; those of them that vmkit instantiates stay inside.
  if(APPLE)
    set(exports "${PROJECT_SOURCE_DIR}/cmake/vmkit.exports")
    target_link_options(vmkit PRIVATE "LINKER:-exported_symbols_list,${exports}")
  else()
    set(exports "${PROJECT_SOURCE_DIR}/cmake/vmkit.map")
    target_link_options(vmkit PRIVATE "LINKER:--version-script=${exports}" LINKER:--no-undefined)
  endif()
  set_property(TARGET vmkit APPEND PROPERTY LINK_DEPENDS "${exports}")
endfunction()
