#include "fixture.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <system_error>

namespace tether::store::test {

TempFolder::TempFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "tether-store-XXXXXX").string();
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  path_ = name;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

TestStore::TestStore(StoreOptions options) : path_(temporary_.path() / "state"), options_(std::move(options)) {
  take_folder();
  reopen();
}

void TestStore::let_folder_go() {
  close();
  folder_.reset();
}

void TestStore::take_folder() {
  auto folder = StateFolder::take(path_);
  REQUIRE(folder);
  folder_ = std::move(*folder);
}

void TestStore::reopen() {
  store_.reset();
  store_ = Store::open(*folder_, options_);
}

void TestStore::reopen(const StoreOptions& options) {
  options_ = options;
  reopen();
}

void TestStore::write(const std::function<void(sync::Records&)>& work) {
  const auto done = store_->transact(work);
  if (!done) FAIL(done.error().message);
}

std::unique_ptr<Connection> TestStore::raw() const {
  auto connection = Connection::open(file().string(), {});
  REQUIRE(connection);
  return std::move(*connection);
}

sync::Artifact artifact(const std::string& id, const std::string& kind) {
  sync::Artifact artifact;
  artifact.id = id;
  artifact.kind = kind;
  artifact.deployment_id = "deployment-of-" + id;
  artifact.at = from_ms(1'700'000'000'123);
  artifact.at_text = "2023-11-14T22:13:20.123Z";
  return artifact;
}

sync::Resource resource(const std::string& kind, const std::string& id, const std::string& artifact_id) {
  sync::Resource resource;
  resource.kind = kind;
  resource.id = id;
  resource.artifact_id = artifact_id;
  return resource;
}

sync::Body body(const sync::Key& owner, const std::string& key, const std::string& document,
                std::vector<sync::Reference> references, const std::string& handle) {
  return {owner.kind, owner.id, key, handle, document, std::move(references)};
}

void offer(sync::Records& records, sync::Artifact artifact, const std::string& handle, const std::string& document) {
  records.put_body(body({artifact.kind, artifact.id}, artifact.deployment_id, document, {}, handle));
  artifact.fetched = artifact.deployment_id;
  artifact.offering.offered = {artifact.deployment_id, artifact.at.ms()};
  artifact.offering.revision = records.next_revision();
  records.put(artifact);
}

void offer(sync::Records& records, sync::Resource resource, const std::string& data) {
  resource.body = "#" + std::to_string(records.next_change());
  records.put_body(body({resource.kind, resource.id}, resource.body, data));
  resource.offering.offered = {resource.body, 0};
  resource.offering.revision = records.next_revision();
  records.put(resource);
}

void withdraw(sync::Records& records, const std::string& artifact_id) {
  auto artifact = records.artifact(artifact_id);
  REQUIRE(artifact);
  artifact->wanted = sync::Wanted::Undeployed;
  artifact->offering.offered = {};
  artifact->offering.revision = records.next_revision();
  records.put(*artifact);
}

std::vector<std::string> lines_of(PushBody& body) {
  std::vector<std::string> lines;
  while (true) {
    const auto line = body.next();
    if (!line) FAIL(line.error().message);
    if (!*line) return lines;
    lines.emplace_back(**line);
  }
}

std::vector<sync::Key> visited(const std::function<void(const std::function<void(const sync::Key&)>&)>& visit) {
  std::vector<sync::Key> keys;
  visit([&keys](const sync::Key& key) { keys.push_back(key); });
  return keys;
}

}  // namespace tether::store::test
