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
  std::unique_ptr<Connection> writer;
  std::shared_ptr<ReaderPool> readers;  ///< Shared with the bodies under way.
  std::vector<std::string> notes;
};

Result<std::unique_ptr<Store>> Store::open(const StateFolder& folder, const StoreOptions& options) {
  auto impl = std::make_unique<Impl>();
  auto writer = open_database(folder, options, impl->notes);
  if (!writer) return wrap("store", writer.error());
  impl->writer = std::move(*writer);
  impl->readers = std::make_shared<ReaderPool>(database_file(folder));
  return std::unique_ptr<Store>(new Store(std::move(impl)));
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Store::~Store() = default;

const std::vector<std::string>& Store::opened_notes() const {
  return impl_->notes;
}

Result<Done> Store::transact(const std::function<void(sync::Records&)>& work) {
  OpenTransaction open(*impl_->writer, "BEGIN IMMEDIATE");
  Transaction records(*impl_->writer);
  if (!impl_->writer->error()) {
    work(records);
    records.finish();
  }
  return open.commit("store: commit");
}

Result<std::unique_ptr<PushBody>> Store::push_body(const PushRange& range) {
  return open_push_body(impl_->readers, range);
}

Result<Overview> Store::overview() {
  impl_->writer->clear_error();
  auto overview = read_overview(*impl_->writer);
  if (auto read = impl_->writer->outcome("store: read the overview"); !read) return tl::unexpected<Error>(read.error());
  return overview;
}

Result<Done> Store::visit_sensitive(const std::function<void(std::string_view, std::string_view)>& visit) {
  auto& db = *impl_->writer;
  db.clear_error();
  const auto identity = serving_identity(db);
  for (const auto kind : protocol::kSensitiveKinds) {
    auto rows = db.query("SELECT document FROM bodies WHERE identity = ? AND owner_kind = ?", identity, kind);
    while (rows.next()) visit(kind, rows.view(0));
  }
  return db.outcome("store: read secret values");
}

}  // namespace tether::store
