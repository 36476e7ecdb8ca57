#include "tether/tls/authorities.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "../http/certificates.h"

namespace tether::test {
namespace {

/// SSL_CERT_DIR and SSL_CERT_FILE, and a folder for what they name; all of it goes with the test.
class Host {
 public:
  Host() {
    std::string path = std::filesystem::temp_directory_path() / "tether-tls-XXXXXX";
    REQUIRE(::mkdtemp(path.data()) != nullptr);
    root_ = path;
    std::filesystem::create_directory(root_ / "certs");
    set("SSL_CERT_DIR", root_ / "certs");
  }
  ~Host() {
    ::unsetenv("SSL_CERT_DIR");   // NOLINT(concurrency-mt-unsafe): one thread.
    ::unsetenv("SSL_CERT_FILE");  // NOLINT(concurrency-mt-unsafe)
    std::filesystem::remove_all(root_);
  }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  void put_hashed(const Identity& authority) const {
    std::array<char, 16> name{};
    std::snprintf(name.data(), name.size(), "%08lx.0", X509_subject_name_hash(authority.certificate.get()));
    write_certificate(authority, root_ / "certs" / name.data());
  }
  void put_unhashed(const Identity& authority) const { write_certificate(authority, root_ / "certs" / "ca.pem"); }
  void put_bundle(const Identity& authority) const {
    write_certificate(authority, root_ / "bundle.pem");
    set("SSL_CERT_FILE", root_ / "bundle.pem");
  }

 private:
  static void set(const char* variable, const std::string& value) {
    REQUIRE(::setenv(variable, value.c_str(), 1) == 0);  // NOLINT(concurrency-mt-unsafe): one thread.
  }

  std::filesystem::path root_;
};

/// Whether a context with the system's authorities accepts what this one has signed.
bool is_trusted(const Identity& authority) {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
  tls::trust_system_authorities(context.get());
  CHECK(ERR_peek_error() == 0);
  const Identity server = make_server(authority, "DNS:localhost");
  const std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> chain(X509_STORE_CTX_new(),
                                                                              &X509_STORE_CTX_free);
  REQUIRE(X509_STORE_CTX_init(chain.get(), SSL_CTX_get_cert_store(context.get()), server.certificate.get(), nullptr) ==
          1);
  const bool trusted = X509_verify_cert(chain.get()) == 1;
  ERR_clear_error();
  return trusted;
}

}  // namespace

TEST_CASE("a folder of hashed certificates is trusted, and nobody else is") {
  const Host host;
  const Identity ours = make_authority("ours");
  host.put_hashed(ours);

  CHECK(is_trusted(ours));
  CHECK_FALSE(is_trusted(make_authority("theirs")));
}

TEST_CASE("a bundle is trusted where the folder has no hashed certificates") {
  const Host host;
  const Identity ours = make_authority("ours");
  host.put_bundle(ours);

  CHECK(is_trusted(ours));

  host.put_unhashed(make_authority("theirs"));
  CHECK(is_trusted(ours));
}

TEST_CASE("a bundle that is named is trusted beside the folder of hashed certificates") {
  const Host host;
  const Identity ours = make_authority("ours");
  const Identity theirs = make_authority("theirs");
  host.put_hashed(ours);
  host.put_bundle(theirs);

  CHECK(is_trusted(ours));
  CHECK(is_trusted(theirs));
}

TEST_CASE("where nothing can be read nobody is trusted, which is no error yet") {
  const Host host;
  CHECK_FALSE(is_trusted(make_authority("ours")));
}

}  // namespace tether::test
