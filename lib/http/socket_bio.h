#pragma once

struct bio_st;

namespace tether::http {

/// An OpenSSL BIO over a socket that it does not own. Unlike OpenSSL's own one it raises no SIGPIPE. nullptr: out of
/// memory.
bio_st* new_socket_bio(int fd);

}  // namespace tether::http
