#include "tether/net/lookup.h"

#include <netdb.h>

#include <asio/ip/address.hpp>
#include <asio/post.hpp>
#include <atomic>
#include <cstring>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace tether::net {

struct Lookup::Mailbox {
  std::mutex mutex;
  asio::io_context* io = nullptr;  ///< Null once nobody waits any more. Guarded by `mutex`.
  Callback callback;               ///< Used on the loop thread only.
};

namespace {

/// Lookups whose threads have not come to their end.
std::atomic<std::size_t> under_way = 0;

bool begin_one() {
  if (under_way.fetch_add(1) < kMaxLookups) return true;
  --under_way;
  return false;
}

}  // namespace

Lookup::Found Lookup::ask_system(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int failure = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list);
  if (failure != 0) return {{}, gai_strerror(failure)};
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(list, freeaddrinfo);
  Found found;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    asio::ip::tcp::endpoint endpoint;
    if (entry->ai_addrlen > endpoint.capacity()) continue;
    std::memcpy(endpoint.data(), entry->ai_addr, entry->ai_addrlen);
    found.endpoints.push_back(endpoint);
  }
  if (found.endpoints.empty()) found.error = "no address";
  return found;
}

Lookup::Lookup(asio::io_context& io, const std::string& host, std::uint16_t port, Callback callback, Resolve resolve)
    : mailbox_(std::make_shared<Mailbox>()) {
  mailbox_->io = &io;
  mailbox_->callback = std::move(callback);
  const auto deliver = [](const std::shared_ptr<Mailbox>& mailbox, Found found) {
    const std::lock_guard lock(mailbox->mutex);
    if (mailbox->io == nullptr) return;
    asio::post(*mailbox->io, [mailbox, found = std::move(found)] {
      if (mailbox->io != nullptr) mailbox->callback(found.endpoints, found.error);
    });
  };

  asio::error_code not_an_address;
  const auto address = asio::ip::make_address(host, not_an_address);
  if (!not_an_address) {
    deliver(mailbox_, {{{address, port}}, ""});
    return;
  }
  if (!begin_one()) {
    deliver(mailbox_, {{}, "too many name lookups are under way"});
    return;
  }
  try {
    std::thread([mailbox = mailbox_, deliver, host, port, resolve = std::move(resolve)] {
      Found found = resolve(host, port);
      --under_way;
      deliver(mailbox, std::move(found));
    }).detach();
  } catch (const std::system_error& error) {
    --under_way;
    deliver(mailbox_, {{}, std::string("no thread for the lookup: ") + error.what()});
  }
}

Lookup::~Lookup() {
  const std::lock_guard lock(mailbox_->mutex);
  mailbox_->io = nullptr;
}

}  // namespace tether::net
