#include "tether/admin/resources.h"

#include "tether/admin/json_values.h"

namespace tether {
namespace {

OrderedJson refused(const store::CatalogueEntry& entry) {
  if (!entry.refused) return {};
  return {{"reason", entry.refused_reason},
          {"since", time_or_null(entry.refused_since)},
          {"next_try", time_or_null(entry.next_try)}};
}

/// What only artifacts have.
void add_deployment(const store::CatalogueEntry& entry, OrderedJson& out) {
  out["deployment_id"] = text_or_null(entry.deployment_id);
  out["by_absence"] = entry.by_absence;
  out["offered_deployment_id"] = text_or_null(entry.offered_version);
  out["good_deployment_id"] = text_or_null(entry.good_version);
  out["verdict"] = text_or_null(entry.verdict);
  out["ack_waits"] = entry.ack_waits;
}

void add_details(const store::CatalogueEntry& entry, OrderedJson& out) {
  out["refers_to"] = OrderedJson::array();
  for (const auto& to : entry.refers_to) {
    out["refers_to"].push_back({{"kind", to.kind}, {"name", to.name}, {"offered", to.offered}});
  }
  out["events"] = OrderedJson::array();
  for (const auto& event : entry.pending) {
    out["events"].push_back({{"type", event.type}, {"at", time_or_null(event.at)}, {"in_doubt", event.in_doubt}});
  }
}

std::string line_of(const store::CatalogueEntry& entry, bool with_details) {
  OrderedJson out = {{"kind", entry.kind},
                     {"id", entry.id},
                     {"name", text_or_null(entry.name)},
                     {"artifact_id", text_or_null(entry.artifact_id)},
                     {"state", store::name_of(entry.standing)},
                     {"wanted_since", time_or_null(entry.wanted_at)},
                     {"has_content", entry.has_content},
                     {"lost", entry.lost},
                     {"revision", entry.revision},
                     {"answered", entry.answered},
                     {"refused", refused(entry)},
                     {"held_by", text_or_null(entry.held_by)},
                     {"doubted", entry.is_doubted},
                     {"asked_for", entry.is_asked_for},
                     {"gone_since", time_or_null(entry.gone_since)}};
  if (entry.is_artifact) add_deployment(entry, out);
  if (with_details) add_details(entry, out);
  return out.dump(-1, ' ', /*ensure_ascii=*/false, OrderedJson::error_handler_t::replace);
}

std::string quoted_or_null(const std::string& text) {
  return text_or_null(text).dump(-1, ' ', /*ensure_ascii=*/false, OrderedJson::error_handler_t::replace);
}

}  // namespace

Result<std::string> resources_json(const store::Catalogue& catalogue, const ResourcesAsked& asked) {
  store::CatalogueQuery query{asked.kind, std::nullopt, asked.after};
  if (!asked.state.empty()) {
    query.standing = store::standing_named(asked.state);
    if (!query.standing) return fail(ErrorKind::Reject, "there is no state of that name");
  }
  const bool one = !asked.name.empty();
  const auto page = one ? catalogue.find(asked.name, asked.kind) : catalogue.page(query);
  if (!page) return tl::unexpected(page.error());
  // Line by line: what is made of a page must not be many times as large as its text.
  std::string out = R"({"gateway":{"instance":)" + quoted_or_null(page->instance) +
                    ",\"revision\":" + std::to_string(page->answered_revision) + "},\n\"resources\":[";
  const char* before = "\n";
  for (const auto& entry : page->entries) {
    out += before + line_of(entry, one);
    before = ",\n";
  }
  return out + "\n],\n\"next\":" + quoted_or_null(page->next) + "}\n";
}

}  // namespace tether
