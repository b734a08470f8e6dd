"""What scripts/gpu-dense prints of its measurements.

  dense_report.py PEERS.csv RUN.json [RUN.json …] --others OTHERS.json

PEERS.csv: shapes with limit_us, deepgemm_us and cublaslt_tensorwide_us of another machine. Each RUN is a
report of deepgemm-bench over these shapes; a figure of a shape is the median of all runs. The smaller
of both machines' limits counts. Exits with 1 where a figure does not hold.
"""

import argparse
import sys

from bench_report import (FACTORS, HEAD, Demands, add_shares, mean, print_class, print_shapes,
                          read_peers, read_reports)

# Classes of the known shapes: values of m, the least share of the limit, and the share aimed at.
CLASSES = (((1,), 0.82, 0.88), ((64, 128), 0.86, 0.91), ((256, 512, 1024), 0.77, 0.85),
           ((4096,), 0.87, 0.91))
# Classes of the others: the largest m.
OTHER_CLASSES = (16, 192, 2048, 8192)
NOISE = 1.03  # "slower" and "worse" mean beyond it
WIDTH = 18    # of the first column


def add_their_wide(shapes, peers):
    """Both relative to the same library on the same machine as the kernel."""
    for shape, line in shapes.items():
        peer = peers.get(shape)
        line["their_wide"] = peer["cublaslt_tensorwide_us"] / peer["deepgemm_us"] if peer else None


def class_name(values):
    return "m = " + ", ".join(map(str, values))


def judge(known, others):
    demand = Demands()
    for values, least, aim in CLASSES:
        demand.of_all(class_name(values),
                      {shape: line for shape, line in known.items() if shape.m in values}, least,
                      aim=aim)
    demand("x cuBLASLt tensor-wide, all",
           mean([line["over_cublaslt_tensorwide"] for line in known.values()]), 0.97, aim=1)
    many = {shape: line for shape, line in known.items() if shape.m >= 64}
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
    for whose, shapes in (("known", known), ("other", others)):
        demand.none_of(f"{whose} shapes without a verified result", shapes,
                       lambda line: line["bad"])
    return demand.verdict()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("peers")
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--others", required=True)
    arguments = parser.parse_args()
    peers = read_peers(arguments.peers, ("limit_us", "deepgemm_us", "cublaslt_tensorwide_us"))
    known, others = (dict(sorted(read_reports(files).items()))
                     for files in (arguments.runs, [arguments.others]))
    for shapes in (known, others):
        add_shares(shapes, peers)
        add_their_wide(shapes, peers)
        print_shapes(shapes, WIDTH)
        print()
    print(f"{'geometric means':<{WIDTH}}{HEAD}")
    for values, _, _ in CLASSES:
        print_class(class_name(values),
                    [line for shape, line in known.items() if shape.m in values], WIDTH)
    print_class("all known", list(known.values()), WIDTH)
    least = 1
    for most in OTHER_CLASSES:
        print_class(f"m {least} to {most}",
                    [line for shape, line in others.items() if least <= shape.m <= most],
                    WIDTH)
        least = most + 1
    print_class("all others", list(others.values()), WIDTH)
    every = [*known.values(), *others.values()]
    for field, unit in (("tflops", "TFLOP/s"), ("gbps", "GB/s")):
        print(f"peak {max(line[field] or 0 for line in every):.0f} {unit}")
    print()
    return judge(known, others)


if __name__ == "__main__":
    sys.exit(main())
