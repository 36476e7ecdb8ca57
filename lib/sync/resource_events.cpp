#include <utility>

#include "tether/protocol/json.h"
#include "tether/protocol/kinds.h"
#include "tether/protocol/rest.h"
#include "tether/sync/resources.h"

/// Events about resources that are no artifacts: RULE.md section 13.
namespace tether::sync {
namespace {

bool speaks_about(const ListingScope& scope, const protocol::ResourceState& state) {
  return scope.kind == state.kind && (scope.artifact_id.empty() || scope.artifact_id == state.artifact_id);
}

std::string hint_key(const std::string& kind, const std::string& id) {
  return kind + "/" + id;
}

}  // namespace

void Resources::put_pending(const protocol::Event& event, const std::string& kind, const std::string& id) {
  context_.records.put_pending({event.type, {kind, id}, event.at, event.at, 0});
}

void Resources::list_keys_of(std::string_view artifact_id, const protocol::Event& event) {
  const auto artifact = context_.records.artifact(artifact_id);
  for (const auto& kind : protocol::kArtifactKinds) {
    if (kind.keys_path.empty() || (artifact && artifact->kind != kind.name)) continue;
    // Servers without the experimental part do not have the listings of its kinds.
    const bool common = kind.name == "RestApi" || kind.name == "LlmProvider" || kind.name == "LlmProxy";
    if (!artifact && !common) continue;
    const std::string scope = "keys/" + std::string(kind.name);
    Instant& called_at = context_.memory.keys_called_at[scope];
    called_at = std::max(called_at, event.at);
    context_.memory.planner.want_twice(Call::Keys, scope, context_.now.steady);
  }
}

bool Resources::has_key_list(std::string_view artifact_id) {
  const auto artifact = context_.records.artifact(artifact_id);
  const auto* kind = artifact ? protocol::find_kind(artifact->kind) : nullptr;
  return kind == nullptr || !kind->keys_path.empty();
}

bool Resources::is_history(const protocol::ResourceState& key, const protocol::Event& event) {
  const auto artifact = context_.records.artifact(key.artifact_id);
  if (!artifact || !event.at.is_set()) return false;
  if (event.at <= context_.records.marks().horizon) return true;
  const auto& lists = context_.memory.keys_listed;
  const auto listed = lists.find("keys/" + artifact->kind);
  return listed != lists.end() && event.at < listed->second;
}

void Resources::on_key_created(const protocol::ResourceState& key, const protocol::Event& event) {
  Records& records = context_.records;
  auto stored = records.resource(key.kind, key.id);
  if (stored && !stored->gone) {
    if (key.updated_at.second() < stored->updated_at.second()) {
      records.put_seen(event.type, event.at);
      return;
    }
    const auto body = records.body({key.kind, key.id}, stored->body);
    if (body && protocol::same_content(key.kind, body->document, key.data)) {
      records.put_seen(event.type, event.at);
      return;
    }
    if (key.updated_at.second() == stored->updated_at.second()) list_keys_of(key.artifact_id, event);
  } else if ((stored || is_history(key, event)) && has_key_list(key.artifact_id)) {
    // It was revoked, or absent, or a list has spoken since: this is most likely its creation coming again, and a
    // revoked key must not serve even for the moment that a list takes. Its id is never given again.
    list_keys_of(key.artifact_id, event);
    records.put_seen(event.type, event.at);
    return;
  }
  take(stored ? *stored : fresh(key), key, /*unconfirmed=*/true);
  put_pending(event, key.kind, key.id);
}

void Resources::on_key_updated(const protocol::ResourceState& key, const protocol::Event& event) {
  Records& records = context_.records;
  auto stored = records.key_by_name(key.artifact_id, key.name);
  if (!stored || (stored->body.empty() && has_key_list(key.artifact_id))) {
    // It names no uuid, so there is nothing to store it under, or what it changes cannot be read any more; the kind's
    // list has it (none exists for MCP).
    list_keys_of(key.artifact_id, event);
    records.put_seen(event.type, event.at);
    return;
  }
  const std::int64_t second = key.updated_at.second();
  const auto body = records.body({stored->kind, stored->id}, stored->body);
  // Without a list an update is the last that is said of a key: it stands for what cannot be read any more, since all
  // that lets a request in is in it, and the old key must not serve on.
  const std::string lost = R"({"uuid":)" + protocol::json::quoted(stored->id) + "}";
  const std::string merged = protocol::merge_data(body ? body->document : lost, key.data);
  const bool news =
      second >= stored->updated_at.second() && !(body && protocol::same_content(stored->kind, body->document, merged));
  if (!news) {
    records.put_seen(event.type, event.at);
    return;
  }
  if (second == stored->updated_at.second()) list_keys_of(key.artifact_id, event);
  protocol::ResourceState state = key;
  state.id = stored->id;
  state.data = merged;
  const std::string id = stored->id;
  take(std::move(*stored), state, /*unconfirmed=*/true);
  put_pending(event, key.kind, id);
}

void Resources::on_key_revoked(const protocol::KeyRevoked& key, const protocol::Event& event) {
  auto stored = context_.records.key_by_name(key.artifact_id, key.name);
  if (!stored) {
    // Its creation was not heard. A list that is asked now may be older than this, and bring it.
    list_keys_of(key.artifact_id, event);
    context_.records.put_seen(event.type, event.at);
    return;
  }
  // A name is one key's at a time: another one that has it was revoked before, and that was not heard.
  for (; stored; stored = context_.records.key_by_name(key.artifact_id, key.name)) {
    put_pending(event, stored->kind, stored->id);
    remove(*stored);
    clear_pending_if_answered({stored->kind, stored->id});
  }
  list_keys_of(key.artifact_id, event);  // the event carries no time: the list has the last word
}

void Resources::on_application(const protocol::ResourceState& application, const protocol::Event& event) {
  Records& records = context_.records;
  auto stored = records.resource(application.kind, application.id);
  if (stored && !stored->gone) {
    const auto body = records.body({application.kind, application.id}, stored->body);
    if (body && protocol::same_content(application.kind, body->document, application.data)) {
      records.put_seen(event.type, event.at);
      return;
    }
  }
  take(stored ? *stored : fresh(application), application, /*unconfirmed=*/true);
  put_pending(event, application.kind, application.id);
}

void Resources::hint(const protocol::ResourceState& state, bool deleted) {
  Memory& memory = context_.memory;
  const std::string key = hint_key(state.kind, state.id);
  if (memory.hints.size() >= kMaxHints && !memory.hints.contains(key)) return;  // the listing alone will do
  const Hint& hint = memory.hints[key] = Hint{state, deleted, /*lacked=*/false, context_.records.next_change()};
  context_.records.put_hint(hint);
}

void Resources::on_subscription(const protocol::ResourceState& subscription, bool deleted,
                                const protocol::Event& event) {
  Records& records = context_.records;
  const auto artifact = records.artifact(subscription.artifact_id);
  put_pending(event, subscription.kind, subscription.id);
  if (!artifact || artifact->kind == "RestApi") {
    hint(subscription, deleted);
    ask_about(subscription);
    return;
  }
  // No list shows subscriptions of other kinds: the order of arrival is all there is.
  auto stored = records.resource(subscription.kind, subscription.id);
  if (!deleted) {
    take(stored ? *stored : fresh(subscription), subscription, /*unconfirmed=*/true);
  } else {
    if (stored && !stored->gone) remove(*stored);
    clear_pending_if_answered({subscription.kind, subscription.id});
  }
}

void Resources::on_plan(const protocol::ResourceState& plan, bool deleted, const protocol::Event& event) {
  put_pending(event, plan.kind, plan.id);
  hint(plan, deleted);
  ask_about(plan);
}

void Resources::on_hmac_secret(const protocol::HmacSecretChanged& secret, const protocol::Event& event) {
  const std::string id = secret.artifact_id + "/" + secret.name;
  put_pending(event, std::string(protocol::kHmacSecret), id);
  protocol::ResourceState state;
  state.kind = protocol::kHmacSecret;
  state.id = id;
  state.artifact_id = secret.artifact_id;
  if (secret.deleted) {
    hint(state, /*deleted=*/true);
    return ask_about(state);
  }
  const auto& now = context_.now.steady;
  context_.memory.planner.want_twice(Call::HmacSecrets, scope_of_artifact(Call::HmacSecrets, secret.artifact_id), now);
}

void Resources::ask_about(const protocol::ResourceState& state, Duration after) {
  Planner& planner = context_.memory.planner;
  const TimePoint at = context_.now.steady + after;
  if (state.kind == protocol::kSubscription) {
    planner.want(Call::Subscriptions, scope_of_artifact(Call::Subscriptions, state.artifact_id), at);
  } else if (state.kind == protocol::kHmacSecret) {
    planner.want(Call::HmacSecrets, scope_of_artifact(Call::HmacSecrets, state.artifact_id), at);
  } else {
    planner.want(Call::Plans, "plans", at);
  }
}

void Resources::follow_hints() {
  const auto before = std::exchange(context_.memory.hints, {});
  for (Hint& hint : context_.records.hints()) {
    ask_about(hint.state);
    const std::string key = hint_key(hint.state.kind, hint.state.id);
    if (const auto known = before.find(key); known != before.end()) hint.lacked_at = known->second.lacked_at;
    context_.memory.hints.emplace(key, std::move(hint));
  }
}

bool Resources::has_lost_hint(const protocol::Event& event) {
  Key key;
  if (const auto* changed = std::get_if<protocol::SubscriptionChanged>(&event.body)) {
    key = {std::string(protocol::kSubscription), changed->subscription.id};
  } else if (const auto* deleted = std::get_if<protocol::SubscriptionDeleted>(&event.body)) {
    key = {std::string(protocol::kSubscription), deleted->subscription_id};
  } else if (const auto* plan = std::get_if<protocol::PlanChanged>(&event.body)) {
    key = {std::string(protocol::kSubscriptionPlan), plan->plan.id};
  } else if (const auto* gone = std::get_if<protocol::PlanDeleted>(&event.body)) {
    key = {std::string(protocol::kSubscriptionPlan), gone->plan_id};
  } else {
    return false;
  }
  // What is stored of it and not with the gateway yet is pending as well, and was taken.
  return !context_.memory.hints.contains(hint_key(key.kind, key.id)) && context_.records.is_pending(event.type, key) &&
         !is_unanswered(key);
}

bool Resources::is_unanswered(const Key& key) {
  const auto stored = context_.records.resource(key.kind, key.id);
  return stored && (stored->waiting || stored->offering.revision > context_.records.marks().answered.revision);
}

void Resources::clear_pending_if_answered(const Key& key) {
  if (!is_unanswered(key)) context_.records.clear_pending(key);
}

void Resources::forget_settled_pending() {
  context_.records.visit_pending_resources([this](const Key& key) {
    if (!context_.memory.hints.contains(hint_key(key.kind, key.id))) clear_pending_if_answered(key);
  });
}

bool Resources::shows(const Hint& hint, bool unseen) {
  if (hint.deleted || unseen) return hint.deleted == unseen;
  Records& records = context_.records;
  const auto stored = records.resource(hint.state.kind, hint.state.id);
  const auto body = stored ? records.body({stored->kind, stored->id}, stored->body) : std::nullopt;
  if (!body) return false;
  const std::string merged = protocol::merge_data(body->document, hint.state.data);
  return protocol::same_content(stored->kind, body->document, merged);
}

bool Resources::is_made_anew(const Hint& hint, bool unseen) {
  if (!hint.deleted || unseen) return false;
  const auto stored = context_.records.resource(hint.state.kind, hint.state.id);
  return stored && !stored->gone && stored->changed >= hint.change;
}

void Resources::settle_hints(const ListingScope& scope, const Asked& asked) {
  auto& hints = context_.memory.hints;
  for (auto it = hints.begin(); it != hints.end();) {
    Hint& hint = it->second;
    if (hint.change > asked.change || !speaks_about(scope, hint.state)) {
      ++it;
      continue;
    }
    // What an event has just done may not be shown yet: asked once more, and then the list has the last word.
    const bool unseen = !context_.records.was_seen(asked.scope, hint.state.id);
    const bool is_shown = is_made_anew(hint, unseen) || shows(hint, unseen);
    if (!is_shown && !std::exchange(hint.lacked, true)) {
      hint.lacked_at = context_.now.steady;
      hint.change = context_.records.next_change();
      context_.records.put_hint(hint);
      ask_about(hint.state, kConfirmAfter);
      ++it;
      continue;
    }
    // Another one that something else called for, and too soon.
    if (!is_shown && asked.when < hint.lacked_at + kConfirmAfter) {
      ask_about(hint.state, hint.lacked_at + kConfirmAfter - context_.now.steady);
      ++it;
      continue;
    }
    // An explicit `deleted` and a listing asked after it that lacks the row are two statements.
    if (hint.deleted) {
      auto stored = context_.records.resource(hint.state.kind, hint.state.id);
      if (stored && !stored->gone && unseen && stored->changed <= asked.change) remove(*stored);
    }
    const Key key{hint.state.kind, hint.state.id};
    it = hints.erase(it);
    context_.records.drop_hint(key);
    clear_pending_if_answered(key);
  }
}

void Resources::apply_hints(const ListingScope& scope) {
  auto& hints = context_.memory.hints;
  for (auto it = hints.begin(); it != hints.end();) {
    const Hint hint = it->second;
    if (!speaks_about(scope, hint.state)) {
      ++it;
      continue;
    }
    it = hints.erase(it);
    context_.records.drop_hint({hint.state.kind, hint.state.id});
    auto stored = context_.records.resource(hint.state.kind, hint.state.id);
    if (hint.deleted) {
      if (stored && !stored->gone) remove(*stored);
    } else {
      take(stored ? *stored : fresh(hint.state), hint.state, /*unconfirmed=*/true);
    }
    clear_pending_if_answered({hint.state.kind, hint.state.id});
  }
}

void Resources::end_with(const std::string& artifact_id, std::int64_t up_to) {
  auto& hints = context_.memory.hints;
  for (auto it = hints.begin(); it != hints.end();) {
    const Key key{it->second.state.kind, it->second.state.id};
    if (it->second.state.artifact_id != artifact_id || it->second.change > up_to) {
      ++it;
      continue;
    }
    it = hints.erase(it);
    context_.records.drop_hint(key);
    clear_pending_if_answered(key);
  }
  for (const Key& key : context_.records.resources_of(artifact_id)) {
    auto resource = context_.records.resource(key.kind, key.id);
    if (resource && resource->changed <= up_to) remove(*resource);
  }
}

}  // namespace tether::sync
