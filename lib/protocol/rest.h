#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tether/base/result.h"
#include "tether/base/time.h"
#include "tether/protocol/frames.h"

namespace tether::protocol {

/// The largest single element of a listing (one row).
inline constexpr std::size_t kMaxRowBytes = std::size_t{1024} * 1024;
/// The largest listing answer, all rows together, unless `limits.max_listing_bytes` says otherwise.
inline constexpr std::size_t kMaxListingBytes = std::size_t{256} * 1024 * 1024;
/// How deep a listing may be nested, the array itself included.
inline constexpr int kMaxListingDepth = 64;
/// The longest name of a member of the object around a listing.
inline constexpr std::size_t kMaxMemberNameBytes = 1024;
/// The largest answer that is read whole (exists, secret value, websub secrets).
inline constexpr std::size_t kMaxAnswerBytes = std::size_t{4} * 1024 * 1024;
/// How many deployments are asked for in one batch.
inline constexpr std::size_t kMaxBatchDeployments = 50;

/// A row of `GET /deployments`.
struct DeploymentRow {
  std::string kind;  ///< Any string: kinds that are not known pass through.
  std::string artifact_id;
  std::string deployment_id;
  bool deployed = false;
  Instant at;
  std::string at_text;
};

/// Cuts the elements of one JSON array out of a body that arrives in chunks, so that memory follows the largest element
/// and not the listing. The array is the body itself (`member` empty) or the value of that member of the body's
/// top-level object.
class ArrayScanner {
 public:
  /// `on_element` gets each element's text; its error ends the scan.
  using OnElement = std::function<Result<Done>(std::string_view element)>;

  ArrayScanner(std::string member, OnElement on_element, std::size_t max_bytes = kMaxListingBytes);

  /// Reject: not such a body, an element over kMaxRowBytes, the whole over `max_bytes`, or nested deeper than
  /// kMaxListingDepth. An element's text is cut out by its brackets and quotes; whether it is JSON is for its reader to
  /// say. After a failure every further call fails the same way.
  Result<Done> feed(std::string_view chunk);

  /// Call at the end of the body. Retry: it was cut short (the array, or the object around it, was not closed).
  Result<Done> finish() const;

 private:
  enum class State {
    BeforeBody,
    BeforeFirstName,  ///< In the object around the array.
    BeforeName,
    InName,
    BeforeColon,
    BeforeMember,
    InOtherMember,  ///< The value of a member that nobody asked for.
    AfterMember,
    BeforeFirstElement,
    BeforeElement,
    InElement,
    AfterElement,
    AfterBody,
  };
  /// Whether the character belongs to the value that is being passed, or is the first one after it.
  enum class Passage { Inside, LastOne, After };

  Result<Done> take(char c);
  Result<Done> begin_member(char c);
  Result<Done> end_object();
  Result<Done> begin_element(char c);
  Result<Done> go_on_in_element(char c);
  Result<Done> end_element();
  Result<Done> pass_name(char c);
  Result<Passage> pass_value(char c);
  Result<Passage> begin_value(char c);

  std::string member_;
  OnElement on_element_;
  std::size_t max_bytes_;
  std::string element_;
  std::string name_;  ///< As it stands in the body, with its quotes.
  std::optional<Error> failure_;
  std::size_t total_bytes_ = 0;
  int outer_depth_ = 0;  ///< Brackets open around the elements.
  int depth_ = 0;        ///< Brackets open within the value that is being passed.
  State state_ = State::BeforeBody;
  bool found_ = false;
  bool in_string_ = false;
  bool escaped_ = false;
};

// One element each. Reject names the member, never its value.
Result<DeploymentRow> parse_deployment_row(std::string_view element);
Result<ResourceState> parse_key_row(std::string_view element);
Result<ResourceState> parse_plan_row(std::string_view element);
Result<ResourceState> parse_subscription_row(std::string_view element);
/// A row of `GET /secrets`, without a value: `data` is empty, `hash` and `updated_at` are set, `name` is the handle,
/// `id` too. `type` is kept in `references[0]`.
Result<ResourceState> parse_secret_row(std::string_view element);

/// `{"value":…}` of `GET /secrets/{handle}/value`.
Result<std::string> parse_secret_value(std::string_view body);
/// The gateway's form of a secret: `{"handle","type","hash","updatedAt","value"}`.
std::string write_secret_data(const ResourceState& row, std::string_view value);
/// `GET /websub-apis/{id}/secrets`: one ResourceState per secret, kind `HmacSecret`, id `artifact/name`.
Result<std::vector<ResourceState>> parse_hmac_secrets(std::string_view body);

struct Existence {
  std::string artifact_id;
  bool exists = false;
};
Result<std::vector<Existence>> parse_exists(std::string_view body);

std::string write_exists_request(const std::vector<std::string>& artifact_ids);
std::string write_fetch_batch_request(const std::vector<std::string>& deployment_ids);

/// The value of the query parameter `since` or `updatedAfter`: UTC with `Z`, milliseconds, URL-encoded. (What comes
/// before it, `since=`, is the caller's.)
std::string since_query(Instant since);
/// One path segment, percent-encoded.
std::string encode_segment(std::string_view text);

struct Manifest {
  std::string version;
  std::string functionality_type;
  std::string policies_json;  ///< A JSON array.
};
std::string write_manifest(const Manifest& manifest);

/// Whether two `data` objects of one kind mean the same to a gateway. Keys, plans and subscriptions: only the members
/// that both channels give are compared, `null` is the same as absent, and times are compared as instants. Other kinds:
/// everything.
bool same_content(std::string_view kind, std::string_view data_a, std::string_view data_b);

/// `stored` with every member that `update` has. Both are JSON objects. For `apikey.updated`.
std::string merge_data(std::string_view stored, std::string_view update);

}  // namespace tether::protocol
