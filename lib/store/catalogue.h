#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tether/base/result.h"
#include "tether/base/time.h"

namespace tether::store {

/// Where a stored resource stands.
enum class Standing {
  InService,    ///< The gateway has answered a push that covers it.
  Pending,      ///< Offered, and the gateway has not answered it yet.
  Waiting,      ///< Wanted, and its content or what it refers to is not here.
  Quarantined,  ///< The gateway refused its newest version.
  Held,         ///< A listing lacks it, and the deletion brake keeps it.
  Undeployed,   ///< An artifact that the control plane does not want in service.
  Kept,         ///< It belongs to an artifact that is not in service, and comes back with it.
  Removed,      ///< A tombstone.
};
inline constexpr std::size_t kStandings = 8;
std::string_view name_of(Standing standing);  ///< `in-service`, `pending`, …
std::optional<Standing> standing_named(std::string_view name);

/// Something that the wanted version of an artifact refers to.
struct Referred {
  std::string kind;
  std::string name;
  bool offered = false;
  friend bool operator==(const Referred&, const Referred&) = default;
};

/// An event about it whose effect is not in service yet, or that a listing has yet to confirm.
struct PendingEvent {
  std::string type;
  Instant at;  ///< The control plane's time of the newest one.
  bool in_doubt = false;
  friend bool operator==(const PendingEvent&, const PendingEvent&) = default;
};

/// A resource of the identity in service: names, times and states, none of its content.
struct CatalogueEntry {
  std::string kind;
  std::string id;
  std::string name;         ///< An artifact's handle, a key's or plan's name; a secret's is its id. May be empty.
  std::string artifact_id;  ///< What it belongs to, or empty.
  Standing standing = Standing::Waiting;
  bool is_artifact = false;

  std::string deployment_id;    ///< Artifacts: the wanted one.
  Instant wanted_at;            ///< Since when, by the control plane's clock; not set: unknown.
  bool by_absence = false;      ///< Concluded from an absence, nobody said it.
  bool has_content = false;     ///< The wanted document or value is here.
  bool lost = false;            ///< What was offered cannot be read any more, and is fetched again.
  std::string offered_version;  ///< Artifacts: the deployment that is offered, or empty.
  std::int64_t revision = 0;    ///< At which the offer changed last; 0: never offered.
  bool answered = false;        ///< The gateway has answered a push that covers that.
  std::string good_version;     ///< Artifacts: the last deployment that a gateway accepted, or empty.
  bool refused = false;
  std::string refused_reason;  ///< The gateway's own words: not cleared of secrets.
  Instant refused_since, next_try;
  std::string held_by;              ///< The listing that lacks it, or empty.
  bool is_doubted = false;          ///< A listing lacked it or had an earlier version; it is asked again.
  bool is_asked_for = false;        ///< The control plane is asked whether it still exists.
  Instant gone_since;               ///< Wall clock.
  std::string_view verdict;         ///< Artifacts: `success`, `failed`, or empty.
  bool ack_waits = false;           ///< For a link, or until it is known to have been read.
  std::vector<Referred> refers_to;  ///< Only from `find`, like the next one.
  std::vector<PendingEvent> pending;
};

struct CatalogueQuery {
  std::string kind = {};                  ///< Empty: any.
  std::optional<Standing> standing = {};  ///< nullopt: all but removed ones.
  std::string after = {};                 ///< `next` of the page before; empty: from the beginning.
};

struct CataloguePage {
  std::vector<CatalogueEntry> entries;  ///< Artifacts by id, then the others by kind and id.
  std::string next;                     ///< Empty: that was the end. There may be no entry and more to come.
  std::string instance;                 ///< Of the gateway that answered last, and up to which revision; may be empty.
  std::int64_t answered_revision = 0;
};

/// How many rows are looked at for a page.
inline constexpr int kCataloguePageRows = 250;
inline constexpr std::size_t kMaxFound = 20;

/// Looks at the store past the thread that owns it, a page at a time, so that neither memory nor the length of a read
/// follows the number of resources: a long one would keep the log of the database from being written back. Any thread;
/// nothing stays open between two calls.
class Catalogue {
 public:
  /// Of the state folder `folder`.
  explicit Catalogue(const std::filesystem::path& folder);

  /// Retry: the database cannot be read now. Reject: `after` is none.
  Result<CataloguePage> page(const CatalogueQuery& query) const;
  /// Those whose id or name it is, of that kind or of any if it is empty; the first kMaxFound.
  Result<CataloguePage> find(std::string_view name, std::string_view kind) const;

 private:
  std::string file_;
};

}  // namespace tether::store
