#include "tether/net/file_watch.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>

#include "client.h"

using namespace tether;
using namespace tether::net;
using namespace tether::net::testing;
namespace fs = std::filesystem;

namespace {

/// A folder that goes with the test.
class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "tether-watch-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  fs::path operator/(const std::string& name) const { return path_ / name; }

 private:
  fs::path path_;
};

void put(const fs::path& path, const std::string& text) {
  std::ofstream(path) << text;
}

/// Faster than the poll, so that it is inotify that is seen to work.
constexpr Duration kBeforePoll = kFileWatchPoll - 1s;

struct Watched {
  explicit Watched(const fs::path& path) : watch(loop, path.string(), [this] { ++calls; }) {}

  bool told_after(int before, Duration limit = kBeforePoll) {
    return run_until(
        loop, [this, before] { return calls > before; }, limit);
  }

  Loop loop;
  int calls = 0;
  FileWatch watch;
};

}  // namespace

TEST_CASE("a file that appears, changes, is renamed over and goes is told each time") {
  Folder folder;
  const fs::path file = folder / "token";
  Watched watched(file);

  put(file, "one");
  CHECK(watched.told_after(0));

  put(file, "two");
  CHECK(watched.told_after(1));

  put(folder / "token.new", "three");
  fs::rename(folder / "token.new", file);
  CHECK(watched.told_after(2));

  fs::remove(file);
  CHECK(watched.told_after(3));
}

TEST_CASE("other files of the folder are not told") {
  Folder folder;
  put(folder / "token", "one");
  Watched watched(folder / "token");

  put(folder / "other", "x");
  run_for(watched.loop, 300ms);

  CHECK(watched.calls == 0);
}

TEST_CASE("changes close together are told once") {
  Folder folder;
  Watched watched(folder / "token");

  for (int i = 0; i < 50; ++i) put(folder / "token", std::to_string(i));
  REQUIRE(watched.told_after(0));
  run_for(watched.loop, 300ms);

  CHECK(watched.calls == 1);
}

TEST_CASE("a folder's symbolic link that is swapped is told, as a mounted Kubernetes secret does") {
  Folder folder;
  fs::create_directory(folder / "..first");
  put(folder / "..first" / "token", "one");
  fs::create_directory_symlink("..first", folder / "..data");
  fs::create_symlink("..data/token", folder / "token");
  Watched watched(folder / "token");

  fs::create_directory(folder / "..second");
  put(folder / "..second" / "token", "two");
  fs::create_directory_symlink("..second", folder / "..data_tmp");
  fs::rename(folder / "..data_tmp", folder / "..data");
  fs::remove_all(folder / "..first");
  CHECK(watched.told_after(0));

  run_for(watched.loop, 300ms);
  const int before = watched.calls;
  put(folder / "..second" / "token", "three");  // The new way is watched, too.
  CHECK(watched.told_after(before));
}

TEST_CASE("a symbolic link to a file elsewhere is followed") {
  Folder here;
  Folder there;
  put(there / "secret", "one");
  fs::create_symlink(there / "secret", here / "token");
  Watched watched(here / "token");

  put(there / "secret", "two");

  CHECK(watched.told_after(0));
}

TEST_CASE("a file is found although its folder did not exist at first") {
  Folder folder;
  Watched watched(folder / "late" / "token");

  fs::create_directory(folder / "late");
  put(folder / "late" / "token", "one");
  REQUIRE(watched.told_after(0, 2 * kFileWatchPoll));

  put(folder / "late" / "token", "two");
  CHECK(watched.told_after(1));
}

TEST_CASE("links that lead in a circle are no file, and do no harm") {
  Folder folder;
  fs::create_symlink("b", folder / "a");
  fs::create_symlink("a", folder / "b");
  Watched watched(folder / "a");

  fs::remove(folder / "a");
  put(folder / "a", "one");

  CHECK(watched.told_after(0));
}

TEST_CASE("a watch may be destroyed in its own callback") {
  Folder folder;
  Loop loop;
  bool told = false;
  std::unique_ptr<FileWatch> watch;
  watch = std::make_unique<FileWatch>(loop, (folder / "token").string(), [&] {
    watch.reset();
    told = true;
  });

  put(folder / "token", "one");

  CHECK(run_until(loop, [&] { return told; }));
}
