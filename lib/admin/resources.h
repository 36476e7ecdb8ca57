#pragma once

#include <string>

#include "tether/base/result.h"
#include "tether/store/catalogue.h"

/// `/resources`: what is stored, a page at a time. Names, times and states, none of the content.
namespace tether {

/// As it stands in the address. All may be empty.
struct ResourcesAsked {
  std::string name;  ///< An id, handle or name: that alone, with what it refers to and what is pending of it.
  std::string kind;
  std::string state;  ///< One of store::Standing's names; empty: all but `removed`. Not together with a name.
  std::string after;  ///< `next` of the page before.
};

/// The JSON of it. Reject: it cannot be asked so. Retry: the store cannot be read now.
Result<std::string> resources_json(const store::Catalogue& catalogue, const ResourcesAsked& asked);

}  // namespace tether
