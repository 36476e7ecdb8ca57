# The layers, enforced: base <- core <- adapter <- daemon and tests. A library says in which it is, and configuring
# stops at one that uses a library of a layer above its own. Each has an include root of its own, so that an include of
# what it does not use does not compile either.
#
#   tether_library(link LAYER core SOURCES backoff.cpp link.cpp USES tether::base HIDES SomeThirdParty::lib)
#
# USES are our own libraries whose headers this one's headers need; HIDES are third parties, or libraries of ours, that
# only its sources see. Libraries are added from the lowest layer to the highest.
set(TETHER_LAYERS base core adapter test)

function(tether_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "LAYER" "SOURCES;USES;HIDES")
  list(FIND TETHER_LAYERS "${arg_LAYER}" height)
  if(height EQUAL -1)
    message(FATAL_ERROR "tether_library(${name}): LAYER is one of ${TETHER_LAYERS}, not '${arg_LAYER}'")
  endif()
  foreach(used IN LISTS arg_USES arg_HIDES)
    if(NOT used MATCHES "^tether::(.+)$")
      continue()
    endif()
    get_property(layer GLOBAL PROPERTY "TETHER_LAYER_${CMAKE_MATCH_1}")
    list(FIND TETHER_LAYERS "${layer}" used_height)
    if(used_height EQUAL -1)
      message(FATAL_ERROR "tether_library(${name}): ${used} is not known (yet): it belongs to no lower layer")
    elseif(used_height GREATER height)
      message(FATAL_ERROR "tether_library(${name}): ${used} is of the layer '${layer}', above '${arg_LAYER}'")
    endif()
  endforeach()
  set_property(GLOBAL PROPERTY "TETHER_LAYER_${name}" "${arg_LAYER}")

  add_library(tether_${name} STATIC ${arg_SOURCES})
  add_library(tether::${name} ALIAS tether_${name})
  set(root "${CMAKE_BINARY_DIR}/include/${name}")
  file(MAKE_DIRECTORY "${root}/tether")
  file(CREATE_LINK "${CMAKE_CURRENT_SOURCE_DIR}" "${root}/tether/${name}" SYMBOLIC)
  target_include_directories(tether_${name} PUBLIC "${root}")  # "tether/link/backoff.h"
  target_link_libraries(tether_${name} PUBLIC ${arg_USES} PRIVATE tether_warnings ${arg_HIDES})
endfunction()
