"""What scripts/gpu-dense prints of its measurements.

  dense_report.py PEERS.csv RUN.json [RUN.json …] --others OTHERS.json

PEERS.csv: shapes with limit_us, deepgemm_us and cublaslt_tensorwide_us of another machine. Each RUN is a
report of deepgemm-bench over these shapes; a figure of a shape is the median of all runs. The smaller
of both machines' limits counts. Exits with 1 where a figure does not hold.
"""

import argparse
import csv
import json
import math
import statistics
import sys

# Classes of the known shapes: values of m, the least share of the limit, and the share aimed at.
CLASSES = (((1,), 0.82, 0.88), ((64, 128), 0.86, 0.91), ((256, 512, 1024), 0.77, 0.85),
           ((4096,), 0.87, 0.91))
# Classes of the others: the largest m.
OTHER_CLASSES = (16, 192, 2048, 8192)
NOISE = 1.03  # "slower" and "worse" mean beyond it
FACTORS = ("over_default", "over_cublaslt_block", "over_cublaslt_tensorwide")


def key(row):
    return tuple(int(row[field]) for field in ("m", "n", "k"))


def mean(values):
    """Geometric, over what is known; None over nothing."""
    known = [value for value in values if value]
    return math.exp(sum(map(math.log, known)) / len(known)) if known else None


def median_of(lines, field):
    values = [line[field] for line in lines if line[field] is not None]
    return statistics.median(values) if values else None


def read_reports(files):
    """Of each shape: the medians over all reports, and the candidate's errors."""
    lines = {}
    for file in files:
        with open(file, encoding="utf-8") as report:
            for line in json.load(report)["shapes"]:
                lines.setdefault(key(line["shape"]), []).append(line)
    shapes = {}
    for shape, runs in lines.items():
        shapes[shape] = {field: median_of(runs, field)
                         for field in ("time_us", "limit_us", "tflops", "gbps", *FACTORS)}
        shapes[shape]["config"] = runs[0]["config"]
        shapes[shape]["bad"] = [run["status"] for run in runs if run["status"] != "ok"]
        checks = [entry["verification"] for entry in runs[0]["entries"]
                  if entry["contender"] == "candidate" and entry["verification"]]
        shapes[shape]["check"] = checks[0] if checks else None
    return shapes


def read_peers(file):
    with open(file, encoding="utf-8") as text:
        rows = csv.DictReader(line for line in text if not line.startswith("#"))
        return {key(row): {field: float(row[field]) for field in
                           ("limit_us", "deepgemm_us", "cublaslt_tensorwide_us")} for row in rows}


def add_shares(shapes, peers):
    for shape, line in shapes.items():
        peer = peers.get(shape)
        limits = [limit for limit in (line["limit_us"], peer and peer["limit_us"]) if limit]
        line["share"] = min(limits) / line["time_us"] if limits and line["time_us"] else None
        line["theirs"] = peer["limit_us"] / peer["deepgemm_us"] if peer else None
        # Both relative to the same library on the same machine as the kernel.
        line["their_wide"] = peer["cublaslt_tensorwide_us"] / peer["deepgemm_us"] if peer else None


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


def print_shapes(shapes):
    print(f"{'shape':<18}{HEAD}  config")
    for shape, line in sorted(shapes.items()):
        print(f"{'x'.join(map(str, shape)):<18}"
              + cells(line["time_us"], line["limit_us"], line["share"], line["theirs"],
                      [line[field] for field in FACTORS])
              + f"  {config_text(line['config'])}{'  ' + line['bad'][0] if line['bad'] else ''}")


def print_class(name, lines):
    print(f"{name:<18}" + cells(None, None, mean([line["share"] for line in lines]),
                                mean([line["theirs"] for line in lines]),
                                [mean([line[field] for line in lines]) for field in FACTORS])
          + f"  {len(lines)} shapes")


