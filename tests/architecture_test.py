"""Rules of the architecture that no compiler checks: who includes whom, and what lives where.

Each rule is a function of one file's path and text that returns complaints. It is applied to the
whole tree, and to a planted violation, so that a rule that went blind fails.
"""

import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOP_LEVEL = {
    "CMakeLists.txt", "CMakePresets.json", "README.md", "CHANGELOG.md", "CONTRIBUTING.md",
    "LICENSE", "app", "autotune", "core", "db", "kernels", "scripts", "tests", ".ci",
    ".clang-format", ".clang-tidy", ".editorconfig", ".gitattributes", ".gitignore",
}
# A folder and the folders whose headers it may include.
ARROWS = {
    "kernels": {"kernels"},
    "core": {"core", "kernels"},
    "autotune": {"autotune", "core", "kernels"},
    "db": {"db", "core", "kernels"},
    "app": {"app", "autotune", "db", "core", "kernels"},
}
# Foreign headers and the only folder that may include them.
HOMES = {
    r"(cuda|nvrtc|cudaTypedefs|dlfcn)\.h": "core",
    r"(cublas|cublasLt|cublas_api|nvml|cupti)\.h": "autotune",
    r"sqlite3\.h|SQLiteCpp/.*": "db",
    r"(CLI|nlohmann|spdlog)/.*": "app",
    r"(gtest|gmock)/.*": "tests",
}
CODE = {".h", ".hpp", ".cpp", ".c", ".cuh", ".cu"}
MAX_LINES = 350
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
# Statements, not the word: text of generated PTX wrappers counts as well.
ASM = re.compile(r"\b(asm|__asm__)\b\s*(volatile|__volatile__)?\s*\(")
# Where people and machines keep their own files; /home/someone stands for nobody.
MACHINE_PATH = re.compile(r"(?<![\w.$}/~*-])/(work|home|root|Users|mnt|media)/(?!someone)\w")


def folder_of(path):
    return path.split("/")[0]


def is_public(path):
    return path.startswith("core/include/")


def check_arrows(path, text):
    folder = folder_of(path)
    if folder not in ARROWS:
        return []
    complaints = []
    for quote, included in INCLUDE.findall(text):
        target = folder_of(included)
        if quote == '"' and target not in ARROWS and not is_public(path):
            complaints.append(f'{path}: "{included}" is not spelt from the project\'s root')
        elif target in ARROWS and (is_public(path) or target not in ARROWS[folder]):
            complaints.append(f"{path}: {folder} must not include {included}")
    return complaints


def check_homes(path, text):
    folder = folder_of(path)
    if folder not in ARROWS:
        return []
    complaints = []
    for _, included in INCLUDE.findall(text):
        for pattern, home in HOMES.items():
            if re.fullmatch(pattern, included) and folder != home:
                complaints.append(f"{path}: <{included}> belongs in {home}/")
    return complaints


def check_asm(path, text):
    if pathlib.PurePath(path).suffix in CODE and folder_of(path) not in ("kernels", "tests"):
        if ASM.search(text):
            return [f"{path}: inline assembly belongs in kernels/"]
    return []


def check_length(path, text):
    lines = text.count("\n")
    if pathlib.PurePath(path).suffix not in (".md", ".csv") and lines > MAX_LINES:
        return [f"{path}: {lines} lines, at most {MAX_LINES}"]
    return []


def check_machine_paths(path, text):
    return [f"{path}: names a folder of one machine, {match.group()}…"
            for match in MACHINE_PATH.finditer(text)]


def check_namespace(path, text):
    """A folder's headers declare in its namespace, or types of the C ABI, under #pragma once."""
    folder = folder_of(path)
    if folder not in ARROWS or not path.endswith(".h") or is_public(path):
        return []
    complaints = []
    if not re.search(rf"^namespace deepgemm::{folder}\b|^struct deepgemm_", text, re.MULTILINE):
        complaints.append(f"{path}: declares nothing in deepgemm::{folder}")
    if "#pragma once" not in text:
        complaints.append(f"{path}: lacks #pragma once")
    return complaints


def check_unfinished(path, text):
    if pathlib.PurePath(path).suffix in CODE and re.search(r"\b(TODO|FIXME|XXX)\b", text):
        return [f"{path}: holds an unfinished remark"]
    return []


# The rules, each with a file that breaks it.
RULES = {
    check_arrows: ("autotune/planted.cpp", '#include "db/tuning_db.h"\n'),
    check_homes: ("app/planted.cpp", "#include <SQLiteCpp/Database.h>\n"),
    check_asm: ("core/planted.cpp", 'asm volatile("nop;");\n'),
    check_length: ("core/planted.cpp", "\n" * (MAX_LINES + 1)),
    check_machine_paths: ("tests/planted.cpp", 'open("' + "/home" + '/me/file");\n'),
    check_namespace: ("db/planted.h", "#pragma once\nnamespace deepgemm::core {}\n"),
    check_unfinished: ("core/planted.cpp", "// TO" + "DO: later\n"),
}


def project_files():
    """Paths from the root: what git tracks or would track, else all but build folders."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others",
               "--exclude-standard"]
    try:
        listed = subprocess.run(command, capture_output=True, check=True).stdout.decode()
        names = [name for name in listed.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        names = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if path.is_file()]
        names = [name for name in names if not re.match(r"\.git/|\.cache/|build", name)]
    return sorted(name for name in names if (ROOT / name).is_file())


class ArchitectureTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        contents = {name: (ROOT / name).read_bytes() for name in project_files()}
        # Bundles in db/data are no text.
        cls.files = {name: content.decode("utf-8") for name, content in contents.items()
                     if b"\0" not in content}

    def test_the_tree_follows_every_rule(self):
        self.assertIn("core/problem.h", self.files)
        complaints = [complaint for path, text in self.files.items() for rule in RULES
                      for complaint in rule(path, text)]
        self.assertEqual(complaints, [], "\n" + "\n".join(complaints))

    def test_every_rule_sees_a_planted_violation(self):
        for rule, (path, text) in RULES.items():
            self.assertEqual(len(rule(path, text)), 1, f"{rule.__name__} on {path}")

    def test_public_headers_include_nothing_of_ours(self):
        planted = check_arrows("core/include/deepgemm/x.h", '#include "core/problem.h"\n')
        self.assertEqual(len(planted), 1)

    def test_top_level_entries_are_the_agreed_ones(self):
        self.assertEqual({folder_of(name) for name in self.files} - TOP_LEVEL, set())

    def test_every_folder_has_tests(self):
        for folder in ARROWS:
            tests = [name for name in self.files
                     if re.fullmatch(rf"tests/{folder}/\w+_test\.(cpp|py)", name)]
            self.assertTrue(tests, f"tests/{folder} holds no test")

    def test_every_folder_is_in_the_build(self):
        build = self.files["CMakeLists.txt"]
        for folder in ARROWS:
            self.assertIn(f"add_library(deepgemm_{folder} ", build)

    def test_one_version_everywhere(self):
        version = re.search(r"project\(deepgemm VERSION ([\d.]+)", self.files["CMakeLists.txt"])
        self.assertIn(f'kVersion = "{version.group(1)}"', self.files["core/version.h"])
        self.assertIn(f"## [{version.group(1)}]", self.files["CHANGELOG.md"])


if __name__ == "__main__":
    unittest.main()
