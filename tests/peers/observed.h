#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "tether/base/time.h"

namespace tether::peers {

struct RestCall {
  TimePoint at;      ///< When its head was read.
  std::string call;  ///< As in `Faults::rest`; empty for an unknown path.
  std::string method;
  std::string path;
  std::string query;  ///< As sent, still encoded.
  int status = 0;
  std::string body;  ///< Of the request.
};

struct ReceivedAck {
  TimePoint at;
  std::uint64_t connection = 0;
  nlohmann::json payload;
  bool matched = false;  ///< It changed a deployment's status.
};

struct SeenConnection {
  TimePoint opened;
  bool open = false;
  int pings_sent = 0;
  int pongs = 0;
  int client_pings = 0;
  std::vector<std::chrono::milliseconds> pong_delays;  ///< Of each pong that answered a ping.
};

/// One line of the journal for people and demos: what happened, in order.
struct JournalEntry {
  Instant at;
  std::string what;  ///< `event.sent`, `ack`, `rest`, `dial`, `closed`, `action`, …
  nlohmann::json detail;
};

/// What the stand-in saw of its client. Grows with the traffic; the logs keep the newest `kKept` entries.
struct Observed {
  static constexpr std::size_t kKept = 100'000;

  std::vector<TimePoint> dials;                   ///< Upgrade requests, refused ones too.
  std::map<std::uint64_t, SeenConnection> links;  ///< Upgraded connections by number.
  std::deque<RestCall> rest;
  std::deque<ReceivedAck> acks;
  std::deque<JournalEntry> journal;
  std::uint64_t journal_first = 0;  ///< Number of the journal's first kept entry.
  std::uint64_t events_sent = 0;    ///< Frames, repeats counted.
  std::uint64_t unmasked_frames = 0;
  nlohmann::json last_manifest;         ///< Null: none was posted.
  std::vector<std::string> violations;  ///< What the client did wrong, one sentence each.

  std::size_t open_links() const;
  std::size_t calls(std::string_view call) const;  ///< REST calls of that name.
  std::size_t acks_with(std::string_view artifact_id, std::string_view status) const;
  std::chrono::milliseconds max_pong_delay() const;  ///< Over all links.
  /// The delay that this share of the pongs of all links did not exceed (0.9: all but the slowest tenth); 0: no pongs.
  std::chrono::milliseconds pong_delay_of_share(double share) const;
  /// The shortest time between two dials that follow each other; the largest duration if there were fewer than two.
  Duration shortest_dial_gap() const;
};

}  // namespace tether::peers
