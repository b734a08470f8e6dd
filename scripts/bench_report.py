"""What the reports over several runs of deepgemm-bench share (dense_report.py, grouped_report.py).

A figure of a shape is the median of all runs. The smaller of both machines' limits counts: ours of
the run, and that of the machine where others' times were taken.
"""

import csv
import json
import math
import statistics
import typing

FACTORS = ("over_default", "over_cublaslt_block", "over_cublaslt_tensorwide")


class Shape(typing.NamedTuple):
    """Of a row of csv, or of a report's "shape"."""
    op: str
    groups: int
    m: int
    n: int
    k: int

    @classmethod
    def of(cls, row):
        numbers = (int(row[field]) for field in ("m", "n", "k"))
        return cls(row["op"], int(row.get("groups", 1)), *numbers)

    def __str__(self):
        extents = f"{self.m}x{self.n}x{self.k}"
        if self.op == "dense":
            return extents
        return f"{self.op.removeprefix('grouped-')} {self.groups}x {extents}"


def mean(values):
    """Geometric, over what is known; None over nothing."""
    known = [value for value in values if value]
    return math.exp(sum(map(math.log, known)) / len(known)) if known else None


def median_of(lines, field):
    values = [line[field] for line in lines if line[field] is not None]
    return statistics.median(values) if values else None


def read_reports(files):
    """Of each shape, in their order: the medians over all reports, and the candidate's errors."""
    lines = {}
    for file in files:
        with open(file, encoding="utf-8") as report:
            for line in json.load(report)["shapes"]:
                lines.setdefault(Shape.of(line["shape"]), []).append(line)
    shapes = {}
    for shape, runs in lines.items():
        shapes[shape] = {field: median_of(runs, field)
                         for field in ("time_us", "limit_us", "tflops", "gbps", *FACTORS)}
        shapes[shape]["config"] = runs[0]["config"]
        shapes[shape]["match"] = runs[0]["match"]
        shapes[shape]["runs"] = len(runs)
        shapes[shape]["bad"] = [run["status"] for run in runs if run["status"] != "ok"]
        checks = [entry["verification"] for entry in runs[0]["entries"]
                  if entry["contender"] == "candidate" and entry["verification"]]
        shapes[shape]["check"] = checks[0] if checks else None
    return shapes


def read_peers(file, fields):
    """Others' figures of each shape, in the file's order."""
    with open(file, encoding="utf-8") as text:
        rows = csv.DictReader(line for line in text if not line.startswith("#"))
        return {Shape.of(row): {field: float(row[field]) for field in fields} for row in rows}


def add_shares(shapes, peers):
    for shape, line in shapes.items():
        peer = peers.get(shape)
        limits = [limit for limit in (line["limit_us"], peer and peer["limit_us"]) if limit]
        line["least_limit_us"] = min(limits) if limits else None
        line["share"] = min(limits) / line["time_us"] if limits and line["time_us"] else None
        line["theirs"] = peer["limit_us"] / peer["deepgemm_us"] if peer else None


def figure(value, digits=2):
    return "-" if value is None else f"{value:.{digits}f}"


def config_text(config):
    return (f"{config['block_m']}x{config['block_n']} s{config['stages']} "
            f"c{config['cluster_m']}x{config['cluster_n']} w{config['math_warpgroups']} "
            f"a{config['accumulator_sets']} r{config['raster_group']} k{config['split_k']}"
            + (" ef" if config.get("l2_policy") == 2 else ""))


HEAD = (f"{'our us':>9}{'limit us':>10}{'share':>7}{'DeepGEMM':>10}{'x default':>11}{'x block':>9}"
        f"{'x wide':>8}")


def cells(time_us, limit_us, share, theirs, factors):
    return (f"{figure(time_us):>9}{figure(limit_us):>10}{figure(share, 3):>7}{figure(theirs, 3):>10}"
            f"{figure(factors[0], 3):>11}{figure(factors[1], 3):>9}{figure(factors[2], 3):>8}")


def print_shapes(shapes, width):
    print(f"{'shape':<{width}}{HEAD}  config")
    for shape, line in shapes.items():
        print(f"{shape!s:<{width}}"
              + cells(line["time_us"], line["least_limit_us"], line["share"], line["theirs"],
                      [line[field] for field in FACTORS])
              + f"  {config_text(line['config'])}{'  ' + line['bad'][0] if line['bad'] else ''}")


def print_class(name, lines, width):
    print(f"{name:<{width}}" + cells(None, None, mean([line["share"] for line in lines]),
                                     mean([line["theirs"] for line in lines]),
                                     [mean([line[field] for line in lines]) for field in FACTORS])
          + f"  {len(lines)} shapes")


class Demands:
    """What must hold, each printed with its figure."""

    def __init__(self):
        self.broken = 0

    def __call__(self, what, value, bound, at_least=True, aim=None, digits=3):
        """Whether it holds."""
        holds = value is not None and (value >= bound if at_least else value <= bound)
        self.broken += not holds
        print(f"{what:<66}{figure(value, digits):>7}  ({'at least' if at_least else 'at most'} {bound:.3g}"
              + (f", aim {aim:.3g}" if aim else "") + (")" if holds else ")  DOES NOT HOLD"))
        return holds

    def of_all(self, what, shapes, bound, aim=None):
        """The mean share of the limit; names the shapes that pull it below."""
        shares = {shape: line["share"] for shape, line in shapes.items()}
        if not self(f"share of the limit, {what}", mean(shares.values()), bound, aim=aim):
            self.name_below(shares, bound)

    def of_each(self, what, shapes, value_of, bound):
        """No shape may lie below; names those that do."""
        values = {shape: value_of(line) for shape, line in shapes.items()}
        known = [value for value in values.values() if value is not None]
        if not self(f"{what}, worst", min(known) if known else None, bound):
            self.name_below(values, bound)

    @staticmethod
    def name_below(values, bound):
        for shape, value in values.items():
            if value is not None and value < bound:
                print(f"    {shape}: {value:.3f}")

    def none_of(self, what, shapes, is_so):
        """Names the shapes of which it is so."""
        bad = [shape for shape, line in shapes.items() if is_so(line)]
        self(what, len(bad), 0, at_least=False, digits=0)
        for shape in bad:
            print(f"    {shape}")

    def verdict(self):
        """The last line, and the exit code."""
        print("all of it holds" if self.broken == 0 else f"{self.broken} of it do not hold")
        return 1 if self.broken else 0
