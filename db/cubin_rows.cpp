#include "db/cubin_rows.h"

#include <SQLiteCpp/Transaction.h>

#include "core/sha256.h"
#include "db/rows.h"

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

std::set<std::string> keys_not_named(const SQLite::Database& database, std::string_view entry) {
  SQLite::Statement query(database, std::string("SELECT key FROM ") + table_of<core::Cubin>().name +
                                        " WHERE entry <> ?");
  query.bind(1, std::string(entry));
  std::set<std::string> keys;
  while (query.executeStep()) keys.insert(query.getColumn(0).getString());
  return keys;
}

}  // namespace deepgemm::db
