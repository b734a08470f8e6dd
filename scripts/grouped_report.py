"""What scripts/gpu-grouped prints of its measurements.

  grouped_report.py CASES.csv RUN.json [RUN.json …] --even RUN.json… --half RUN.json… --zipf RUN.json…

CASES.csv: cases with limit_us and deepgemm_us of another machine. Each RUN is a report of
deepgemm-bench over these cases with their exact rows, or with rows drawn; a figure of a case is the
median of all runs. Only rows that groups have count as work, and the smaller of both machines'
limits counts. Exits with 1 where a figure does not hold, and names the cases that are to blame.
"""

import argparse
import sys

from bench_report import (HEAD, Demands, add_shares, figure, print_class, print_shapes, read_peers,
                          read_reports)

# Classes of cases: name, operation, (groups, m) of its cases, the least mean share of the limit. m
# is the mean of contiguous groups and 1.2 times the mean of masked ones, whose mean the name has.
CLASSES = (
    ("contiguous 4x8192, 8x4096", "grouped-contiguous", ((4, 8192), (8, 4096)), 0.88),
    ("contiguous 16x512, 32x256", "grouped-contiguous", ((16, 512), (32, 256)), 0.74),
    ("masked 1x1024, 2x512, 4x256", "grouped-masked", ((1, 1229), (2, 614), (4, 307)), 0.77),
    ("masked 6x1024, 32x192", "grouped-masked", ((6, 1229), (32, 230)), 0.85),
    ("masked 32x20, 6x20, 32x64", "grouped-masked", ((32, 24), (6, 24), (32, 77)), 0.91))
NOT_BELOW_THEIRS = 0.97  # of DeepGEMM's share, of each case
NOT_BELOW_EVEN = 0.90    # of the even draw's share, of each skewed one
SKEWS = ("half", "zipf")
WIDTH = 30               # of the first column


def over(value, other):
    return value / other if value and other else None


def lacks_result(line):
    return line is None or line["bad"] or not line["share"]


def of_class(cases, operation, members):
    return {shape: line for shape, line in cases.items()
            if shape.op == operation and (shape.groups, shape.m) in members}


def print_skews(draws):
    print(f"{'share of limit, rows drawn':<{WIDTH}}{'even':>7}"
          + "".join(f"{skew:>7}{'/ even':>8}" for skew in SKEWS))
    for shape, even in draws["even"].items():
        shares = [draws[skew].get(shape, {}).get("share") for skew in SKEWS]
        print(f"{shape!s:<{WIDTH}}{figure(even['share'], 3):>7}"
              + "".join(f"{figure(share, 3):>7}{figure(over(share, even['share']), 3):>8}"
                        for share in shares))


def judge(peers, cases, draws):
    demand = Demands()
    for name, operation, members, least in CLASSES:
        demand.of_all(name, of_class(cases, operation, members), least)
    demand.of_each("share over DeepGEMM's", cases,
                   lambda line: over(line["share"], line["theirs"]), NOT_BELOW_THEIRS)
    for skew in SKEWS:
        demand.of_each(f"share of the skewed draw '{skew}' over the even one's", draws[skew],
                       lambda line: over(line["share"], line["even"]), NOT_BELOW_EVEN)
    everything = {shape: cases.get(shape) for shape in peers}
    demand.none_of("cases without a verified result", everything, lacks_result)
    demand.none_of("cases whose exact m was not tuned", everything,
                   lambda line: line is not None and line["match"] != "exact")
    drawn = dict.fromkeys(shape for lines in draws.values() for shape in lines)
    for name, lines in draws.items():
        demand.none_of(f"draws '{name}' without a verified result",
                       {shape: lines.get(shape) for shape in drawn}, lacks_result)
    return demand.verdict()


def pair_with_even(draws):
    for lines in draws.values():
        add_shares(lines, {})
        for shape, line in lines.items():
            line["even"] = draws["even"].get(shape, {}).get("share")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases")
    parser.add_argument("runs", nargs="+")
    for name in ("even", *SKEWS):
        parser.add_argument(f"--{name}", nargs="+", required=True)
    arguments = parser.parse_args()
    peers = read_peers(arguments.cases, ("limit_us", "deepgemm_us"))
    cases = read_reports(arguments.runs)
    draws = {name: read_reports(getattr(arguments, name)) for name in ("even", *SKEWS)}
    add_shares(cases, peers)
    pair_with_even(draws)
    print_shapes(cases, WIDTH)
    print(f"\n{'geometric means':<{WIDTH}}{HEAD}")
    for name, operation, members, _ in CLASSES:
        print_class(name, list(of_class(cases, operation, members).values()), WIDTH)
    print_class("all", list(cases.values()), WIDTH)
    print()
    print_skews(draws)
    print()
    return judge(peers, cases, draws)


if __name__ == "__main__":
    sys.exit(main())
