#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "scene.h"

/// What a gateway should hold by the control plane's own database, in short enough a form to be compared.
namespace tether::test {

/// (kind, id) to what must be the same on both sides: deployment and document, hashes, values, plan and status.
using Held = std::map<std::pair<std::string, std::string>, std::string>;

/// Everything but applications, which no list of the control plane shows.
Held desired_by(ControlPlane& control_plane);
Held held_by(const Gateway& gateway);

/// One sentence for each resource in which what is held differs from what is desired, and not more than a reader takes
/// in. Secrets to which nothing refers any more may stay.
std::vector<std::string> differences_between(const Held& desired, const Held& held);
std::vector<std::string> differences(Scene& scene);

/// Waits until there are none. Otherwise a failed check names them.
bool gateway_comes_to_agree(Scene& scene, Duration limit = kPatience);

/// Waits until every deployment's newest operation was acknowledged with success, and matched.
bool all_come_to_be_acknowledged(Scene& scene, Duration limit = kPatience);

}  // namespace tether::test
