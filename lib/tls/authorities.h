#pragma once

struct ssl_ctx_st;

namespace tether::tls {

/// Lets a context trust the system's authorities: the same for every connection that we make, whichever library makes
/// it. SSL_CERT_DIR and SSL_CERT_FILE name others than OpenSSL's own.
///
/// A folder of certificates under their hashes is read on demand, one certificate per chain; a bundle stays in memory
/// as a whole (about 0.9 MB). So the bundle is loaded only where there is no such folder, or where SSL_CERT_FILE asks
/// for it, and is then trusted beside the folder. Nothing that can be read is no error here: every handshake then fails
/// with a message of its own. Any thread; leaves nothing in OpenSSL's error queue.
void trust_system_authorities(ssl_ctx_st* context);

}  // namespace tether::tls
