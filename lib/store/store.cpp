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
  Impl(StateFolder& state_folder, const StoreOptions& store_options)
      : folder(state_folder), options(store_options), file(database_file(state_folder)) {
    if (options.files == nullptr) options.files = &files_on_disk();
    for (const auto& note : folder.notes()) notes.push_back({OpenedNote::What::Mended, note});
  }

  Result<Done> open();
  /// Goes from a file that nobody finds any more to what is in its place, if that has happened.
  void leave_if_taken_away();
  Result<Done> read(const std::string& doing, const std::function<void(Connection&)>& work);

  StateFolder& folder;
  StoreOptions options;                 ///< With its files.
  std::string file;                     ///< Where the database is.
  std::uint64_t opened_file = 0;        ///< What was there when it was opened.
  std::uint64_t opened_log = 0;         ///< Likewise the log beside it.
  bool drops_log = false;               ///< What is there is of a file that was taken away.
  std::unique_ptr<Connection> writer;   ///< Null: nothing can be written.
  Known known;                          ///< Of what it has written,
  std::uint32_t known_version = 0;      ///< when its data had this version.
  std::shared_ptr<ReaderPool> readers;  ///< Null: nothing can be read either. Shared with the bodies under way.
  std::vector<OpenedNote> notes;
  std::shared_ptr<const BodySealer> bodies;  ///< Null: the key has not been had yet.
  bool distrusted = false;
};

/// To write, or else to read.
Result<Done> Store::Impl::open() {
  // What reads without a lock must be gone before anything is written.
  if (readers && !readers->close()) return fail(ErrorKind::Retry, "store: open: it is still being read for a push");
  readers.reset();
  if (auto held = folder.hold(); !held) return wrap("store", held.error());
  if (drops_log) {
    for (const char* suffix : {"-wal", "-shm"}) {
      if (const auto error = options.files->remove(file + suffix)) {
        return fail(ErrorKind::Retry, "store: remove " + file + suffix + ": " + error.message());
      }
    }
    drops_log = false;
  }
  if (!bodies) {
    auto key = load_bodies_key(folder, options, notes);
    if (!key) return wrap("store", key.error());
    bodies = std::move(*key);
  }
  auto opened = open_database(folder, options, bodies, distrusted, notes);
  if (opened) {
    distrusted = false;
    writer = std::move(*opened);
    known = {};
    opened_file = options.files->identity(file);
    opened_log = options.files->identity(file + "-wal");
    readers = std::make_shared<ReaderPool>(file, bodies, Access::Read, options.files->vfs());
    return Done{};
  }
  Error error = opened.error();
  auto readable = open_to_read(folder, *options.files, bodies, error);
  if (readable) {
    readers = std::move(*readable);
  } else {
    error.message += "; it cannot be read either: " + readable.error().message;
  }
  return wrap("store", error);
}

void Store::Impl::leave_if_taken_away() {
  if (!writer || options.files->identity(file) == opened_file) return;
  writer.reset();
  drops_log = options.files->identity(file + "-wal") == opened_log;  // SQLite would take it for the new file's
  bodies.reset();                                                    // the key may have gone with it
  notes.push_back(
      {OpenedNote::What::StartedAnew, "the store was taken away or replaced while it was in use: what is at " + file +
                                          " now is used, or an empty one is made there"});
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

std::unique_ptr<Store> Store::open(StateFolder& folder, const StoreOptions& options) {
  auto impl = std::make_unique<Impl>(folder, options);
  static_cast<void>(impl->open());  // tried again, and told, by the first transaction
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Store::~Store() = default;

Result<Done> Store::make_writable() {
  impl_->leave_if_taken_away();
  return impl_->writer ? Result<Done>(Done{}) : impl_->open();
}

void Store::distrust() {
  impl_->writer.reset();
  impl_->distrusted = true;
}

const std::vector<OpenedNote>& Store::opened_notes() const {
  return impl_->notes;
}

Result<Done> Store::transact(const std::function<void(sync::Records&)>& work) {
  if (auto opened = make_writable(); !opened) return opened;
  OpenTransaction open(*impl_->writer, "BEGIN IMMEDIATE");
  Known known = std::exchange(impl_->known, {});  // forgotten unless this is committed
  if (impl_->writer->data_version() != impl_->known_version) known = {};
  Transaction records(*impl_->writer, known);
  if (!impl_->writer->error()) {
    work(records);
    records.finish();
  }
  auto done = open.commit("store: commit");
  if (done) {
    impl_->known = std::move(known);
    impl_->known_version = impl_->writer->data_version();
  }
  return done;
}

Result<Done> Store::read(const std::function<void(sync::Records&)>& work) {
  return impl_->read("read", [&work](Connection& connection) {
    const OpenTransaction open(connection, "BEGIN");  // ends without a commit
    Known known;
    Transaction records(connection, known);
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

void Store::release_memory() {
  impl_->known = {};
  if (impl_->writer) impl_->writer->release_memory();
}

Result<Done> Store::visit_sensitive(const std::function<void(std::string_view, std::string_view)>& visit) {
  return impl_->read("read secret values", [&visit](Connection& connection) {
    // Of every identity: the gateway may quote the one that has just left service.
    auto rows = connection.query(
        "SELECT owner_kind, owner_id, key, key_id, document FROM bodies WHERE identity IN (SELECT identity FROM "
        "identities)");
    std::string content;
    while (rows.next()) {
      const auto kind = rows.view(0);
      if (!protocol::may_hold_credentials(kind)) continue;
      const bool is_readable =
          connection.bodies().open(kind, rows.view(1), rows.view(2), rows.integer(3), rows.view(4), content);
      if (is_readable) visit(kind, content);
    }
  });
}

}  // namespace tether::store
