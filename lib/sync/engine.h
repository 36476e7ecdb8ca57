#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tether/protocol/document.h"
#include "tether/protocol/frames.h"
#include "tether/protocol/gateway.h"
#include "tether/protocol/rest.h"
#include "tether/sync/memory.h"
#include "tether/sync/model.h"
#include "tether/sync/records.h"

namespace tether::sync {

// Commands: what the engine asks for. To be carried out after the transaction is durable, in order.

/// A request to the control plane. Every one is answered by exactly one `on_done` with its number, after its rows.
struct SendRequest {
  std::uint64_t number = 0;
  Call call = Call::Deployments;
  std::string scope;
  std::string method;  ///< GET or POST.
  std::string path;    ///< Below the REST base, with its query.
  std::string body;
};
/// A text frame on the present link.
struct SendFrame {
  std::string text;
  // What the ack in it says, for metrics and log lines.
  bool success = true;
  std::string artifact_id = {};
  std::string deployment_id = {};
  bool deploy = true;
};
/// A ping whose pong says that all frames before it were read.
struct SendPing {
  std::int64_t token = 0;
};
/// Something that an operator wants to read once. `fields` hold no secrets.
struct Note {
  enum class Level { Debug, Info, Warn } level = Level::Info;
  std::string message;
  std::vector<std::pair<std::string, std::string>> fields;
};
using Command = std::variant<SendRequest, SendFrame, SendPing, Note>;

/// How a request ended.
struct RequestOutcome {
  int status = 0;                 ///< HTTP status; 0: no answer.
  bool complete = false;          ///< A 2xx whose body was read to its end.
  bool too_large = false;         ///< Not complete because of its size: a smaller question might be answered.
  std::size_t rows_rejected = 0;  ///< Rows that could not be read: the listing then says nothing about absence.
  std::optional<Instant> date;    ///< The `Date` header.
  std::optional<Duration> retry_after;
};

/// A document out of a batch, already read for its facts by whoever unpacked it.
struct Document {
  std::string deployment_id;
  std::string artifact_id;
  std::string text;
  std::string handle;
  std::vector<std::string> providers;
  std::vector<std::string> secrets;
  std::string unusable;  ///< Not empty: why this document can't be passed on (not UTF-8, too large, not readable).
};

/// An answer of the gateway to a push, as lib/delivery hands it on.
struct PushAnswered {
  std::int64_t push = 0;
  std::string instance;
  std::string epoch;
  std::int64_t after = 0;  ///< The push carried what changed after this revision (0: everything) …
  std::int64_t up_to = 0;  ///< … up to this one.
  std::vector<protocol::RejectedLine> rejected;
};

/// Decides what every input means for what is stored, and what to ask next: RULE.md, sections 1 to 5, 8 to 11, 13
/// and 14.
///
/// Each `on_…` runs within one open transaction and may be followed by others in it. It finds the Records on the served
/// side and leaves them so. `take_commands` hands over what is
/// to be done once that transaction is durable. If it fails, put back the memory that was copied before it and drop the
/// commands; the inputs may then be given again. One thread.
class Engine {
 public:
  Engine(const EngineOptions& options, std::uint32_t seed);

  // The link.
  void on_link_up(Records& records, Now now);
  /// `came`: it may have waited for the store since.
  void on_connection_ack(Records& records, const protocol::ConnectionAck& ack, TimePoint came, Now now);
  void on_event(Records& records, const protocol::Event& event, Now now);
  /// Events were dropped before they reached the engine: everything is asked for again.
  void on_events_lost(Records& records, Now now);
  /// Something that was stored cannot be read any more, and review_lost() has seen to it: the link is to be made anew,
  /// so that everything is listed.
  void on_content_lost(Records& records, Now now);
  void on_link_down(Records& records, Now now);
  void on_pong(Records& records, std::int64_t token, Now now);

  // Answers of the control plane. Rows arrive in pieces before `on_done`.
  void on_deployment_rows(Records& records, std::uint64_t request, const std::vector<protocol::DeploymentRow>& rows,
                          Now now);
  void on_resource_rows(Records& records, std::uint64_t request, const std::vector<protocol::ResourceState>& rows,
                        Now now);
  void on_documents(Records& records, std::uint64_t request, const std::vector<Document>& documents, Now now);
  void on_existences(Records& records, std::uint64_t request, const std::vector<protocol::Existence>& answers, Now now);
  void on_secret_value(Records& records, std::uint64_t request, std::string_view value, Now now);
  void on_done(Records& records, std::uint64_t request, const RequestOutcome& outcome, Now now);

  // The gateway.
  /// The instance that is there, or nothing while it is away.
  void on_gateway_presence(Records& records, const std::optional<std::string>& instance, Now now);
  /// It is out until what came of it is stored, or the next one starts: what changes meanwhile is not what it carries.
  void on_push_started(std::int64_t push, std::int64_t after, std::int64_t up_to);
  void on_push_answered(Records& records, const PushAnswered& answer, Now now);
  /// Everything that this instance has is about to be replaced: what it answered before says nothing any more (CE-1).
  void on_replacing(Records& records, const std::string& instance, Now now);
  /// A body of one line was refused as a whole; the gateway's revision has not moved.
  void on_line_refused(Records& records, std::int64_t push, const protocol::RejectedLine& line, Now now);

  /// An operator was shown what the brake holds, and agrees. Nothing goes because of it alone: the listing is asked
  /// again, and what that one confirms goes. Without a link, or if more is missing than was shown, nothing happens.
  void on_release_deletions(Records& records, const std::vector<ShownHold>& shown, Now now);
  /// An operator was shown this staged identity and wants it served although it has little, nothing, or not all of its
  /// documents. Counts under the present link, which has to be that identity's, and as long as it is as it was shown.
  void on_identity_accepted(Records& records, const ShownIdentity& shown, Now now);

  void on_deadline(Records& records, Now now);
  std::optional<TimePoint> next_deadline(TimePoint now) const;

  std::vector<Command> take_commands();

  /// What to tell others, as of the last transaction.
  const Standing& standing() const { return memory_.standing; }

  /// The memory beside the store; small, and a value.
  const Memory& memory() const { return memory_; }
  void restore(Memory memory);
  /// All that was stored is gone, and an empty store is in its place. Answers to what was asked before are not taken
  /// for answers to what is asked from now on.
  void start_anew();

 private:
  void after_input(Records& records, Now now);
  void housekeep_one(Records& records, Now now, Side side);
  void ask(Records& records, Now now);

  EngineOptions options_;
  std::uint32_t seed_;
  Memory memory_;
  std::vector<Command> commands_;
};

}  // namespace tether::sync
