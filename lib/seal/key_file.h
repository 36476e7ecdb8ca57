#pragma once

#include <string>
#include <vector>

#include "tether/base/result.h"
#include "tether/base/secret.h"

namespace tether::seal {

/// Where the material of a key is.
struct KeyFile {
  std::string path;
  bool is_ours = false;   ///< We made it: its mode is mended, and a damaged one is replaced.
  bool may_make = false;  ///< One that is not there is made.
  bool durable = true;    ///< One that is made is on the disk when it is used.
};

struct LoadedKey {
  Secret material;
  std::vector<std::string> notes;  ///< For the operator: what was done, or is not as it should be.
};

/// Reads the file whole: kMinMaterialBytes to kMaxMaterialBytes, all of which count, line ends too. One that is made
/// holds 64 random hexadecimal digits and has the mode 0600; it is there whole or not at all.
/// Retry: it cannot be read, made, or used; the message names it and says why. File I/O on the calling thread.
Result<LoadedKey> load_key(const KeyFile& file);

}  // namespace tether::seal
