#include "tether/net/knock.h"

#include <algorithm>
#include <asio/post.hpp>
#include <utility>

#include "tether/net/loop_impl.h"
#include "tether/net/stream.h"
#include "tether/tls/trust.h"

namespace tether::net {

struct Knock::Impl : std::enable_shared_from_this<Knock::Impl> {
  Impl(KnockTarget t, std::function<void(const KnockResult&)> callback)
      : target(std::move(t)), on_end(std::move(callback)) {}

  void start(Loop& loop, tls::Trust& trust) {
    std::shared_ptr<ssl_ctx_st> context;
    if (target.tls && target.wants_words) {
      auto made = trust.context();
      if (!made) {
        asio::post(loop.impl().io, [self = shared_from_this(), message = made.error().message] {
          self->tell({false, SocketError::Tls, message, {}});
        });
        return;
      }
      context = *made;
    }
    StreamCallbacks callbacks;
    callbacks.on_connected = [this] { on_connected(); };
    callbacks.on_bytes = [this](std::string_view) { tell({true, {}, {}, {}}); };
    callbacks.on_end = [this](const StreamEnd& end) {
      // Whoever hangs up, or shows a certificate that is not ours to accept, is there.
      const bool is_word = stream->was_reached() && end.error != SocketError::Timeout;
      tell({is_word, end.error, end.message, {}});
    };
    // The stream is cut before we go, and says nothing after that.
    stream = std::make_shared<Stream>(loop, target.host, target.port, std::move(callbacks));
    if (target.proxy) stream->go_through(*target.proxy);
    stream->connect(context);
  }

  void on_connected() {
    if (target.tls || !target.wants_words) return tell({true, {}, {}, {}});
    stream->write("HEAD / HTTP/1.1\r\nHost: " + target.host + "\r\nConnection: close\r\n\r\n");
  }

  void tell(KnockResult result) {
    if (!on_end) return;
    for (const auto& endpoint : stream ? stream->addresses() : Lookup::Endpoints{}) {
      result.addresses.push_back(endpoint.address().to_string());
    }
    std::sort(result.addresses.begin(), result.addresses.end());
    const auto self = shared_from_this();
    const auto callback = std::exchange(on_end, nullptr);
    if (stream) stream->cut();
    callback(result);
  }

  KnockTarget target;
  std::function<void(const KnockResult&)> on_end;  ///< None once it was called, or is not to be.
  std::shared_ptr<Stream> stream;                  ///< Shared with its own operations under way.
};

Knock::Knock(Loop& loop, tls::Trust& trust, const KnockTarget& target, std::function<void(const KnockResult&)> on_end)
    : impl_(std::make_shared<Impl>(target, std::move(on_end))) {
  impl_->start(loop, trust);
}

Knock::~Knock() {
  impl_->on_end = nullptr;
  if (impl_->stream) impl_->stream->cut();
}

}  // namespace tether::net
