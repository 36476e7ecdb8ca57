# Every third party, found once, under the name by which the one library that hides it links it.
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(spdlog REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(ZLIB REQUIRED)

# Debian's cpp-httplib is a shared library; OpenSSL support is compiled in.
find_library(TETHER_HTTPLIB cpp-httplib REQUIRED)
add_library(third::httplib INTERFACE IMPORTED)
target_compile_definitions(third::httplib INTERFACE CPPHTTPLIB_OPENSSL_SUPPORT)
target_link_libraries(third::httplib INTERFACE ${TETHER_HTTPLIB} OpenSSL::SSL OpenSSL::Crypto Threads::Threads)

# Only the registry and the text format: the package's CMake files would ask for libcurl as well.
find_library(TETHER_PROMETHEUS prometheus-cpp-core REQUIRED)
add_library(third::prometheus INTERFACE IMPORTED)
target_link_libraries(third::prometheus INTERFACE ${TETHER_PROMETHEUS} Threads::Threads)

# libarchive statically: of it only tar and gzip are linked, while the shared one needs libxml2, ICU and others.
find_library(TETHER_LIBARCHIVE NAMES libarchive.a REQUIRED)
add_library(third::archive INTERFACE IMPORTED)
target_link_libraries(third::archive INTERFACE ${TETHER_LIBARCHIVE} ZLIB::ZLIB)

# libyaml statically, for documents: small, and several times as fast as yaml-cpp, which reads the settings.
find_library(TETHER_LIBYAML NAMES libyaml.a REQUIRED)
add_library(third::yaml INTERFACE IMPORTED)
target_link_libraries(third::yaml INTERFACE ${TETHER_LIBYAML})

add_library(third::asio INTERFACE IMPORTED)
target_compile_definitions(third::asio INTERFACE ASIO_STANDALONE ASIO_NO_DEPRECATED)
target_link_libraries(third::asio INTERFACE Threads::Threads)

include(websocketpp)
