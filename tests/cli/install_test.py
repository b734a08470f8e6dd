"""What is installed and packed: moved elsewhere, it builds programs with nothing else of ours."""

import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import tempfile
import unittest

from cli import ENVIRONMENT, FEW, SOURCE, USAGE, CliTest

BUILD = pathlib.Path(os.environ["DEEPGEMM_BUILD"])
CMAKE = os.environ["DEEPGEMM_CMAKE"]
FLAGS = os.environ["DEEPGEMM_FLAGS"].split()  # the sanitizers' in a build that has them
COMPILERS = {"C": os.environ["DEEPGEMM_CC"], "CXX": os.environ["DEEPGEMM_CXX"]}


def run(*command, env=None, cwd=None):
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                            env=env, cwd=cwd, timeout=300, check=False)
    if result.returncode != 0:
        raise AssertionError(f"{command}\n{result.stdout}\n{result.stderr}")
    return result.stdout


def bare_environment(**more):
    """Nothing by which a compiler or a linker could find the build tree."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return {**kept, "CUDA_VISIBLE_DEVICES": "", **more}


class Moved(CliTest):
    """The tree was installed in one place and lies in another."""

    @classmethod
    def setUpClass(cls):
        cls.scratch = pathlib.Path(tempfile.mkdtemp(prefix="deepgemm-install-"))
        cls.addClassCleanup(shutil.rmtree, cls.scratch, ignore_errors=True)
        cls.first = cls.scratch / "first"
        cls.tree = cls.scratch / "moved to" / "elsewhere"
        run(CMAKE, "--install", BUILD, "--prefix", cls.first)
        cls.tree.parent.mkdir()
        cls.first.rename(cls.tree)

    def setUp(self):
        super().setUp()
        self.lib = next(self.tree.glob("lib*/**/libdeepgemm.so")).parent
        self.examples = self.tree / "share" / "deepgemm" / "examples"

    def bundle(self):
        self.assert_ok(self.run_command("deepgemm-tune-scripted", "64x2112x7168", *FEW))
        self.assert_ok(self.run_command("deepgemm-db-scripted", "export", "--output", "x.dgdb"))
        return self.folder / "x.dgdb"

    def assert_needs_a_gpu(self, program, *arguments):
        """It starts, opens the bundle, and says in a sentence what the machine lacks."""
        env = bare_environment(LD_LIBRARY_PATH=str(self.lib))
        result = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True,
                                env=env, timeout=60, check=False)
        said = f"{result.args}\n{result.stdout}\n{result.stderr}"
        self.assertEqual(result.returncode, ENVIRONMENT, said)
        self.assertEqual(len(result.stderr.splitlines()), 1, said)
        self.assertRegex(result.stderr, r"(driver|GPU).*\. Run on a machine with .*\.$", said)
        self.assertNotIn("--", result.stderr.split(":", 1)[1], said)

    def assert_all_run(self, folder, programs):
        bundle = self.bundle()
        for program in programs:
            arguments = [bundle] if "one" in program else [2112, 7168, bundle]
            if "experts" in program:
                arguments = [4, 16, *arguments]
            self.assert_needs_a_gpu(folder / program, *arguments)

    def test_no_file_names_the_place_it_was_installed_in(self):
        for file in self.tree.rglob("*"):
            if file.suffix in (".cmake", ".pc", ".h", ".hpp", ".c", ".cpp", ".txt"):
                text = file.read_text(encoding="utf-8")
                for place in (self.first, BUILD, SOURCE):
                    self.assertNotIn(str(place), text, file)

    def test_the_commands_run(self):
        for name in ("deepgemm-tune", "deepgemm-bench", "deepgemm-db"):
            said = run(self.tree / "bin" / name, "--version", env=bare_environment())
            self.assertRegex(said, rf"^{name} \d+\.\d+\.\d+\n$")

    def test_cmake_builds_the_examples(self):
        out = self.folder / "out"
        options = [f"-DCMAKE_{lang}_COMPILER={path}" for lang, path in COMPILERS.items()]
        options += [f"-DCMAKE_{lang}_FLAGS={' '.join(FLAGS)}" for lang in COMPILERS]
        run(CMAKE, "-G", "Ninja", "-S", self.examples, "-B", out,
            f"-DCMAKE_PREFIX_PATH={self.tree}", *options, env=bare_environment())
        run(CMAKE, "--build", out, env=bare_environment())
        self.assert_all_run(out, ["one_product", "many_products", "masked_experts",
                                  "one_product_static", "many_products_static"])

    def test_a_program_in_c_alone_needs_no_c_plus_plus(self):
        project = self.folder / "c"
        project.mkdir()
        shutil.copy(self.examples / "one_product.c", project)
        (project / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.16)\nproject(c LANGUAGES C)\n"
            "find_package(deepgemm REQUIRED)\n"
            "add_executable(one_product one_product.c)\n"
            "target_link_libraries(one_product PRIVATE deepgemm::runtime_static dl m)\n")
        run(CMAKE, "-G", "Ninja", "-S", project, "-B", project / "out",
            f"-DCMAKE_PREFIX_PATH={self.tree}", f"-DCMAKE_C_COMPILER={COMPILERS['C']}",
            f"-DCMAKE_C_FLAGS={' '.join(FLAGS)}", env=bare_environment())
        run(CMAKE, "--build", project / "out", env=bare_environment())
        self.assert_all_run(project / "out", ["one_product"])

    def pkg_config(self, package):
        env = bare_environment(PKG_CONFIG_PATH=str(self.lib / "pkgconfig"))
        said = subprocess.run(["pkg-config", "--cflags", "--libs", package], capture_output=True,
                              text=True, env=env, check=True).stdout
        # As a shell takes it: a blank in the path is escaped.
        return [word.replace("\0", " ") for word in said.replace("\\ ", "\0").split()]

    def test_pkg_config_builds_the_examples(self):
        if shutil.which("pkg-config") is None:
            self.skipTest("pkg-config is not installed")
        for package in ("deepgemm", "deepgemm-static"):
            options = self.pkg_config(package)
            for language, source in (("C", "one_product.c"), ("CXX", "many_products.cpp")):
                program = self.folder / f"{pathlib.Path(source).stem}-{package}"
                run(COMPILERS[language], *FLAGS, self.examples / source, *options, "-ldl", "-lm",
                    "-o", program, env=bare_environment())
        self.assert_all_run(self.folder, [f"{name}-{package}"
                                          for name in ("one_product", "many_products")
                                          for package in ("deepgemm", "deepgemm-static")])

    def test_the_shipped_bundle_is_found_by_the_commands_of_the_readme(self):
        bundle = self.tree / "share" / "deepgemm" / "bundles" / "h100-sxm5.dgdb"
        self.assertEqual(bundle.read_bytes(),
                         (SOURCE / "db" / "data" / "h100-sxm5.dgdb").read_bytes())
        readme = (SOURCE / "README.md").read_text(encoding="utf-8")
        for word in ("share/deepgemm/examples/one_product.c", "--libs deepgemm) -ldl -lm",
                     "./one_product share/deepgemm/bundles/h100-sxm5.dgdb 64 2112 7168"):
            self.assertIn(word, readme)
        program = self.folder / "one_product"
        lib = [f"-I{self.tree / 'include'}", f"-L{self.lib}", "-ldeepgemm"]
        run(COMPILERS["C"], *FLAGS, self.examples / "one_product.c", *lib, "-ldl", "-lm", "-o",
            program, env=bare_environment())
        self.assert_needs_a_gpu(program, bundle, 64, 2112, 7168)

    def test_what_quickstart_builds_can_be_installed(self):
        install = (SOURCE / "scripts" / "cmake" / "Install.cmake").read_text(encoding="utf-8")
        installed = " ".join(re.findall(r"install\(TARGETS ([\w -]+?)\s+(?:EXPORT|RUNTIME)", install))
        built, = re.findall(r"^configure_and_build release (.*)",
                            (SOURCE / "scripts" / "quickstart").read_text(encoding="utf-8"),
                            re.MULTILINE)
        self.assertEqual(sorted(installed.split()), sorted(built.split()))

    def test_an_example_says_what_is_wrong_with_its_arguments(self):
        program = self.folder / "one_product"
        lib = [f"-I{self.tree / 'include'}", f"-L{self.lib}", "-ldeepgemm"]
        run(COMPILERS["C"], *FLAGS, self.examples / "one_product.c", *lib, "-ldl", "-lm", "-o",
            program, env=bare_environment())
        env = bare_environment(LD_LIBRARY_PATH=str(self.lib))
        for arguments, needle in (([], "arguments"), (["none.dgdb"], "none.dgdb")):
            result = subprocess.run([program, *arguments], capture_output=True, text=True, env=env,
                                    cwd=self.folder, check=False)
            self.assertEqual(result.returncode, USAGE, result.stderr)
            self.assertIn(needle, result.stderr)


class Tarball(unittest.TestCase):
    def test_it_holds_what_a_serving_team_needs(self):
        with tempfile.TemporaryDirectory(prefix="deepgemm-pack-") as folder:
            folder = pathlib.Path(folder)
            run(pathlib.Path(CMAKE).with_name("cpack"), "-G", "TGZ", "-B", folder, cwd=BUILD)
            archive, = folder.glob("deepgemm-*.tar.gz")
            self.assertTrue(pathlib.Path(f"{archive}.sha256").exists())
            with tarfile.open(archive) as packed:
                packed.extractall(folder / "unpacked")
            tree, = (folder / "unpacked").iterdir()
            self.assertEqual(tree.name, archive.name.removesuffix(".tar.gz"))
            for name in ("bin/deepgemm-tune", "bin/deepgemm-bench", "bin/deepgemm-db",
                         "include/deepgemm/deepgemm.h", "include/deepgemm/deepgemm.hpp",
                         "share/doc/deepgemm/LICENSE",
                         "share/doc/deepgemm/third-party-licenses.txt",
                         "share/deepgemm/examples/one_product.c"):
                self.assertTrue((tree / name).is_file(), name)
            for pattern in ("libdeepgemm.a", "libdeepgemm.so", "libdeepgemm.so.0",
                            "libdeepgemm.so.0.*", "pkgconfig/deepgemm.pc",
                            "cmake/deepgemm/deepgemmConfig.cmake"):
                self.assertTrue(list(tree.glob(f"lib*/**/{pattern}")), pattern)
            said = run(tree / "bin" / "deepgemm-db", "--version", env=bare_environment())
            self.assertTrue(said.startswith("deepgemm-db "))


if __name__ == "__main__":
    unittest.main()
