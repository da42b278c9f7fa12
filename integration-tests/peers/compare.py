"""Runs `attune identity dedupe` and peers on the same files in one run and prints a table.

    compare.py --attune target/release/attune --set FILE:ID:TRUTH [--set ...] [--peers splink,goldenmatch] [--json FILE]

TRUTH is a column, or re:PATTERN over the id. F1 is over pairs of records in one cluster. "own" is the threshold that the
program chooses or recommends; "best" the one that scores best when the labels are known. CPU seconds are of the whole
process, its start and reading included; memory is the most that was resident, as the process itself says: what the
system says of a child includes what its parent had when it began.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import score

HERE = Path(__file__).resolve().parent
THRESHOLDS = [0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999, 0.99999]


def measured(arguments, **more):
    """Runs a command to its end; its output and CPU seconds."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(arguments, stdout=out, stderr=err, **more)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if process.returncode:
            raise SystemExit(f"{arguments[0]} ended with {process.returncode}: {err.read()[-2000:]}")
        return out.read(), used.ru_utime + used.ru_stime


def dedupe(options, path, id_column, truth_column, folder, more):
    """One run of ours, without the truth column as evidence."""
    clusters = Path(folder) / "clusters.csv"
    arguments = [options.attune, "identity", "dedupe", "--input", path, "--id", id_column, "--output", str(clusters)]
    if not truth_column.startswith("re:"):
        arguments += ["--ignore", truth_column]
    _, cpu = measured(arguments + more)
    return score.read_column(clusters, "record_id", "person_id"), cpu


def ours(options, path, id_column, truth_column):
    truth = score.read_truth([path], id_column, truth_column)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        found, cpu = dedupe(options, path, id_column, truth_column, folder, ["--report", str(report)])
        said = json.loads(report.read_text())
        result = {"cpu_seconds": cpu, "peak_mb": said["peak_memory_bytes"] / 2**20, "own": score.figures(truth, found)}
        result["own"]["threshold"] = said["threshold"]["probability"]
        best = result["own"]
        for threshold in THRESHOLDS if options.sweep else []:
            found, _ = dedupe(options, path, id_column, truth_column, folder, ["--threshold", str(threshold)])
            now = {**score.figures(truth, found), "threshold": threshold}
            best = max(best, now, key=lambda figures: figures["f1"])
        result["best"] = best if options.sweep else None
    return result


def peer(name, path, id_column, truth_column):
    with tempfile.TemporaryDirectory() as folder:
        script = HERE / f"{name}_dedupe.py"
        arguments = [sys.executable, str(script), "--input", path, "--id", id_column, "--truth", truth_column]
        out, _ = measured(arguments + ["--output", str(Path(folder) / "clusters.csv")])
    return json.loads(out.strip().splitlines()[-1])


def row(name, who, result):
    def figures(of):
        return f"{of['f1']:.4f} ({of['precision']:.4f} {of['recall']:.4f})" if of else "-"

    own, best = result["own"], result.get("best")
    at = f"{own['threshold']:.4f}" if own.get("threshold") is not None else "-"
    best_at = f"{best['threshold']:.6g}" if best and best.get("threshold") is not None else "-"
    cells = [name, who, figures(own), at, figures(best), best_at]
    return cells + [f"{result['cpu_seconds']:.2f}", f"{result['peak_mb']:.0f}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--attune", required=True, help="the built command")
    parser.add_argument("--set", action="append", required=True, metavar="FILE:ID:TRUTH")
    parser.add_argument("--peers", default="splink", help="comma-separated; empty for ours alone")
    parser.add_argument("--sweep", action="store_true", help="look for our best threshold too")
    parser.add_argument("--json", help="write every figure there")
    options = parser.parse_args()
    head = ["set", "program", "own F1 (P R)", "at", "best F1 (P R)", "at", "CPU s", "MB"]
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head), flush=True)
    every = []
    for text in options.set:
        path, id_column, truth_column = text.split(":", 2)
        name = Path(path).name.removesuffix(".gz").removesuffix(".csv")
        runs = [("attune", lambda: ours(options, path, id_column, truth_column))]
        for who in filter(None, options.peers.split(",")):
            runs.append((who, lambda who=who: peer(who, path, id_column, truth_column)))
        for who, run in runs:
            result = run()
            every.append({"set": name, "program": who, **result})
            print("| " + " | ".join(row(name, who, result)) + " |", flush=True)
    if options.json:
        Path(options.json).write_text(json.dumps(every, indent=2) + "\n")


if __name__ == "__main__":
    main()
