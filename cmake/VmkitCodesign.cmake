# vmkit_codesign(TARGET [ENTITLEMENTS FILE] [IDENTITY NAME]) signs a program each time it is linked,
# so that it may run machines of macOS's Virtualization.framework: the program needs the entitlement,
# a library cannot have it. Without IDENTITY the signature is an ad-hoc one, good on this Mac; without
# ENTITLEMENTS only what machines need is in it. Elsewhere than on macOS it does nothing.
set(VMKIT_DEFAULT_ENTITLEMENTS "${CMAKE_CURRENT_LIST_DIR}/vmkit.entitlements")
if(NOT EXISTS "${VMKIT_DEFAULT_ENTITLEMENTS}")  # in the source tree, not the installed package
  set(VMKIT_DEFAULT_ENTITLEMENTS
    "${CMAKE_CURRENT_LIST_DIR}/../packaging/macos/vmkit.entitlements")
endif()

function(vmkit_codesign target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "ENTITLEMENTS;IDENTITY" "")
  if(NOT APPLE)
    return()
  endif()
  if(NOT arg_ENTITLEMENTS)
    set(arg_ENTITLEMENTS "${VMKIT_DEFAULT_ENTITLEMENTS}")
  endif()
  if(NOT arg_IDENTITY)
    set(arg_IDENTITY "-")
  endif()
  get_filename_component(entitlements "${arg_ENTITLEMENTS}" ABSOLUTE)
  set_property(TARGET ${target} APPEND PROPERTY LINK_DEPENDS "${entitlements}")
  add_custom_command(TARGET ${target} POST_BUILD
    COMMAND codesign --force --sign "${arg_IDENTITY}" --entitlements "${entitlements}"
      "$<TARGET_FILE:${target}>"
    COMMENT "Signing ${target} for virtual machines" VERBATIM)
endfunction()
