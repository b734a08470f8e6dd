"""What scripts/gpu-trust prints of its measurements.

  trust_report.py FOLDER

FOLDER holds the reports of deepgemm-tune and of deepgemm-db diff --measure that the script wrote.
Exits with 1 where a figure does not hold, and names the shapes that are to blame.
"""

import json
import math
import pathlib
import sys

KINDS = ("", "masked-", "contiguous-")  # of the exhaustive searches
RUNS = (1, 2, 3)  # with a worker process, and without


def shape_text(shape):
    extents = f"{shape['m']}x{shape['n']}x{shape['k']}"
    if shape["op"] == "dense":
        return extents
    return f"{shape['op'].removeprefix('grouped-')} {shape['groups']}x {extents}"


def share(ratio):
    return 100 * (ratio - 1)


def mean(ratios):
    return math.exp(sum(math.log(ratio) for ratio in ratios) / len(ratios))


def samples_of(shape):
    measurements = [trial.get("measurement") or {} for trial in shape["trials"]]
    return sum(measurement.get("samples", 0) for measurement in measurements)


def line_through(points):
    """Least squares. Returns the line as a function."""
    x_mean = sum(x for x, _ in points) / len(points)
    y_mean = sum(y for _, y in points) / len(points)
    spread = sum((x - x_mean) ** 2 for x, _ in points)
    slope = sum((x - x_mean) * y for x, y in points) / spread if spread else 0
    return lambda x: y_mean + slope * (x - x_mean)


class Report:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.broken = 0

    def read(self, name):
        return json.loads((self.folder / f"{name}.json").read_text())

    def seconds(self, name):
        return self.read(name)["seconds"]

    def line(self, what, value, unit, limit=None):
        holds = limit is None or value <= limit
        self.broken += not holds
        print(f"{what:56} {value:8.2f} {unit}"
              + (f"  (at most {limit:g})" if limit is not None else "")
              + ("" if holds else "  DOES NOT HOLD"))

    def none_of(self, what, names):
        self.line(what, len(names), "", 0)
        for name in names:
            print(f"    {name}")

    def times(self):
        self.line("default effort, empty cache", self.seconds("first"), "s", 480)
        self.line("default effort, empty cache, once more", self.seconds("second"), "s", 480)
        self.line("default effort, warm cache", self.seconds("warm"), "s", 150)
        self.line("quick effort, empty cache", self.seconds("quick"), "s", 100)
        # By the clock on the wall: a process also starts and ends.
        self.line("nothing to do", float((self.folder / "rerun.wall").read_text()), "s", 2)
        self.line("with a worker process over without, for equal work", self.isolation(), "x", 1.15)
        isolated, together = (sum(self.seconds(f"{mode}-{run}") for run in RUNS)
                              for mode in ("isolated", "together"))
        self.line("the same as timed, each with its own number of samples", isolated / together, "x")

    def isolation(self):
        """How much longer a shape takes in a worker process than without, the start included. A
        race ends when it knows enough, and no two race equally long: both are taken at as many
        samples, by a line through the times of all shapes."""
        points = {}
        start = {}
        for mode in ("isolated", "together"):
            reports = [self.read(f"{mode}-{run}") for run in RUNS]
            shapes = [shape for report in reports for shape in report["shapes"]]
            points[mode] = [(samples_of(shape), shape["seconds"]) for shape in shapes]
            start[mode] = (sum(report["seconds"] for report in reports)
                           - sum(shape["seconds"] for shape in shapes)) / len(shapes)
        everything = points["isolated"] + points["together"]
        samples = sum(x for x, _ in everything) / len(everything)
        seconds = {mode: start[mode] + line_through(points[mode])(samples) for mode in points}
        return seconds["isolated"] / seconds["together"]

    def agreement(self):
        """Two tunes of one machine. Returns how far one config is from itself, in percent."""
        report = self.read("agreement")
        races = report["races"]
        self.none_of("shapes whose two winners did not race", self.absent("first", races, "new"))
        other = [race for race in races if not race["same_config"]]
        self.line("shapes where two tunes chose different configs",
                  100 * len(other) / len(races) if races else 100, "%", 5)
        for race in other:
            if race["new"] and race["new"]["over_old"]:
                self.line(f"  {shape_text(race['shape'])}, the slower of the two",
                          abs(share(race["new"]["over_old"])), "%", 1)
        twins = report["same_config_twice"]
        if twins is None:
            print("one config against itself: no shape has the same one in both")
            return 0
        spread = max(share(twins["largest"]), -share(twins["smallest"]))
        self.line("one config against itself, furthest apart", spread, "%")
        return spread

    def absent(self, tune, races, who):
        """Shapes that a tune was asked for and that have no time of `who` in these races."""
        timed = {shape_text(race["shape"]) for race in races
                 if race[who] and race[who]["over_old"]}
        asked = [shape_text(shape["shape"]) for shape in self.read(tune)["shapes"]]
        return [shape for shape in asked if shape not in timed]

    def regrets(self, name, who):
        """Times over the exhaustive search's winners, of all dense and grouped shapes; and the
        shapes that have none."""
        ratios, missing = [], []
        for kind in KINDS:
            races = self.read(f"{kind}regret-{name}")["races"]
            ratios += [race[who]["over_old"] for race in races
                       if race[who] and race[who]["over_old"]]
            missing += self.absent(f"{kind}exhaustive", races, who)
        return ratios, missing

    def unfinished(self):
        """Against a search that its budget ended, regret may look smaller than it is."""
        searched = [shape for kind in KINDS for shape in self.read(f"{kind}exhaustive")["shapes"]]
        ended = [shape for shape in searched if shape["budget_ran_out"]]
        self.line("exhaustive searches that their budget ended", len(ended), f"of {len(searched)}")
        for shape in ended:
            tried = shape["winner"]["trials"] if shape["winner"] else 0
            ranked = f" of {shape['plan']['ranked']}" if shape.get("plan") else ""
            print(f"    {shape_text(shape['shape'])}: {tried}{ranked} candidates tried")

    def regret(self, spread):
        for name, least, worst in (("default", 1, 3), ("quick", 3, None)):
            over, missing = self.regrets(name, "new")
            self.none_of(f"shapes that did not race, {name} against exhaustive", missing)
            if not over:
                continue
            self.line(f"{name} over exhaustive, geometric mean of {len(over)} shapes",
                      share(mean(over)), "%", least)
            self.line(f"{name} over exhaustive, worst", share(max(over)), "%",
                      None if worst is None else worst + spread)
        self.unfinished()
        over, missing = self.regrets("default", "default")
        if over:
            self.line(f"untuned default over exhaustive, geometric mean of {len(over)} shapes",
                      share(mean(over)), "%")
            self.line("untuned default over exhaustive, worst", share(max(over)), "%")
        for shape in missing:
            print(f"    {shape}: no time of the untuned default")

    def verdict(self):
        print("all of it holds" if not self.broken else f"{self.broken} of it do not hold")
        return 1 if self.broken else 0


def main():
    report = Report(sys.argv[1])
    report.times()
    report.regret(report.agreement())
    return report.verdict()


if __name__ == "__main__":
    sys.exit(main())
