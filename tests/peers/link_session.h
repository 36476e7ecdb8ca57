#pragma once

#include <deque>
#include <optional>
#include <string>

#include "tether/peers/control_plane.h"
#include "tether/peers/websocket_frames.h"

namespace tether::peers {

/// What the control plane knows of one upgraded connection. Guarded by the control plane's lock.
struct ControlPlane::Link {
  Stream& stream;
  std::deque<std::string> outgoing;   ///< Frames as bytes.
  std::deque<std::string> kept_back;  ///< The newest events, lost with the link (`lose_at_disconnect`).
  std::optional<Ending> ending;
};

/// One upgraded connection, served to its end on the thread of that connection.
class LinkSession {
 public:
  LinkSession(ControlPlane& control_plane, Connection& connection, std::string first_bytes);
  /// Returns when the connection is over.
  void run();

 private:
  struct Turn {
    std::deque<std::string> frames;
    std::optional<Ending> ending;
    bool silent = false;
    TimePoint until;
  };

  void open();
  void close();
  Turn next_turn();
  void queue_ack();
  void beat(Turn& turn);
  bool write(const std::string& bytes);
  bool take_frames();
  bool take_frame(const Frame& frame);
  void take_pong(TimePoint at);
  void end(Ending how);

  ControlPlane& control_plane_;
  Connection& connection_;
  ControlPlane::Link link_;
  std::string buffer_;
  std::string message_;  ///< Of a fragmented text.
  TimePoint next_ping_;
  TimePoint last_pong_;
  std::optional<TimePoint> ping_sent_;  ///< Of the ping that awaits its pong.
  std::optional<TimePoint> ack_due_;
  bool silent_ = false;
  std::optional<TimePoint> silence_ended_;
};

}  // namespace tether::peers
