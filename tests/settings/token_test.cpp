#include "tether/settings/token.h"

#include <sys/stat.h>

#include "fixture.h"

namespace tether {

TEST_CASE("a token file is read without its trailing line ends") {
  const Folder folder;

  CHECK(TokenSource::file(folder.write("a", "s3cret-token\n")).read() == Secret("s3cret-token"));
  CHECK(TokenSource::file(folder.write("b", "s3cret-token\r\n")).read() == Secret("s3cret-token"));
  CHECK(TokenSource::file(folder.write("c", "s3cret-token")).read() == Secret("s3cret-token"));
}

TEST_CASE("a file that is missing, empty, or no file is no token") {
  const Folder folder;
  const std::string pipe = folder.path("pipe");
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);

  CHECK_FALSE(TokenSource::file(folder.path("missing")).read());
  CHECK_FALSE(TokenSource::file(folder.write("empty", "")).read());
  CHECK_FALSE(TokenSource::file(folder.write("newline", "\n\n")).read());
  CHECK_FALSE(TokenSource::file(pipe).read());  // And does not wait for a writer.
  CHECK_FALSE(TokenSource::file(folder.path("")).read());
}

TEST_CASE("a token that no header can carry is no token") {
  const Folder folder;

  CHECK_FALSE(TokenSource::file(folder.write("two-lines", "one\r\nX-Header: two\n")).read());
  CHECK_FALSE(TokenSource::file(folder.write("nul", std::string("a\0b", 3))).read());
  CHECK_FALSE(TokenSource::value("V", Secret("a b")).read());
}

TEST_CASE("a token has a longest length, and one past it is refused") {
  const Folder folder;
  const std::string longest(kMaxTokenBytes, 't');

  CHECK(TokenSource::value("V", Secret(longest)).read() == Secret(longest));
  CHECK_FALSE(TokenSource::value("V", Secret(longest + "t")).read());
  CHECK(TokenSource::file(folder.write("longest", longest)).read() == Secret(longest));
  CHECK_FALSE(TokenSource::file(folder.write("longer", longest + "t")).read());
}

TEST_CASE("a token file is read anew each time") {
  const Folder folder;
  const auto source = TokenSource::file(folder.path("token"));
  REQUIRE_FALSE(source.read());

  folder.write("token", "first\n");
  CHECK(source.read() == Secret("first"));

  folder.write("token", "second\n");
  CHECK(source.read() == Secret("second"));
}

TEST_CASE("only files are watched, and no description holds the token") {
  const auto value = TokenSource::value("TETHER_REGISTRATION_TOKEN", Secret("s3cret-token"));

  CHECK_FALSE(value.path());
  CHECK_FALSE(TokenSource().path());
  CHECK(TokenSource::file("/x").path() == "/x");
  CHECK(TokenSource::credential("/run/credentials/x/registration-token").path().has_value());
  CHECK(value.describe() == "variable TETHER_REGISTRATION_TOKEN");
  CHECK(TokenSource::file("/x").describe() == "TETHER_REGISTRATION_TOKEN_FILE or control_plane.token_file (/x)");
  CHECK(TokenSource::credential("/c").describe() == "systemd credential registration-token");
  CHECK(TokenSource().describe() == "none");
}

TEST_CASE("why a file holds no token is told with its name, and without what is in it") {
  const Folder folder;
  const auto why = [](const std::string& path) { return TokenSource::file(path).why_none(); };

  CHECK(why(folder.path("missing")) == folder.path("missing") + ": No such file or directory");
  CHECK(why(folder.path("")) == folder.path("") + ": not a regular file");
  CHECK(why(folder.write("empty", "\n")) == folder.path("empty") + " is empty");
  const std::string bad = why(folder.write("bad", "tok en"));
  CHECK(bad.find(folder.path("bad") + " holds something that is no token") == 0);
  CHECK(bad.find("tok en") == std::string::npos);
  CHECK(why(folder.write("good", "s3cret-token\n")).empty());
  CHECK(TokenSource().why_none().empty());
  CHECK(TokenSource::value("V", Secret("a b")).why_none().empty());
}

}  // namespace tether
