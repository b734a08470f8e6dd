"""How far rows of other machines, compilers and versions are trusted: graded, never a failure."""

import sqlite3
import unittest

from cli import FEW
from databases import Databases


class Staleness(Databases):
    def explain(self, *arguments, **env):
        return self.json_of(self.run_db("explain", *arguments, "--format", "json",
                                        env=env))["explanations"]

    def add_row_of(self, device, column="sources_hash", value="of-last-year"):
        """A newer copy of the winner of m = 64, by another environment."""
        with sqlite3.connect(self.db) as database:
            environment = [name for _, name, *_ in
                           database.execute("PRAGMA table_info(environments)") if name != "id"]
            values = {"device_id": "?", column: "?"}
            given = [{"device_id": device, column: value}[name] for name in environment
                     if name in values]
            database.execute(
                f"INSERT INTO environments ({', '.join(environment)}) SELECT "
                f"{', '.join(values.get(name, name) for name in environment)} "
                "FROM environments LIMIT 1", given)
            winner = [name for _, name, *_ in database.execute("PRAGMA table_info(winners)")
                      if name not in ("id", "environment_id")]
            quoted = ", ".join(f'"{name}"' for name in winner)
            database.execute(f"INSERT INTO winners (environment_id, {quoted}) SELECT "
                             f"(SELECT max(id) FROM environments), {quoted} "
                             "FROM winners WHERE m = 64")
        database.close()

    def test_a_current_row_is_not_hidden_by_a_newer_stale_one(self):
        self.add_row_of("h100-sxm5")
        found, = self.explain("64x2112x7168")
        self.assertEqual(found["staleness"], "current")
        self.assertIn("0 shapes changed", self.assert_ok(
            self.run_db("diff", self.export(), self.db)).stdout)



if __name__ == "__main__":
    unittest.main()
