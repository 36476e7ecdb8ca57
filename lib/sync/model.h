#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tether/base/time.h"
#include "tether/protocol/frames.h"

/// The data that the rule decides on. RULE.md beside this file says what each mark is for; lib/store keeps it.
namespace tether::sync {

/// What the caller is told with every input.
struct Now {
  TimePoint steady;  ///< To wait by.
  Instant wall;      ///< Our own wall clock: to write down, and to expire what is kept "for an hour".
};

/// A body as it is, was or may be offered to the gateway. Two versions are the same if both members are.
struct Version {
  std::string body;        ///< Key of a Body of the same owner: the deployment id, or a resource's content key.
  std::int64_t at_ms = 0;  ///< The deployment's `at`, in milliseconds; 0 for resources that are no artifacts.

  bool is_set() const { return !body.empty(); }
  friend bool operator==(const Version&, const Version&) = default;
};

struct Refusal {
  Version version;
  std::string reason;  ///< As the gateway gave it, cut to kMaxReasonChars.
  Instant since;       ///< Wall clock; the next try is an hour later at the latest.
  friend bool operator==(const Refusal&, const Refusal&) = default;
};
inline constexpr std::size_t kMaxReasonChars = 300;

/// What the gateway should have of one resource, and what is known of how it took it. Artifacts and all other kinds
/// share it, so that "last good", refusals and pushes under way are decided in one place (offers.h).
struct Offering {
  Version offered;  ///< What the gateway should have now, or nothing.
  /// Of what is offered nothing can be read any more (another key, damage): no push carries it, the gateway keeps what
  /// it has of it, and it is offered anew when it is here again.
  bool lost = false;
  std::int64_t revision = 0;  ///< At which `offered` last changed; 0: never offered.
  Version good;               ///< The last one that a gateway answered it accepted.
  std::optional<Refusal> refused;
  /// While a push is under way: what that push carried, if `offered` has changed since it was built. Valid only if
  /// `sent_push` is that push's number; an unset `sent` then says that the resource was stopped meanwhile.
  Version sent;
  std::int64_t sent_push = 0;
  friend bool operator==(const Offering&, const Offering&) = default;
};

enum class Wanted { Deployed, Undeployed, Gone };
enum class Verdict { None, Success, Failed };

/// Of a statement that no other one confirms: links are counted from 1.
inline constexpr std::int64_t kNoLink = 0;

/// "A listing said so; ask again": the first of the two statements that a removal or a step back needs.
struct Proposal {
  std::int64_t link = 0;      ///< The link under which the listing was asked, or kNoLink.
  std::int64_t asked_ms = 0;  ///< When it was known (a step back: asked), in milliseconds since that link began.
  std::int64_t change = 0;    ///< The store's counter then.
  friend bool operator==(const Proposal&, const Proposal&) = default;
};

/// Why the control plane is asked whether an artifact exists.
enum class Question { None, DeletedEvent, Absence };

struct Artifact {
  std::string id;
  std::string kind;

  Wanted wanted = Wanted::Deployed;
  std::string deployment_id;
  Instant at;
  std::string at_text;
  bool by_absence = false;   ///< `wanted` was concluded from an absence, nobody said it.
  std::int64_t changed = 0;  ///< The store's counter when `wanted` last changed.

  std::string fetched;  ///< Deployment id whose document is here, or empty.
  Offering offering;
  Verdict verdict = Verdict::None;
  bool may_settle = false;  ///< Nothing but the gateway's answer is missing for its verdict (kept for an index).
  bool waiting = false;     ///< The wanted document is here, but something it refers to is not offered.

  std::optional<Proposal> absent;
  std::optional<Proposal> went_back;
  Version went_back_to;  ///< The earlier row that `went_back` saw.
  Question question = Question::None;
  std::int64_t question_change = 0;  ///< `changed` when the question was noted.
  Instant gone_since;                ///< Wall clock, for tombstones.

  friend bool operator==(const Artifact&, const Artifact&) = default;
};

/// A document that is wanted and not here.
struct WantedDocument {
  std::string artifact_id;
  std::string deployment_id;
  friend bool operator==(const WantedDocument&, const WantedDocument&) = default;
};

/// A resource that is no artifact: keys, plans, subscriptions, applications, secrets.
struct Resource {
  std::string kind;
  std::string id;
  std::string artifact_id;  ///< What it belongs to, or empty.
  std::string name;         ///< A key's or plan's name; a secret's type.

  bool gone = false;  ///< A tombstone.
  std::string body;   ///< Key of the wanted content, or empty while it is not here (secrets).
  Instant updated_at;
  /// An event alone has said it: `updated_at` has whole seconds only, members may be missing, and a list says it
  /// better. A secret: one answer alone has given its value, and another is to say the same.
  bool unconfirmed = false;
  std::string hash;          ///< Secrets: the wanted hash.
  std::string fetched_hash;  ///< Secrets: the hash that `body` belongs to.
  std::int64_t changed = 0;

  Offering offering;
  bool waiting = false;
  std::optional<Proposal> absent;
  Instant gone_since;

