#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "keeper.h"
#include "lookout.h"
#include "status_board.h"
#include "tether/admin/heartbeat.h"
#include "tether/admin/metrics.h"
#include "tether/link/expiry.h"
#include "tether/link/link.h"
#include "tether/log/log.h"
#include "tether/net/file_watch.h"
#include "tether/net/loop.h"
#include "tether/net/websocket.h"
#include "tether/settings/settings.h"
#include "tether/tls/trust.h"

namespace tether::daemon {

/// The loop's side of the connection: carries out what link::Link asks for, and hands frames to the keeper as parsed
/// events. Loop thread only, never blocks.
class Connection {
 public:
  Connection(net::Loop& loop, const Settings& settings, tls::Trust& trust, Keeper& keeper, StatusBoard& board,
             Metrics& metrics, EventTrail& trail, Redactor& redactor, Logger& log, std::uint64_t seed);

  /// Creates the link, which dials at once if there is a token.
  void start();
  bool has_started() const { return link_.has_value(); }

  /// From the state thread's outbox.
  void send(const Frames& frames);
  void on_rest_end(const RestEnd& end);

  /// The token file may have changed. `insist` (SIGHUP): a fresh attempt is made even if it has not.
  void reload_token(bool insist);

  /// Ends the link, so that the next one begins with listing everything.
  void on_store_lost();

  /// Closes with a close frame. `on_stopped` is called when that is over.
  void stop(std::function<void()> on_stopped);

 private:
  void say_why_no_token();
  void pump();
  void dial(bool older_token);
  void dial_probe(bool older_token);
  net::SocketCallbacks callbacks();
  void on_sign_of_life(std::optional<std::string_view> pong);
  void on_open();
  void on_failed(const net::DialProblem& problem);
  void on_message(std::string_view text);
  void on_event(protocol::Event event, std::size_t bytes, TimePoint now);
  void on_closed(const net::SocketEnd& end);
  void carry_out(const link::Command& command);
  void count(const link::Snapshot& snapshot);
  net::DialTarget target(const Secret& token) const;
  void drop_link();
  void watch_certificate();
  void on_certificate_changed();
  void look_at_expiry();

  net::Loop& loop_;
  const Settings& settings_;
  tls::Trust& trust_;
  Keeper& keeper_;
  StatusBoard& board_;
  Metrics& metrics_;
  EventTrail& trail_;
  Redactor& redactor_;
  Logger& log_;
  std::uint64_t seed_;

  Lookout lookout_;
  net::Timer timer_;
  std::optional<link::Link> link_;
  std::unique_ptr<net::WebSocketClient> socket_;
  std::unique_ptr<net::WebSocketClient> probe_;
  std::unique_ptr<net::WebSocketClient> parting_;  ///< Let go, and still saying goodbye.
  std::uint64_t generation_ = 0;                   ///< Of the socket whose callbacks still count.
  std::optional<Secret> token_;                    ///< As the source gives it now.
  std::string why_no_token_;                       ///< What is wrong with its file; empty: nothing.
  Secret socket_token_;                            ///< The one that the present socket was dialled with.
  std::unique_ptr<net::FileWatch> token_watch_;
  std::vector<std::unique_ptr<net::FileWatch>> certificate_watches_;
  link::ExpiryWatch expiry_;
  net::Timer expiry_timer_;
  link::Counters counted_;
  bool keeper_knows_link_ = false;
  std::function<void()> on_stopped_;
};

}  // namespace tether::daemon
