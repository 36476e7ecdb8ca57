#pragma once

#include <map>
#include <string>
#include <vector>

namespace tether {

/// A value in the settings file, not yet understood.
struct FileValue {
  std::string text;
  int line = 0;  ///< From 1.
};

/// A settings file taken apart, by `section.key`. Values that are null or empty are left out: they are unset.
struct SettingsFile {
  std::map<std::string, FileValue> values;
  std::vector<std::string> mistakes;
};

/// Reads a YAML file of at most kMaxSettingsFileBytes with sections of plain values. Mistakes: what cannot be read or
/// is not YAML (they begin with `asked_by`, or with `path:line`), and unknown keys, keys given twice and values that
/// are no plain text (they begin with the key). No value is repeated in them.
SettingsFile read_settings_file(const std::string& path, const std::string& asked_by);

/// `control_plane.url (tetherd.yaml:4)`: a key as it was given.
std::string name_in_file(const std::string& key, const std::string& path, int line);

}  // namespace tether
