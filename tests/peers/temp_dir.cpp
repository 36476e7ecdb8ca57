#include "tether/peers/temp_dir.h"

#include <cstdlib>
#include <fstream>

#include "tether/base/check.h"

namespace tether::peers {

TempDir::TempDir() {
  std::string name = (std::filesystem::temp_directory_path() / "tether-XXXXXX").string();
  check(mkdtemp(name.data()) != nullptr, "a temporary folder can be made");
  path_ = name;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TempDir::write(const std::string& name, const std::string& content) const {
  std::ofstream(file(name), std::ios::binary) << content;
  return file(name);
}

}  // namespace tether::peers