  friend bool operator==(const Resource&, const Resource&) = default;
};

/// Names another resource: by handle (providers, secrets), by id (plans, keys).
struct Reference {
  std::string kind;
  std::string name;
  friend bool operator==(const Reference&, const Reference&) = default;
};

/// A document or a `data` object. Immutable under its key; kept as long as its owner's row names it.
struct Body {
  std::string owner_kind;
  std::string owner_id;
  std::string key;
  std::string handle;    ///< Artifacts: metadata.name.
  std::string document;  ///< Artifacts: the YAML, byte for byte. Others: the JSON object.
  std::vector<Reference> references;
};

/// Which resource: kind and id.
struct Key {
  std::string kind;
  std::string id;
  friend bool operator==(const Key&, const Key&) = default;
};

/// The last push whose answer arrived.
struct Answered {
  std::string instance;
  std::string epoch;
  std::int64_t revision = 0;
  friend bool operator==(const Answered&, const Answered&) = default;
};

/// Of which identity a Records works: the one that the gateway is given, or the one that the control plane names
/// instead and that waits beside it (RULE.md section 11).
enum class Side { Served, Staged };

/// One row for each identity (a gateway id that the control plane named).
struct Marks {
  std::string gateway_id;  ///< Empty until the first `connection.ack`.
  Instant listed_to;
  Instant horizon;
  std::int64_t links = 0;  ///< How many links there were: the number of the present one.
  Answered answered;
  std::int64_t floor = 0;  ///< The highest revision of a dropped tombstone.
  std::string address;     ///< Of the control plane that named it last; empty: not known.
  bool moved = false;      ///< That is another than before, and no listing of it has shown most of what is stored yet.
  bool taking_over = false;  ///< It is served, and the gateway has not answered a push of it since the switch.
  friend bool operator==(const Marks&, const Marks&) = default;
};

/// Whether what a brake holds may go.
enum class Release {
  None,      ///< It is held.
  Asked,     ///< An operator agreed: the next listing that was asked since decides.
  Released,  ///< A listing lacked the same again: what it lacked may go, under that link.
};

/// A deletion brake, for one listing.
struct Hold {
  std::string scope;
  Instant since;  ///< Wall clock, to be shown.
  std::int64_t would_go = 0;
  std::int64_t in_service = 0;
  std::int64_t began = 0;        ///< The store's counter when it began: what changed later came after it.
  std::int64_t noted = 0;        ///< The same when the listing last lacked something that it had not lacked before.
  std::int64_t held_ms = 0;      ///< For how long listings have lacked nothing but that. Steady time.
  std::int64_t judged_link = 0;  ///< The link of the last such listing, and when it ended, in milliseconds since
  std::int64_t judged_ms = 0;    ///< that link began.
  bool keeps_some = false;       ///< That listing has something that was here when the hold began.
  Release release = Release::None;
  std::int64_t release_link = 0;    ///< Under which link it was asked for or given.
  std::int64_t release_change = 0;  ///< The store's counter then: only what was listed later may go.
  friend bool operator==(const Hold&, const Hold&) = default;
};

/// What an operator was shown of a hold, and agreed to.
struct ShownHold {
  std::string scope;
  std::int64_t noted = 0;  ///< Hold::noted: it says that nothing more is missing since.
};

/// An ack that waits until it is known to have been read.
struct OutboxRow {
  std::string artifact_id;
  std::string kind;
  std::string deployment_id;
  bool deploy = true;
  bool success = true;
  std::string at_text;
  Instant at;
  std::int64_t sent_token = 0;  ///< The ping that followed it on this link, or 0.
  friend bool operator==(const OutboxRow&, const OutboxRow&) = default;
};

/// An event whose effect the gateway has not answered.
struct Pending {
  std::string type;
  Key resource;
  Instant first;
  Instant last;
  std::int64_t doubt_change = 0;  ///< Not 0: waits for a full listing asked after this count.
};

/// A content event about something that a listing has the last word on: applied if that listing is refused.
struct Hint {
  protocol::ResourceState state;
  bool deleted = false;
  bool lacked = false;      ///< A listing did not show it, and another one is asked.
  std::int64_t change = 0;  ///< The store's counter when it came: a listing asked after it has the last word.
  TimePoint lacked_at{};    ///< When, if this process has seen it.
};

/// Whether anything is left to do, for `in_sync` (section 14 of RULE.md).
struct OpenWork {
  bool documents = false;   ///< A wanted document, or a secret's value, is not here.
  bool proposals = false;   ///< An absence or a step back waits for its second statement.
  bool unheld = false;      ///< … and no brake holds one of these; or one has been released.
  bool questions = false;   ///< `exists` is to be asked, and something depends on it.
  bool holds = false;       ///< A brake holds; or it was released, and what it held is still here.
  bool unreleased = false;  ///< … and one of them has not been released.
  bool waiting = false;     ///< An artifact's document is here and waits for what it refers to.
  bool refused = false;     ///< Something is quarantined.
  bool removals = false;    ///< The gateway refused to remove something, and may still serve it.
  bool doubts = false;      ///< An event waits for a full listing.
  bool lost = false;        ///< Of something offered the body cannot be read any more.
  /// Apart from what is quarantined or lost.
  bool is_any() const { return documents || proposals || questions || holds || waiting || removals || doubts; }
  friend bool operator==(const OpenWork&, const OpenWork&) = default;
};

}  // namespace tether::sync
