#include "db/cubin_rows.h"

#include <SQLiteCpp/Transaction.h>

#include <set>
#include <string>

#include "core/sha256.h"
#include "db/rows.h"
#include "kernels/dense_source.h"

namespace deepgemm::db {

bool add(SQLite::Database& database, const core::Cubin& cubin) {
  SQLite::Statement insert(database, insert_sql(table_of<core::Cubin>(), "sha256", "?") +
                                         " ON CONFLICT(key) DO NOTHING");
  insert.bind(1, core::sha256_hex(cubin.image));
  bind_row(insert, 2, cubin);
  return insert.exec() > 0;
}

void append(SQLite::Database& database, const core::Cubin& cubin) {
  SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
  add(database, cubin);
  transaction.commit();
}

std::optional<core::Cubin> read_cubin(const SQLite::Database& database,
                                      const std::filesystem::path& path, std::string_view key) {
  const Table& table = table_of<core::Cubin>();
  SQLite::Statement query(database, "SELECT sha256, " + select_list(database, table) + " FROM " +
                                        table.name + " WHERE key = ?");
  query.bind(1, std::string(key));
  if (!query.executeStep()) return std::nullopt;
  core::Cubin cubin = read_row<core::Cubin>(query, 1, path);
  if (query.getColumn(0).getString() != core::sha256_hex(cubin.image)) {
    throw_damaged(path, "the image of kernel " + cubin.key + " does not match its checksum");
  }
  return cubin;
}

void mark_unlaunchable(const SQLite::Database& database, std::span<WinnerRow> rows) {
  SQLite::Statement query(database, std::string("SELECT key FROM ") + table_of<core::Cubin>().name +
                                        " WHERE entry <> ?");
  query.bind(1, kernels::kDenseEntry);
  std::set<std::string> others;
  while (query.executeStep()) others.insert(query.getColumn(0).getString());
  for (WinnerRow& row : rows) row.is_launchable = !others.contains(row.winner.kernel_key);
}

}  // namespace deepgemm::db
