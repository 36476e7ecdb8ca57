#include <algorithm>
#include <iterator>
#include <utility>

#include "instance.h"
#include "world.h"

/// What meets by chance in one world of thousands is made to meet here.
namespace tether::sim {

/// So long after a key was revoked its list may be read from a replica that does not know of it.
constexpr Duration kReplicaLag = 2s;
/// So long what goes by the questions of one daemon is not delayed again.
constexpr Duration kMeetsAgain = 2min;

/// The list that the revocation of a key calls for is older than the revocation.
bool Instance::reads_what_was(const sync::SendRequest& request, Random& random) const {
  if (request.call != sync::Call::Keys) return false;
  const TimePoint now = world_.steady();
  const bool was_revoked = std::any_of(seen.revoked.begin(), seen.revoked.end(), [&](const auto& one) {
    return one.second.connection == connection_ && now - one.second.heard < kReplicaLag;
  });
  return was_revoked && random.chance(30);
}

/// What happens at the control plane while this is answered; how much longer the answer takes.
Duration Instance::meet(const sync::SendRequest& request, Random random) {
  if (!world_.is_faulty()) return {};
  if (request.call == sync::Call::FetchBatch && has(Trouble::Emptied) && random.chance(80)) {
    // What the listings lack already may come into service while it is asked whether it exists; also on a link on which
    // everything is listed anew.
    if (random.chance(20)) {
      world_.at(world_.steady() + random.between(10ms, 1s), [this, mine = connection_] {
        if (mine == connection_ && open_) cut(/*half_open=*/false);
      });
    }
    return random.between(15s, 50s);
  }
  if (request.call == sync::Call::Exists && has(Trouble::Emptied)) return random.between(5s, 25s);
  const bool met = world_.steady() - seen.met_until < kMeetsAgain;
  if (request.call == sync::Call::Exists && !met && random.chance(20)) {
    world_.delete_meanwhile(ids_in(request.body).front(), random);
    return random.between(3s, 8s);
  }
  const bool begins_a_round =
      request.call == sync::Call::Deployments && std::exchange(seen.met_on, connection_) != connection_;
  if (begins_a_round && random.chance(5)) {
    // The list that says which keys there are is the last of its round, and one of them has changed meanwhile.
    world_.change_unlisted_key(random);
    return random.between(3s, 8s);
  }
  if (request.call == sync::Call::Deployments && !met && random.chance(5)) {
    world_.stop_meanwhile(random);
    return random.between(3s, 8s);
  }
  if (request.call == sync::Call::SecretValue && random.below(300) == 0) {
    world_.rotate_in_vain(secret_of(request.path), random);
  }
  return {};
}

/// It existed when the question was answered, and does not when the answer is there.
void World::delete_meanwhile(const std::string& id, Random random) {
  at(now_ + random.between(1ms, 2s), [this, id, random] {
    if (!faulty_) return;
    owner(id).end(id, random, now_);
    note_wishes();
  });
}

void World::change_unlisted_key(Random random) {
  present().change_unlisted_key(random, now_);
  note_wishes();
}

/// What was changed last is in the list as it was, stopped when that arrives, and deployed again.
void World::stop_meanwhile(Random random) {
  at(now_ + random.between(1ms, 1s), [this, random]() mutable {
    auto& peer = present();
    if (!faulty_) return;
    const auto id = peer.stop_last(random, now_);
    note_wishes();
    if (!id) return;
    at(now_ + random.between(1s, 2s), [this, &peer, id = *id, random]() mutable {
      if (!faulty_) return;
      if (const auto due = peer.deploy_anew(id, Random(random.next()), now_)) commit_at(*due, &peer);
      note_wishes();
    });
  });
}

/// Somebody deploys anew what a list has just been emptied of.
void World::deploy_one_of(const std::set<std::string>& ids) {
  Random random = chance_of("anew");
  const std::string id = *std::next(ids.begin(), static_cast<std::ptrdiff_t>(random.below(ids.size())));
  at(now_ + random.between(1s, 20s), [this, id, random]() mutable {
    if (!faulty_) return;
    auto& peer = owner(id);
    if (const auto due = peer.deploy_anew(id, Random(random.next()), now_, /*refused=*/0)) commit_at(*due, &peer);
    note_wishes();
  });
}

/// No list shows a rotation that is taken back, with all of the database, before the next.
void World::rotate_in_vain(const std::string& handle, Random random) {
  auto& peer = owner(handle);
  const TimePoint rotated = now_;
  note("users give " + handle + " another value, in vain");
  peer.rotate(handle, random, now_);
  note_wishes();
  at(now_ + random.between(11s, 16s), [this, &peer, rotated] {
    if (!faulty_) return;
    peer.take_back(now_, now_ - rotated);
    note_wishes(/*taken_back=*/true);
  });
}

}  // namespace tether::sim