class Demands:
    """What must hold, each printed with its figure."""

    def __init__(self):
        self.broken = 0

    def __call__(self, what, value, bound, at_least=True, aim=None):
        holds = value is not None and (value >= bound if at_least else value <= bound)
        self.broken += not holds
        print(f"{what:<66}{figure(value, 3):>7}  ({'at least' if at_least else 'at most'} {bound:.3g}"
              + (f", aim {aim:.3g}" if aim else "") + (")" if holds else ")  DOES NOT HOLD"))

    def of_each(self, what, shapes, value_of, bound):
        """No shape may lie below; names those that do."""
        values = {shape: value_of(line) for shape, line in shapes.items()}
        known = {shape: value for shape, value in values.items() if value is not None}
        worst = min(known, key=known.get) if known else None
        self(f"{what}, worst", known.get(worst), bound)
        for shape, value in sorted(known.items()):
            if value < bound:
                print(f"    {'x'.join(map(str, shape))}: {value:.3f}")


def class_name(values):
    return "m = " + ", ".join(map(str, values))


def judge(known, others):
    demand = Demands()
    for values, least, aim in CLASSES:
        demand(f"share of the limit, {class_name(values)}",
               mean([line["share"] for shape, line in known.items() if shape[0] in values]), least,
               aim=aim)
    demand("x cuBLASLt tensor-wide, all",
           mean([line["over_cublaslt_tensorwide"] for line in known.values()]), 0.97, aim=1)
    many = {shape: line for shape, line in known.items() if shape[0] >= 64}
    demand("x cuBLASLt block-scaled, m >= 64",
           mean([line["over_cublaslt_block"] for line in many.values()]), 1.3)
    demand.of_each("x cuBLASLt block-scaled", known, lambda line: line["over_cublaslt_block"],
                   1 / NOISE)
    demand.of_each("x tensor-wide over DeepGEMM's", known,
                   lambda line: line["over_cublaslt_tensorwide"] / line["their_wide"]
                   if line["over_cublaslt_tensorwide"] and line["their_wide"] else None, 1 / NOISE)
    demand("untuned default over the winner, known shapes",
           mean([line["over_default"] for line in known.values()]), 1.05, at_least=False)
    demand("untuned default over the winner, others",
           mean([line["over_default"] for line in others.values()]), 1.05, at_least=False)
    errors = [line["check"]["relative_error_f64"] / line["check"]["reference_error_f64"]
              for line in [*known.values(), *others.values()]
              if line["check"] and line["check"]["reference"] == "cublaslt-block"
              and line["check"]["reference_error_f64"]]
    demand("RMS error against float64 over cuBLASLt block-scaled's, worst",
           max(errors) if errors else None, 1.05, at_least=False)
    bad = sum(bool(line["bad"]) for line in [*known.values(), *others.values()])
    demand("shapes without a verified result", bad, 0, at_least=False)
    return demand.broken


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peers")
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--others", required=True)
    arguments = parser.parse_args()
    peers = read_peers(arguments.peers)
    known, others = read_reports(arguments.runs), read_reports([arguments.others])
    for shapes in (known, others):
        add_shares(shapes, peers)
        print_shapes(shapes)
        print()
    print(f"{'geometric means':<18}{HEAD}")
    for values, _, _ in CLASSES:
        print_class(class_name(values), [line for shape, line in known.items() if shape[0] in values])
    print_class("all known", list(known.values()))
    least = 1
    for most in OTHER_CLASSES:
        print_class(f"m {least} to {most}",
                    [line for shape, line in others.items() if least <= shape[0] <= most])
        least = most + 1
    print_class("all others", list(others.values()))
    every = [*known.values(), *others.values()]
    for field, unit in (("tflops", "TFLOP/s"), ("gbps", "GB/s")):
        print(f"peak {max(line[field] or 0 for line in every):.0f} {unit}")
    print()
    broken = judge(known, others)
    print("all of it holds" if broken == 0 else f"{broken} of it do not hold")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
