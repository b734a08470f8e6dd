"""The HTML reports: one file that needs no network, drawn and used in a headless Chromium."""

import base64
import json
import re
import shutil
import subprocess
import unittest

from cli import FEW, SOURCE, CliTest

SHAPES = ["64,128x2112x7168", "8x576x7168"]
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

# Added to a copy of the page: uses it as a reader would and leaves in the document what it saw.
PROBE = """<script>
const seen = {errors: [], charts: [], rows: {}};
addEventListener('error', (event) => seen.errors.push(event.message));
const painted = (canvas) => {
  const copy = new OffscreenCanvas(canvas.width, canvas.height)
    .getContext('2d', {willReadFrequently: true});
  copy.drawImage(canvas, 0, 0);
  return copy.getImageData(0, 0, canvas.width, canvas.height).data.some((byte) => byte !== 0);
};
const look = () => [...document.querySelectorAll('canvas')].map((canvas) =>
  ({label: canvas.getAttribute('aria-label'), painted: painted(canvas)}));
const bodies = () => [...document.querySelectorAll('tbody')].map((body) =>
  [...body.rows].map((row) => [...row.cells].map((cell) => cell.textContent)));
seen.charts = look();
seen.rows.first = bodies();
for (const box of document.querySelectorAll('select')) {
  for (const option of box.options) {
    box.value = option.value;
    box.dispatchEvent(new Event('change'));
  }
}
for (const box of document.querySelectorAll('input[type=checkbox]')) { box.click(); box.click(); }
for (const button of document.querySelectorAll('th button')) { button.click(); button.click(); }
seen.rows.sorted = bodies();
seen.sort = [...document.querySelectorAll('th[aria-sort]')].map((head) => head.ariaSort);
for (const box of document.querySelectorAll('input[type=search]')) {
  box.value = 'no row has this';
  box.dispatchEvent(new Event('input'));
}
seen.rows.filtered = bodies();
for (const box of document.querySelectorAll('input[type=search]')) {
  box.value = '8x576 ';
  box.dispatchEvent(new Event('input'));
}
seen.rows.found = bodies();
document.querySelector('tr.pick')?.click();
dispatchEvent(new Event('beforeprint'));
seen.printed = look();
dispatchEvent(new Event('afterprint'));
seen.ready = document.documentElement.dataset.ready ?? 'no';
seen.fetched = performance.getEntriesByType('resource').map((entry) => entry.name);
document.body.append(Object.assign(document.createElement('pre'),
  {id: 'seen', textContent: '@@' + btoa(unescape(encodeURIComponent(JSON.stringify(seen)))) + '@@'}));
</script></body>"""


