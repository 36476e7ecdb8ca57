# The layers, enforced: every library has an include root of its own, so that an include against the arrows
# (daemon -> adapters -> core -> base) does not compile.
#
#   tether_library(link SOURCES backoff.cpp link.cpp USES tether::base HIDES SomeThirdParty::lib)
#
# USES are our own libraries whose headers this one's headers need; HIDES are third parties that only its
# sources see.
function(tether_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;USES;HIDES")
  add_library(tether_${name} STATIC ${arg_SOURCES})
  add_library(tether::${name} ALIAS tether_${name})
  set(root "${CMAKE_BINARY_DIR}/include/${name}")
  file(MAKE_DIRECTORY "${root}/tether")
  file(CREATE_LINK "${CMAKE_CURRENT_SOURCE_DIR}" "${root}/tether/${name}" SYMBOLIC)
  target_include_directories(tether_${name} PUBLIC "${root}")  # "tether/link/backoff.h"
  target_link_libraries(tether_${name} PUBLIC ${arg_USES} PRIVATE tether_warnings ${arg_HIDES})
endfunction()
