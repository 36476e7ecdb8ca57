#include "tether/store/store.h"

#include <utility>

#include "tether/protocol/sensitive.h"
#include "tether/store/opening.h"
#include "tether/store/overview_query.h"
#include "tether/store/reader_pool.h"
#include "tether/store/snapshot_body.h"
#include "tether/store/transaction.h"

namespace tether::store {

struct Store::Impl {
  Impl(const StateFolder& state_folder, const StoreOptions& store_options)
      : folder(state_folder), options(store_options) {
    if (options.files == nullptr) options.files = &files_on_disk();
  }

  Result<Done> open();
  Result<Done> read(const std::string& doing, const std::function<void(Connection&)>& work);

  const StateFolder& folder;
  StoreOptions options;  ///< With its files.
  std::unique_ptr<Connection> writer;   ///< Null: nothing can be written.
  std::shared_ptr<ReaderPool> readers;  ///< Null: nothing can be read either. Shared with the bodies under way.
  std::vector<std::string> notes;
  bool distrusted = false;
};

/// To write, or else to read.
Result<Done> Store::Impl::open() {
  // What reads without a lock must be gone before anything is written.
  if (readers && !readers->close()) return fail(ErrorKind::Retry, "store: open: it is still being read for a push");
  readers.reset();
  auto opened = open_database(folder, options, distrusted, notes);
  if (opened) {
    distrusted = false;
    writer = std::move(*opened);
    readers = std::make_shared<ReaderPool>(database_file(folder), Access::Read, options.files->vfs());
    return Done{};
  }
  Error error = opened.error();
  auto readable = open_to_read(folder, *options.files, error);
  if (readable) {
    readers = std::move(*readable);
  } else {
    error.message += "; it cannot be read either: " + readable.error().message;
  }
  return wrap("store", error);
}

Result<Done> Store::Impl::read(const std::string& doing, const std::function<void(Connection&)>& work) {
  const std::string what = "store: " + doing;
  if (writer) {
    writer->clear_error();
    work(*writer);
    return writer->outcome(what);
  }
  if (!readers) return fail(ErrorKind::Retry, what + ": it is not open");
  auto connection = readers->take();
  if (!connection) return wrap(what, connection.error());
  work(**connection);
  auto done = (*connection)->outcome(what);
  readers->give_back(std::move(*connection));
  return done;
}

std::unique_ptr<Store> Store::open(const StateFolder& folder, const StoreOptions& options) {
  auto impl = std::make_unique<Impl>(folder, options);
  static_cast<void>(impl->open());  // tried again, and told, by the first transaction
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Store::~Store() = default;

Result<Done> Store::make_writable() {
  return impl_->writer ? Result<Done>(Done{}) : impl_->open();
}

void Store::distrust() {
  impl_->writer.reset();
  impl_->distrusted = true;
}

const std::vector<std::string>& Store::opened_notes() const {
  return impl_->notes;
}

Result<Done> Store::transact(const std::function<void(sync::Records&)>& work) {
  if (auto opened = make_writable(); !opened) return opened;
  OpenTransaction open(*impl_->writer, "BEGIN IMMEDIATE");
  Transaction records(*impl_->writer);
  if (!impl_->writer->error()) {
    work(records);
    records.finish();
  }
  return open.commit("store: commit");
}

Result<Done> Store::read(const std::function<void(sync::Records&)>& work) {
  return impl_->read("read", [&work](Connection& connection) {
    const OpenTransaction open(connection, "BEGIN");  // ends without a commit
    Transaction records(connection);
    if (!connection.error()) work(records);
  });
}

Result<std::unique_ptr<PushBody>> Store::push_body(const PushRange& range) {
  if (!impl_->readers) return fail(ErrorKind::Retry, "store: read a push: it is not open");
  return open_push_body(impl_->readers, range);
}

Result<Overview> Store::overview() {
  Overview overview;
  const auto read =
      impl_->read("read the overview", [&overview](Connection& connection) { overview = read_overview(connection); });
  if (!read) return tl::unexpected<Error>(read.error());
  return overview;
}

Result<Done> Store::visit_sensitive(const std::function<void(std::string_view, std::string_view)>& visit) {
  return impl_->read("read secret values", [&visit](Connection& connection) {
    const auto identity = serving_identity(connection);
    for (const auto kind : protocol::kSensitiveKinds) {
      auto rows = connection.query("SELECT document FROM bodies WHERE identity = ? AND owner_kind = ?", identity, kind);
      while (rows.next()) visit(kind, rows.view(0));
    }
  });
}

}  // namespace tether::store