class HtmlReports(CliTest):
    def tune_page(self, *arguments, env=None):
        self.run_command("deepgemm-tune-scripted", *SHAPES, *FEW, "--output", "tune.html",
                         *arguments, env=env)
        return (self.folder / "tune.html").read_text()

    def bench_page(self, env=None):
        self.run_command("deepgemm-bench-scripted", *SHAPES, "--output", "bench.html", env=env)
        return (self.folder / "bench.html").read_text()

    def use(self, page):
        """What PROBE saw, in a browser without network."""
        if BROWSER is None:
            self.skipTest("no Chromium here (Debian: apt-get install chromium)")
        path = self.folder / "probed.html"
        path.write_text(page.replace("</body>", PROBE))
        result = subprocess.run(
            [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--window-size=1280,2400", "--enable-logging=stderr", "--virtual-time-budget=10000",
             f"--user-data-dir={self.folder / 'profile'}",
             "--host-resolver-rules=MAP * ~NOTFOUND", "--dump-dom", path.as_uri()],
            capture_output=True, text=True, timeout=120, check=False, env=self.environment)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertNotIn("CONSOLE", result.stderr)
        found = re.search(r"@@([A-Za-z0-9+/=]+)@@</pre>", result.stdout)
        self.assertIsNotNone(found, result.stderr)
        seen = json.loads(base64.b64decode(found[1]))
        self.assertEqual(seen["errors"], [])
        self.assertEqual(seen["ready"], "yes")
        self.assertEqual(seen["fetched"], [])
        for chart in seen["charts"] + seen["printed"]:
            self.assertTrue(chart["painted"], chart)
            self.assertTrue(chart["label"], chart)
        return seen

    def assert_one_file(self, page):
        frame = re.sub(r"<(script|style)[^>]*>.*?</\1>", "", page, flags=re.DOTALL)
        self.assertNotRegex(frame, r"\b(src|href)=")
        self.assertIn("default-src 'none'", frame)
        self.assertIn("<noscript>", frame)
        self.assertIn("2112", frame.split("<noscript>")[1])
        self.assertIn("Chart.js Contributors", page)

    def test_a_benchmark_is_one_file(self):
        self.assert_one_file(self.bench_page())

    def test_a_tuning_run_is_one_file(self):
        self.assert_one_file(self.tune_page())

    def test_the_page_of_a_benchmark_works(self):
        self.tune_page()
        seen = self.use(self.bench_page())
        self.assertEqual(len(seen["charts"]), 4)
        classes, shapes = seen["rows"]["first"]
        self.assertEqual([row[0] for row in classes], ["m <= 16", "m 17 to 128", "all m"])
        self.assertEqual([row[0] for row in shapes], ["64", "128", "8"])
        self.assertEqual([len(rows) for rows in seen["rows"]["filtered"]], [3, 0])
        self.assertEqual([row[0] for row in seen["rows"]["found"][1]], ["8"])
        self.assertEqual(seen["sort"], ["descending", "descending"])

    def test_the_page_of_a_tuning_run_shows_every_candidate(self):
        page = self.tune_page()
        seen = self.use(page)
        report = json.loads(re.search(r'id="report">(.*?)</script>', page, re.DOTALL)[1])
        self.assertEqual(len(seen["charts"]), 2)
        candidates, winners, rules = seen["rows"]["first"]
        self.assertEqual(len(candidates), len(report["shapes"][0]["candidates"]))
        self.assertGreater(len(candidates), 1)
        times = [float(row[4].split()[0]) for row in candidates]
        self.assertEqual(times, sorted(times))
        self.assertEqual(sum("★" in row[1] for row in candidates), 1)
        self.assertEqual(len(winners), 3)
        self.assertGreater(len(rules), 0)
        self.assertEqual([len(rows) for rows in seen["rows"]["filtered"][:2]], [0, 0])
        self.assertEqual({row[0] for row in seen["rows"]["found"][0]}, {"8×576×7168"})

    def test_failures_are_drawn_too(self):
        wrong = {"SCRIPTED_WRONG": "1"}
        seen = self.use(self.tune_page(env=wrong))
        self.assertEqual({row[3] for row in seen["rows"]["first"][0]}, {"wrong"})
        seen = self.use(self.bench_page(env=wrong))
        self.assertEqual(len(seen["rows"]["first"][0]), 3)
        self.assertIn("wrong: the script says so", seen["rows"]["first"][0][0])

    def test_colours_can_be_told_from_the_page(self):
        """Contrast as WCAG 2.2 defines it: 4.5 for text, 3 for what is drawn."""
        def luminance(colour):
            parts = [int(colour[at:at + 2], 16) / 255 for at in (1, 3, 5)]
            linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
                      for part in parts]
            return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

        script = (SOURCE / "app/html/report.js").read_text()
        for scheme in ("light", "dark"):
            block = re.search(rf"{scheme}: {{(.*?)}}", script, re.DOTALL)[1]
            colours = dict(re.findall(r"(\w+): '(#\w{6})'", block))
            surface = luminance(colours.pop("surface"))
            del colours["line"]  # the grid is meant to stay in the background
            self.assertGreaterEqual(len(colours), 8)
            for name, colour in colours.items():
                lighter, darker = sorted((luminance(colour), surface), reverse=True)
                needed = 4.5 if name in ("ink", "muted") else 3
                self.assertGreaterEqual((lighter + 0.05) / (darker + 0.05), needed,
                                        f"{scheme} {name}")

    def test_a_dry_run_has_no_page(self):
        result = self.run_command("deepgemm-tune", SHAPES[0], "--device", "h100-sxm5", "--dry-run",
                                  "--output", "plan.html")
        self.assert_fails(result, 2, "plan.html", ".json")


if __name__ == "__main__":
    unittest.main()
