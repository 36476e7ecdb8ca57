#pragma once

#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tether/settings/settings.h"

namespace tether {

/// A folder that goes with the test.
class Folder {
 public:
  Folder() {
    std::string path = std::filesystem::temp_directory_path() / "tether-settings-XXXXXX";
    REQUIRE(::mkdtemp(path.data()) != nullptr);
    path_ = path;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string path(const std::string& name) const { return path_ / name; }
  std::string write(const std::string& name, const std::string& content) const {
    std::ofstream(path(name), std::ios::binary) << content;
    return path(name);
  }

 private:
  std::filesystem::path path_;
};

using Variables = std::map<std::string, std::string>;

inline Environment environment_of(const Variables& variables) {
  return [variables](const std::string& name) -> std::optional<std::string> {
    const auto it = variables.find(name);
    if (it == variables.end()) return std::nullopt;
    return it->second;
  };
}

inline LoadedSettings load(const Variables& variables, const std::optional<std::string>& path = std::nullopt) {
  return load_settings(environment_of(variables), path);
}

/// The settings; the test fails if there are mistakes.
inline Settings load_good(const Variables& variables, const std::optional<std::string>& path = std::nullopt) {
  const LoadedSettings loaded = load(variables, path);
  CAPTURE(loaded.mistakes);
  REQUIRE(loaded.settings.has_value());
  CHECK(loaded.mistakes.empty());
  return *loaded.settings;
}

/// The one mistake there is; the test fails if there are none or more.
inline std::string load_bad(const Variables& variables, const std::optional<std::string>& path = std::nullopt) {
  const LoadedSettings loaded = load(variables, path);
  CAPTURE(loaded.mistakes);
  CHECK_FALSE(loaded.settings.has_value());
  REQUIRE(loaded.mistakes.size() == 1);
  CHECK(loaded.mistakes.front().find('\n') == std::string::npos);
  return loaded.mistakes.front();
}

}  // namespace tether
