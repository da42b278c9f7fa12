"""Scores clusters against a truth column: precision, recall and F1 over all pairs of records in one cluster."""

import argparse
import csv
import gzip
import json
import sys
from collections import Counter


def open_text(path):
    """A file as text, plain or compressed."""
    opened = gzip.open(path, "rb") if str(path).endswith(".gz") else open(path, "rb")
    import io

    return io.TextIOWrapper(opened, encoding="utf-8-sig", newline="")


def read_column(path, key, value):
    """One column by another, header and fields trimmed."""
    with open_text(path) as file:
        rows = csv.reader(file)
        header = [name.strip() for name in next(rows)]
        at, of = header.index(key), header.index(value)
        return {row[at].strip(): row[of].strip() for row in rows if row}


def read_truth(paths, id_column, truth_column):
    """The person of every record. `re:PATTERN` as truth column takes the pattern's first group out of the id."""
    truth = {}
    for path in paths:
        if truth_column.startswith("re:"):
            import re

            pattern = re.compile(truth_column[3:])
            ids = read_column(path, id_column, id_column)
            truth.update({key: pattern.search(key).group(1) for key in ids})
        else:
            truth.update(read_column(path, id_column, truth_column))
    return truth


def used():
    """What this process and its children took so far: CPU seconds, and the most memory resident in MB."""
    import resource

    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    with open("/proc/self/status") as status:
        peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    return {"cpu_seconds": sum(one.ru_utime + one.ru_stime for one in spent), "peak_mb": peak / 1024}


def pairs_of(count):
    return count * (count - 1) // 2


def figures(truth, clusters):
    """Pairwise figures of a clustering: {record: cluster} against {record: person}."""
    missing = len(truth.keys() - clusters.keys())
    if missing:
        raise SystemExit(f"{missing} records are in no cluster")
    true = sum(map(pairs_of, Counter(truth.values()).values()))
    found = sum(map(pairs_of, Counter(clusters[record] for record in truth).values()))
    both = sum(map(pairs_of, Counter((clusters[record], person) for record, person in truth.items()).values()))
    return from_counts(true, found, both)


def from_counts(true, found, both):
    precision = both / found if found else 1.0
    recall = both / true if true else 1.0
    f1 = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    return {"precision": precision, "recall": recall, "f1": f1}


def best_threshold(truth, pairs):
    """The threshold whose connected components score best: pairs are (probability, left, right)."""
    parent = {record: record for record in truth}
    members = {record: Counter([person]) for record, person in truth.items()}

    def root(record):
        while parent[record] != record:
            parent[record] = parent[parent[record]]
            record = parent[record]
        return record

    true = sum(map(pairs_of, Counter(truth.values()).values()))
    found = both = 0
    best = ({"f1": -1.0}, 1.0)
    pairs = sorted(pairs, key=lambda pair: -pair[0])
    for index, (probability, left, right) in enumerate(pairs):
        one, other = root(left), root(right)
        if one != other:
            if len(members[one]) < len(members[other]):
                one, other = other, one
            small = members.pop(other)
            found += sum(members[one].values()) * sum(small.values())
            both += sum(count * members[one][person] for person, count in small.items())
            members[one].update(small)
            parent[other] = one
        if index + 1 == len(pairs) or pairs[index + 1][0] < probability:
            now = from_counts(true, found, both)
            if now["f1"] > best[0]["f1"]:
                best = (now, probability)
    return {**best[0], "threshold": best[1]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", action="append", required=True, help="the records")
    parser.add_argument("--id", required=True, help="column of the record's id")
    parser.add_argument("--truth", required=True, help="column of the person, or re:PATTERN over the id")
    parser.add_argument("--clusters", required=True, help="record_id,person_id")
    options = parser.parse_args()
    truth = read_truth(options.input, options.id, options.truth)
    clusters = read_column(options.clusters, "record_id", "person_id")
    json.dump(figures(truth, clusters), sys.stdout)
    print()


if __name__ == "__main__":
    main()
