#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tether/store/connection.h"
#include "tether/store/store.h"

namespace tether::store::test {

/// A folder of its own under the system's temporary one, gone with the object.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// A real store in a folder of its own. What goes wrong fails the test.
class TestStore {
 public:
  explicit TestStore(StoreOptions options = {.durable = false});

  Store& operator*() { return *store_; }
  Store* operator->() { return store_.get(); }
  std::filesystem::path state_dir() const { return path_; }
  std::filesystem::path file() const { return state_dir() / "tetherd.db"; }

  /// As after a restart of the daemon.
  void reopen();
  void reopen(const StoreOptions& options);
  void close() { store_.reset(); }
  /// As by a daemon that ends, and the next one.
  void let_folder_go();
  void take_folder();

  /// Commits `work`, which must succeed.
  void write(const std::function<void(sync::Records&)>& work);
  /// What `ask` answers in a transaction of its own.
  template <class T>
  T read(const std::function<T(sync::Records&)>& ask) {
    T answer{};
    write([&answer, &ask](sync::Records& records) { answer = ask(records); });
    return answer;
  }

  /// A second look at the file, past the Store.
  std::unique_ptr<Connection> raw() const;

 private:
  TempFolder temporary_;
  std::filesystem::path path_;
  StoreOptions options_;
  std::unique_ptr<StateFolder> folder_;
  std::unique_ptr<Store> store_;
};

sync::Artifact artifact(const std::string& id, const std::string& kind = "RestApi");
sync::Resource resource(const std::string& kind, const std::string& id, const std::string& artifact_id = "");
sync::Body body(const sync::Key& owner, const std::string& key, const std::string& document,
                std::vector<sync::Reference> references = {}, const std::string& handle = "");

/// Stores a deployed artifact, fetched and offered at the next revision, with this handle and document.
void offer(sync::Records& records, sync::Artifact artifact, const std::string& handle,
           const std::string& document = "kind: RestApi\n");
/// Likewise a resource that is no artifact.
void offer(sync::Records& records, sync::Resource resource, const std::string& data = "{}");
/// Takes an artifact's offer away at the next revision.
void withdraw(sync::Records& records, const std::string& artifact_id);

/// All lines of a body, each with its newline.
std::vector<std::string> lines_of(PushBody& body);

/// Runs one of the key visits and collects what it shows.
std::vector<sync::Key> visited(const std::function<void(const std::function<void(const sync::Key&)>&)>& visit);

}  // namespace tether::store::test
