#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tether/base/result.h"

namespace tether::peers {

using ResourceKey = std::pair<std::string, std::string>;  ///< (kind, id)

/// Lines that the gateway refuses; an empty member fits every line.
struct Refusal {
  std::string kind;
  std::string id;
  std::string handle;
  std::string document_contains;
  std::string reason = "refused by the test";
};

/// What one line of a body did.
struct Applied {
  bool removed = false;  ///< A `delete`.
  std::string kind;
  std::string id;
  std::string handle;
  std::string reason;         ///< Not empty: it was refused.
  std::string deployed_at{};  ///< As it came; empty for what has none.
};

/// The first line of a body.
struct ConfigHeader {
  bool replaces = false;  ///< PUT
  std::optional<std::string> from_epoch;
  std::int64_t from = 0;
  std::string epoch;
  std::int64_t revision = 0;
  std::int64_t count = 0;
};
/// Reject: it is not such a line; the message says what is wrong.
Result<ConfigHeader> read_config_header(const std::string& line, bool replaces);

/// What a gateway holds. A value; not thread-safe.
struct GatewayConfig {
  std::optional<std::string> epoch;
  std::int64_t revision = 0;
  std::map<ResourceKey, std::string> resources;  ///< Each line as it came, without `op`.
  std::set<std::string> providers_heard_of;      ///< Handles of LlmProviders, also of those that went.
};

/// Collects one body against a configuration, to be applied as a whole at the end. Every line is checked; what breaks
/// the contract of the socket protocol is a violation, what the gateway cannot use is rejected.
class ConfigChange {
 public:
  /// `now` and both lists outlive this and may change between two calls. A line that fits one of `body_refusals` has
  /// the whole body refused.
  ConfigChange(ConfigHeader header, const GatewayConfig& now, const std::vector<Refusal>& refusals,
               const std::vector<Refusal>& body_refusals);

  /// Without its newline.
  void take_line(const std::string& line);
  const ConfigHeader& header() const { return header_; }
  std::int64_t lines() const { return lines_; }

  /// Why the whole body is refused (400): another number of lines than announced, or a line that is no resource.
  std::string refused_whole() const;
  /// Why the whole body is refused although nothing is wrong with it: told so.
  const std::string& told_to_refuse() const { return told_to_refuse_; }
  /// Whether `config` is where a PATCH starts from; a PUT starts anywhere.
  bool starts_from(const GatewayConfig& config) const;
  /// Carries it out. Call once, and not if it is refused whole.
  void apply_to(GatewayConfig& config);
  nlohmann::json rejected() const;
  const std::vector<Applied>& applied() const { return applied_; }
  const std::vector<std::string>& violations() const { return violations_; }

 private:
  void take_put(const nlohmann::json& resource, std::string line);
  void take_delete(const ResourceKey& key);
  std::string why_refused(const nlohmann::json& resource) const;
  void check_shape(const nlohmann::json& resource);
  void check_order_of_put(const nlohmann::json& resource, const ResourceKey& key);
  void check_order_of_delete(const ResourceKey& key);
  void violation(const std::string& sentence);

  const ConfigHeader header_;
  const GatewayConfig& now_;
  const std::vector<Refusal>& refusals_;
  const std::vector<Refusal>& body_refusals_;
  std::int64_t lines_ = 0;
  std::string malformed_;
  std::string told_to_refuse_;
  std::map<ResourceKey, std::string> puts_;
  std::set<ResourceKey> deletes_;
  std::set<ResourceKey> seen_;
  std::set<std::string> providers_;             ///< Handles heard of, with this body.
  std::set<std::string> put_names_;             ///< What a line of this body has put, as others refer to it.
  std::map<std::string, std::string> awaited_;  ///< A reference to what was not put yet → who referred to it.
  std::set<std::string> removed_names_;
  std::vector<Applied> applied_;
  std::vector<std::string> violations_;
};

}  // namespace tether::peers
