#pragma once

#include <span>
#include <string_view>

namespace tether::peers {

/// How one kind of artifact is spelled on each of the protocol's channels (protocol sections 2.4, 3.1, 4.3, 4.5, 4.6).
struct Kind {
  std::string_view name;          ///< `RestApi`: listings and documents.
  std::string_view event_prefix;  ///< `api`: event types, and `resourceType` in acks.
  std::string_view id_member;     ///< `apiId`: the artifact's UUID in event payloads.
  std::string_view rest_folder;   ///< `apis`: the REST path of one artifact and of its kind's API keys.
  std::string_view batch_prefix;  ///< `api`: file names in a batch archive.
  std::string_view zip_prefix;    ///< `api`: the entry's name in the archive of one artifact.
  bool keys_are_listed;           ///< Whether `GET /<rest_folder>/api-keys` exists.
};

/// All six, in the order in which a deployment listing sorts them.
std::span<const Kind> kinds();

/// Nullptr if there is no such kind.
const Kind* kind_named(std::string_view name);
const Kind* kind_of_folder(std::string_view rest_folder);

}  // namespace tether::peers
