# third::websocketpp: the header-only WebSocket library, usable from C++20.
#
# Version 0.8.2 names constructors and destructors with template arguments (`~server<config>() {}`), which C++20 took out of
# the language and GCC 11 and newer refuse (https://github.com/zaphoyd/websocketpp/issues/991). Corrected copies of the
# three headers concerned are made in the build tree and come first on the include path. A header in which nothing
# needs correcting is left out, so a corrected installed version is used as it is.
# A fourth keeps the status of an answer in an enumeration that ends at 511: a server that says `HTTP/1.1 999` would make
# that undefined behaviour. It gets a type.
# Compiling these parts as C++17 instead would compile Asio in two language modes in one program.
find_path(TETHER_WEBSOCKETPP_INCLUDE websocketpp/version.hpp REQUIRED)

set(websocketpp_corrected "${CMAKE_BINARY_DIR}/corrected")
file(REMOVE_RECURSE "${websocketpp_corrected}/websocketpp")
foreach(header logger/basic.hpp endpoint.hpp roles/server_endpoint.hpp http/constants.hpp)
  set(installed "${TETHER_WEBSOCKETPP_INCLUDE}/websocketpp/${header}")
  set_property(DIRECTORY "${CMAKE_SOURCE_DIR}" APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${installed}")
  file(READ "${installed}" text)
  # A constructor or destructor stands at the start of its line; uses of the same names elsewhere stay.
  string(REGEX REPLACE "(\n[ \t]*(explicit )?~?)(basic<concurrency,names>|endpoint<connection,config>|server<config>)\\("
         "\\1@\\3(" marked "${text}")
  string(REPLACE "@basic<concurrency,names>(" "basic(" corrected "${marked}")
  string(REPLACE "@endpoint<connection,config>(" "endpoint(" corrected "${corrected}")
  string(REPLACE "@server<config>(" "server(" corrected "${corrected}")
  string(REGEX REPLACE "(namespace status_code {[ \n]*enum value) {" "\\1 : int {" corrected "${corrected}")
  if(NOT corrected STREQUAL text)
    file(WRITE "${websocketpp_corrected}/websocketpp/${header}" "${corrected}")
  endif()
endforeach()

add_library(third::websocketpp INTERFACE IMPORTED)
target_compile_definitions(third::websocketpp INTERFACE ASIO_STANDALONE _WEBSOCKETPP_CPP11_STL_)
# SYSTEM, and before the installed ones: an installed header in /usr/include is found after every -isystem folder.
target_include_directories(third::websocketpp SYSTEM INTERFACE "${websocketpp_corrected}")
target_link_libraries(third::websocketpp INTERFACE Threads::Threads OpenSSL::SSL OpenSSL::Crypto)
if(NOT TETHER_WEBSOCKETPP_INCLUDE STREQUAL "/usr/include")
  target_include_directories(third::websocketpp SYSTEM INTERFACE "${TETHER_WEBSOCKETPP_INCLUDE}")
endif()
