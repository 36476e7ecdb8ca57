#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>

#include "tether/base/result.h"
#include "tether/base/time.h"

struct ssl_st;
struct ssl_ctx_st;

namespace tether::peers {

using TlsContext = std::shared_ptr<ssl_ctx_st>;

/// A server's TLS: 1.2 or newer; by ALPN `h2` if the client offers it, as the real server chooses, else `http/1.1`.
/// With a `client_ca_file` only clients
/// with a certificate of it are let in. Reject: a file is unusable.
Result<TlsContext> make_tls_context(const std::string& certificate_file, const std::string& key_file,
                                    const std::string& client_ca_file);

enum class Io {
  Ok,
  Closed,  ///< The other side went, or the bytes were not TLS.
  TimedOut,
  Woken,  ///< `wake` was called: look what is wanted.
};

/// A connected socket, with TLS or without. One thread reads and writes; `wake` and `abort` are for the others.
class Stream {
 public:
  explicit Stream(int fd);
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  Io accept_tls(const TlsContext& context, TimePoint deadline);
  bool chose_h2() const;
  bool aborted() const { return aborted_; }

  /// Appends what there is to `into`, waiting for at least one byte.
  Io read_some(std::string& into, TimePoint deadline);
  /// All of it, whatever `wake` says. TimedOut or Closed leave the stream useless.
  Io write_all(std::string_view data, TimePoint deadline);
  /// Waits for `wake` (Woken), the other side to go (Closed) or the deadline, reading nothing.
  Io pause(TimePoint deadline);

  void close();  ///< An orderly end: what was written still arrives.
  void reset();  ///< TCP RST.

  void wake();   ///< Any thread.
  void abort();  ///< Any thread: every call from now on answers Closed at once.

 private:
  Io wait(short events, TimePoint deadline, bool wakeable);
  Io after_tls(int result, TimePoint deadline, bool wakeable);

  int fd_;
  int waker_;
  std::atomic<bool> aborted_ = false;
  std::unique_ptr<ssl_st, void (*)(ssl_st*)> tls_;
};

}  // namespace tether::peers
