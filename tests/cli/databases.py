"""A tuned database and a bundle of it, on a scripted machine."""

from cli import FEW, CliTest

SHAPES = ["64,128x2112x7168", "8x576x7168"]


class Databases(CliTest):
    def setUp(self):
        super().setUp()
        self.assert_ok(self.run_command("deepgemm-tune-scripted", *SHAPES, *FEW))

    def run_db(self, *arguments, **options):
        return self.run_command("deepgemm-db-scripted", *arguments, **options)

    def export(self, *arguments):
        self.assert_ok(self.run_db("export", "--output", "h100.dgdb", *arguments))
        return self.folder / "h100.dgdb"

    def winners(self, database):
        listed = self.json_of(self.run_db("list", "--db", database, "--format", "json"))["winners"]
        return [(row["shape"]["m"], row["winner"]["kernel_key"], row["winner"]["time_us"],
                 row["recorded_at"]) for row in listed]
