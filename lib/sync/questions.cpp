#include "tether/sync/questions.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "tether/protocol/kinds.h"
#include "tether/protocol/rest.h"
#include "tether/sync/listings.h"
#include "tether/sync/rule.h"

namespace tether::sync {
namespace {

constexpr Duration kFirstHold = 5s;
constexpr Duration kFirstExistsHold = 1s;
constexpr Duration kFirstFetchHold = 1s;
constexpr Duration kLongestHold = 300s;
/// What was answered so often without it is not waited for any more.
constexpr int kDoesNotCome = 3;
/// After a batch that failed, before the next one.
constexpr Duration kFetchPause = 500ms;
constexpr const char* kTooLargeByItself =
    "the document is larger than limits.max_document_bytes and limits.max_archive_bytes allow";

std::string question_key(const std::string& artifact_id) {
  return "exists/" + artifact_id;
}

std::string value_key(const std::string& handle) {
  return "secret/" + handle;
}

bool is_held(const Memory& memory, const std::string& key, TimePoint now) {
  const auto held = memory.held_fetches.find(key);
  return held != memory.held_fetches.end() && held->second.until > now;
}

/// False: more is missing than is worth telling apart.
bool hold(Memory& memory, const std::string& key, TimePoint now, Duration first = kFirstHold) {
  if (memory.held_fetches.size() >= kMaxHeldFetches) {
    // What has not been asked about since its pause ended is not wanted any more.
    std::erase_if(memory.held_fetches, [now](const auto& entry) { return entry.second.until + kLongestHold < now; });
  }
  if (memory.held_fetches.size() >= kMaxHeldFetches && !memory.held_fetches.contains(key)) return false;
  HeldFetch& held = memory.held_fetches[key];
  Duration wait = first;
  for (int i = 0; i < held.failures && wait < kLongestHold; ++i) wait *= 2;
  ++held.failures;
  held.until = now + std::min(wait, kLongestHold);
  return true;
}

/// What was answered without it is not asked for without a pause, if need be of the call itself.
void hold_or_pause(Memory& memory, Call call, const std::string& key, TimePoint now, Duration first = kFirstHold) {
  if (!hold(memory, key, now, first)) memory.planner.pause_follow_up(call, now + kLongestHold);
}

/// Notes that it was answered without what was asked for; true the first time.
bool note_lacking(Memory& memory, const std::string& key) {
  const auto held = memory.held_fetches.find(key);
  return held != memory.held_fetches.end() && ++held->second.lacking == 1;
}

/// A batch may lack once what the next one has.
bool does_not_come(const Memory& memory, const std::string& key) {
  const auto held = memory.held_fetches.find(key);
  return held != memory.held_fetches.end() && held->second.lacking >= kDoesNotCome;
}

/// How often a document was asked for in vain.
int failures_of(const Memory& memory, const std::string& deployment_id) {
  const auto held = memory.held_fetches.find(deployment_id);
  return held == memory.held_fetches.end() ? 0 : held->second.failures;
}

/// Documents that were never asked for in vain first, and only such together as failed equally often, of these at most
/// half, in batches that are half as large each time: one that spoils its batch soon is asked for alone, and holds up
/// no other.
Asked next_batch(Context& context) {
  Memory& memory = context.memory;
  std::set<std::string> under_way;
  for (const auto& [number, request] : memory.requests) {
    if (request.call == Call::FetchBatch) under_way.insert(request.ids.begin(), request.ids.end());
  }
  std::map<int, Asked> by_failures;
  const std::size_t limit = memory.batch_size + memory.held_fetches.size() + under_way.size();
  for (const auto& [artifact_id, deployment_id] : context.records.without_document(limit)) {
    if (under_way.contains(deployment_id)) continue;
    if (is_held(memory, deployment_id, context.now.steady)) continue;
    Asked& asked = by_failures[failures_of(memory, deployment_id)];
    asked.ids.push_back(deployment_id);
    asked.artifacts.push_back(artifact_id);
  }
  if (by_failures.empty()) return {};
  auto& [failures, asked] = *by_failures.begin();
  const std::size_t most = failures == 0
                               ? memory.batch_size
                               : std::min(memory.batch_size >> std::min(failures, 8), (asked.ids.size() + 1) / 2);
  asked.ids.resize(std::clamp<std::size_t>(most, 1, asked.ids.size()));
  asked.artifacts.resize(asked.ids.size());
  asked.call = Call::FetchBatch;
  return asked;
}

void ask_documents(Context& context) {
  Memory& memory = context.memory;
  if (!memory.planner.may_follow_up(Call::FetchBatch, context.now.steady)) return;
  Asked asked = next_batch(context);
  if (asked.ids.empty()) return;
  memory.planner.start_follow_up(Call::FetchBatch);
  std::string body = protocol::write_fetch_batch_request(asked.ids);
  send_request(context, std::move(asked), "POST", "/deployments/fetch-batch", std::move(body));
}

void ask_existence(Context& context) {
  if (!context.memory.planner.may_follow_up(Call::Exists, context.now.steady)) return;
  Asked asked;
  asked.call = Call::Exists;
  const Memory& memory = context.memory;
  for (std::string& id : context.records.with_question(kMaxExistsAtOnce + memory.held_fetches.size())) {
    if (asked.ids.size() == kMaxExistsAtOnce) break;
    if (!is_held(memory, question_key(id), context.now.steady)) asked.ids.push_back(std::move(id));
  }
  if (asked.ids.empty()) return;
  context.memory.planner.start_follow_up(Call::Exists);
  std::string body = protocol::write_exists_request(asked.ids);
  send_request(context, std::move(asked), "POST", "/artifacts/exists", std::move(body));
}

void ask_value(Context& context, const std::string& handle) {
  Asked asked;
  asked.call = Call::SecretValue;
  asked.ids = {handle};
  context.memory.planner.start_follow_up(Call::SecretValue);
  send_request(context, std::move(asked), "GET", "/secrets/" + protocol::encode_segment(handle) + "/value", "");
}

/// A handle whose value one answer alone has given, if it is time to ask for it again. The list must have named its
/// hash once more by then: both values may belong to the next one.
std::optional<std::string> next_unconfirmed(Context& context) {
  Memory& memory = context.memory;
  auto& unconfirmed = memory.unconfirmed;
  bool lacks_list = false;
  for (auto one = unconfirmed.begin(); one != unconfirmed.end();) {
    if (one->second.due > context.now.steady || is_held(memory, value_key(one->first), context.now.steady)) {
      ++one;
      continue;
    }
    const auto secret = context.records.resource(protocol::kSecret, one->first);
    if (!secret || secret->gone || !secret->unconfirmed) {
      one = unconfirmed.erase(one);
      continue;
    }
    if (std::max(memory.secrets_listed, one->second.named) > one->second.taken) {
      one->second.due = context.now.steady + kConfirmAfter;
      return one->first;
    }
    lacks_list |= memory.secrets_wanted <= one->second.taken;
    ++one;
  }
  if (lacks_list) {
    memory.secrets_wanted = context.now.steady;
    memory.planner.want(Call::Secrets, "secrets", context.now.steady);
  }
  return std::nullopt;
}

void ask_values(Context& context) {
  Memory& memory = context.memory;
  if (!memory.planner.may_follow_up(Call::SecretValue, context.now.steady)) return;
  for (const std::string& handle : context.records.without_value(1 + memory.held_fetches.size())) {
    if (!is_held(memory, value_key(handle), context.now.steady)) return ask_value(context, handle);
  }
  if (const auto handle = next_unconfirmed(context)) ask_value(context, *handle);
}

/// Damaged or failed: what came whole is stored, the rest waits for itself, longer each time. Others wait a moment.
void hold_batch(Context& context, const Asked& asked, const RequestOutcome& outcome) {
  const TimePoint now = context.now.steady;
  for (std::size_t i = 0; i < asked.ids.size(); ++i) {
    const auto artifact = context.records.artifact(asked.artifacts[i]);
    const bool lacking = artifact && artifact->wanted == Wanted::Deployed && artifact->deployment_id == asked.ids[i] &&
                         artifact->fetched != asked.ids[i];
    // Without room for it the pause below is all: a short failure must not become a long one.
    if (lacking) static_cast<void>(hold(context.memory, asked.ids[i], now, kFirstFetchHold));
  }
  context.memory.planner.pause_follow_up(asked.call, now + std::max(kFetchPause, outcome.retry_after.value_or(0s)));
}

/// The answer was larger than the limits allow. What was in it up to there is stored; the rest is asked in smaller
/// batches, until the one document is found that is too large by itself.
void shrink_batch(Context& context, const Asked& asked) {
  if (asked.ids.size() > 1) {
    context.memory.batch_size = asked.ids.size() / 2;
    return;
  }
  auto artifact = context.records.artifact(asked.artifacts.front());
  const bool wanted = artifact && artifact->wanted == Wanted::Deployed &&
                      artifact->deployment_id == asked.ids.front() && artifact->fetched != asked.ids.front();
  if (wanted) context.offers.refuse(*artifact, kTooLargeByItself);
}

}  // namespace

void send_request(Context& context, Asked asked, std::string method, std::string path, std::string body) {
  Memory& memory = context.memory;
  asked.change = context.records.last_change();
  asked.when = context.now.steady;
  asked.when_ms = context.link_ms();
  const std::uint64_t number = memory.next_request++;
  context.commands.emplace_back(
      SendRequest{number, asked.call, asked.scope, std::move(method), std::move(path), std::move(body)});
  memory.requests.emplace(number, std::move(asked));
}

void ask_follow_ups(Context& context) {
  ask_documents(context);
  ask_existence(context);
  ask_values(context);
}

void end_batch(Context& context, const Asked& asked, const RequestOutcome& outcome) {
  if (outcome.too_large) return shrink_batch(context, asked);
  if (!outcome.complete) return hold_batch(context, asked, outcome);
  context.memory.batch_size = std::min(context.memory.batch_size * 2, protocol::kMaxBatchDeployments);
  bool lacking = false;
  for (std::size_t i = 0; i < asked.ids.size(); ++i) {
    const auto artifact = context.records.artifact(asked.artifacts[i]);
    const bool came = !artifact || artifact->wanted != Wanted::Deployed || artifact->deployment_id != asked.ids[i] ||
                      artifact->fetched == asked.ids[i] ||
                      (artifact->offering.refused && artifact->offering.refused->version == wanted_version(*artifact));
    if (came) continue;  // or is not wanted any more
    // A listing once: if it is still wanted then, asking again and again would change nothing.
    hold_or_pause(context.memory, asked.call, asked.ids[i], context.now.steady);
    lacking |= note_lacking(context.memory, asked.ids[i]);
  }
  if (lacking) context.doubt();
}

bool lacks_only_what_does_not_come(Records& records, const Memory& memory) {
  const std::size_t limit = memory.held_fetches.size() + 1;
  const auto documents = records.without_document(limit);
  const auto values = records.without_value(limit);
  if (documents.size() + values.size() >= limit) return false;  // one at least was not asked for, or is under way
  const bool documents_held =
      std::all_of(documents.begin(), documents.end(),
                  [&memory](const WantedDocument& document) { return does_not_come(memory, document.deployment_id); });
  return documents_held && std::all_of(values.begin(), values.end(), [&memory](const std::string& handle) {
           return does_not_come(memory, value_key(handle));
         });
}

void hold_unanswered(Context& context, const Asked& asked) {
  for (const std::string& id : asked.ids) {
    const auto artifact = context.records.artifact(id);
    const bool open = artifact && artifact->question != Question::None && artifact->question_change <= asked.change;
    if (open) hold_or_pause(context.memory, asked.call, question_key(id), context.now.steady, kFirstExistsHold);
    if (!open) context.memory.held_fetches.erase(question_key(id));
  }
}

void end_value(Context& context, const Asked& asked, const RequestOutcome& outcome) {
  Memory& memory = context.memory;
  const std::string key = value_key(asked.ids.front());
  if (outcome.complete) {
    memory.held_fetches.erase(key);
  } else if (is_answered(asked.call, outcome)) {
    hold_or_pause(memory, asked.call, key, context.now.steady);
    note_lacking(memory, key);
  } else {
    // All of them wait; then others come first: it may be this one alone that fails.
    static_cast<void>(hold(memory, key, context.now.steady));
  }
}

}  // namespace tether::sync
