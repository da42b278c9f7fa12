"""Deduplicates a CSV with GoldenMatch as it configures itself, and says what that took.

Truth and id are not in the table it sees; the figures are of the clusters that it answers.
"""

import argparse
import csv
import json
import sys

import goldenmatch
import pyarrow as pa

import score


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", required=True)
    parser.add_argument("--id", required=True)
    parser.add_argument("--truth", help="column of the person, or re:PATTERN over the id; for scoring only")
    parser.add_argument("--output", required=True, help="clusters.csv")
    options = parser.parse_args()

    with score.open_text(options.input) as file:
        rows = csv.reader(file)
        header = [name.strip() for name in next(rows)]
        columns = list(zip(*([field.strip() or None for field in row] for row in rows if row), strict=True))
    table = dict(zip(header, columns, strict=True))
    ids = table[options.id]
    seen = {name: list(values) for name, values in table.items() if name not in (options.id, options.truth)}
    result = goldenmatch.dedupe_df(pa.table(seen), confidence_required=False, allow_red_config=True)
    person = {}
    for cluster, found in result.clusters.items():
        for member in found["members"] if isinstance(found, dict) else found:
            person[int(member)] = cluster
    with open(options.output, "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["record_id", "person_id"])
        out.writerows((record, f"c{person[at]}" if at in person else f"s{at}") for at, record in enumerate(ids))
    figures = score.used()
    if options.truth:
        truth = score.read_truth([options.input], options.id, options.truth)
        figures["own"] = score.figures(truth, score.read_column(options.output, "record_id", "person_id"))
    json.dump(figures, sys.stdout)
    print()


if __name__ == "__main__":
    main()
