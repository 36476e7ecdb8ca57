#include "tether/seal/key_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

using namespace tether;
using namespace tether::seal;

namespace fs = std::filesystem;

namespace {

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "tether-seal-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string file(const std::string& name) const { return path_ / name; }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(file(name), std::ios::binary) << text;
    ::chmod(file(name).c_str(), 0600);
    return file(name);
  }

 private:
  fs::path path_;
};

unsigned mode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 0777U;
}

KeyFile ours(const std::string& path) {
  return {path, /*is_ours=*/true, /*may_make=*/true, /*durable=*/true};
}
KeyFile given(const std::string& path) {
  return {path, /*is_ours=*/false, /*may_make=*/true, /*durable=*/true};
}
KeyFile credential(const std::string& path) {
  return {path, /*is_ours=*/false, /*may_make=*/false, /*durable=*/true};
}

}  // namespace

TEST_CASE("a key that is not there is made for its owner alone, whatever the umask, and is the same from then on") {
  const Folder folder;
  const mode_t before = ::umask(0);

  const auto made = load_key(ours(folder.file("secrets.key")));

  ::umask(before);
  REQUIRE(made);
  CHECK(made->material.reveal().size() == 65);
  CHECK(mode_of(folder.file("secrets.key")) == 0600);
  CHECK_FALSE(fs::exists(folder.file("secrets.key.new")));
  const auto again = load_key(ours(folder.file("secrets.key")));
  REQUIRE(again);
  CHECK(again->material == made->material);
  const auto other = load_key(ours(folder.file("other.key")));
  REQUIRE(other);
  CHECK_FALSE(other->material == made->material);
}

TEST_CASE("what a crash left of making a key is no key and in nobody's way") {
  const Folder folder;
  folder.write("secrets.key.new", "half");

  REQUIRE(load_key(ours(folder.file("secrets.key"))));
  CHECK_FALSE(fs::exists(folder.file("secrets.key.new")));
}

TEST_CASE("a key that was given counts whole, and is never written") {
  const Folder folder;
  const std::string text = std::string(40, 'x') + "\n";
  const auto file = folder.write("given.key", text);

  const auto loaded = load_key(credential(file));

  REQUIRE(loaded);
  CHECK(loaded->material.reveal() == text);
  CHECK(loaded->notes.empty());
  CHECK(fs::file_size(file) == text.size());
  CHECK_FALSE(load_key(credential(folder.file("none.key"))));
  CHECK_FALSE(fs::exists(folder.file("none.key")));
}

TEST_CASE("a key that cannot be used is named, with what would be right, and left as it is") {
  const Folder folder;
  const auto check = [](const KeyFile& file, const std::string& part) {
    const auto loaded = load_key(file);
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().kind == ErrorKind::Retry);
    CHECK_THAT(loaded.error().message, Catch::Contains(file.path) && Catch::Contains(part));
  };

  check(given(folder.write("short.key", "sesame")), "32 to 4096");
  check(given(folder.write("long.key", std::string(4097, 'x'))), "32 to 4096");
  check(credential(folder.file("none.key")), "not there");
  check(given(folder.file("no/folder/none.key")), "No such file");
  fs::create_directory(folder.file("folder.key"));
  check(given(folder.file("folder.key")), "32 to 4096");
  CHECK(fs::file_size(folder.file("short.key")) == 6);
}

TEST_CASE("a key of our own that is damaged is set aside for a new one, which is said") {
  const Folder folder;
  const auto file = folder.write("secrets.key", "torn");

  const auto loaded = load_key(ours(file));

  REQUIRE(loaded);
  REQUIRE(loaded->notes.size() == 1);
  CHECK_THAT(loaded->notes[0], Catch::Contains(file + ".damaged"));
  CHECK_FALSE(Catch::Contains("torn").match(loaded->notes[0]));
  CHECK(fs::file_size(file + ".damaged") == 4);
}

TEST_CASE("a key that others can read is closed to them if it is ours, and told of if not") {
  const Folder folder;
  const auto file = folder.write("secrets.key", std::string(64, 'x'));
  ::chmod(file.c_str(), 0644);

  const auto not_ours = load_key(given(file));
  REQUIRE(not_ours);
  REQUIRE(not_ours->notes.size() == 1);
  CHECK_THAT(not_ours->notes[0], Catch::Contains("0600"));
  CHECK(mode_of(file) == 0644);

  const auto loaded = load_key(ours(file));
  REQUIRE(loaded);
  CHECK(loaded->notes.size() == 1);
  CHECK(mode_of(file) == 0600);
  CHECK(load_key(ours(file))->notes.empty());
}
