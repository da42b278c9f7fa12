"""Compares `attune journey` with ClickHouse (chdb) and DuckDB on random cases: every customer of a file is one.

    python journey_agree.py ATTUNE [--cases N] [--seed N]

A case has a few events of a few names with many equal times. Prints for each question how many cases agree, and the first
one that does not.
"""

import argparse
import collections
import csv
import io
import os
import random
import re
import subprocess
import sys
import tempfile

NAMES = "abcdx"
MODES = {
    "default": [],
    "strict_deduplication": ["--strict-deduplication"],
    "strict_order": ["--strict-order"],
    "strict_increase": ["--strict-increase"],
    "strict_order, strict_increase": ["--strict-order", "--strict-increase"],
    "strict_deduplication, strict_increase": ["--strict-deduplication", "--strict-increase"],
}
# Their longest match is what a search that prefers the first alternative finds too.
PATTERNS = {"a b* c": "ab*c", "(a | b)+ c": "(?:a|b)+c", "a . c": "a.c", "a !b c": "a[^b]c", "x{1,3} a": "x{1,3}a",
            "a (b c)* d": "a(?:bc)*d", "^ a b*": "^ab*", "c* $": "c+$"}


def generate(path, cases, rng):
    events = {}
    with open(path, "w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["customer", "time", "event", "case"])
        for case in range(cases):
            name = f"c{case:06}"
            own = [(rng.randrange(12), rng.choice(NAMES)) for _ in range(rng.randrange(1, 12))]
            for second, event in own:
                out.writerow([name, second * 1000, event, name])
            # Equal times keep the order of the file.
            events[name] = sorted(own, key=lambda one: one[0])
    return events


def attune(binary, *arguments):
    done = subprocess.run([binary, "journey", *arguments], check=True, capture_output=True, text=True)
    return list(csv.DictReader(io.StringIO(done.stdout)))


def report(name, ours, theirs, events):
    keys = ours.keys() | theirs.keys()
    wrong = sorted(key for key in keys if ours.get(key) != theirs.get(key))
    print(f"{name:<64}{len(keys) - len(wrong):>8} of {len(keys)} agree")
    if wrong:
        first = wrong[0]
        print(f"    {first}: {ours.get(first)} and {theirs.get(first)}, events {events.get(first, '')}")
    return len(wrong)


def funnels(binary, path, events, rng, run):
    wrong = 0
    for mode, flags in MODES.items():
        for _ in range(4):
            steps = [rng.choice("abcd") for _ in range(rng.randrange(2, 5))]
            within = rng.randrange(0, 10)
            rows = attune(binary, "funnel", "--events", path, "--steps", ",".join(steps), "--within", f"{within}s",
                          "--breakdown", "case", "--format", "csv", *flags)
            ours = collections.Counter({case: 0 for case in events})
            for row in rows:
                ours[row["value"]] += int(row["reached"])
            conditions = ", ".join(f"event = '{step}'" for step in steps)
            modes = "".join(f", '{one}'" for one in mode.split(", ") if one != "default")
            found = run(f"""SELECT customer, windowFunnel({within}{modes})(toUInt32(intDiv(time, 1000)), {conditions})
                            FROM events GROUP BY customer""")
            theirs = {row[0]: int(row[1]) for row in found}
            name = f"funnel {mode}: {','.join(steps)} in {within} s"
            wrong += report(name, dict(ours), theirs, events)
    return wrong


def patterns(binary, path, events):
    wrong = 0
    for pattern, regex in PATTERNS.items():
        with tempfile.TemporaryDirectory() as folder:
            output = os.path.join(folder, "matches.csv")
            attune(binary, "match", "--events", path, "--pattern", pattern, "--output", output)
            ours = collections.defaultdict(list)
            with open(output) as file:
                for row in csv.DictReader(file):
                    ours[row["customer"]].append(int(row["length"]))
        theirs = {}
        for case, own in events.items():
            text = "".join(event for _, event in own)
            theirs[case] = [len(found[0]) for found in re.finditer(regex, text) if found[0]]
        ours = {case: ours.get(case, []) for case in events}
        wrong += report(f"match {pattern}", ours, theirs, events)
    return wrong


def counts(binary, path, events, base):
    wrong = 0
    window = "WINDOW w AS (PARTITION BY customer ORDER BY time, row)"
    pairs = f"SELECT event AS after, lag(event) OVER w AS before, time - lag(time) OVER w AS gap FROM events {window}"
    rows = attune(binary, "graph", "--events", path, "--format", "csv")
    ours = {(row["from"], row["to"]): (int(row["count"]), float(row["median_seconds"])) for row in rows}
    found = base.execute(f"""SELECT before, after, count(*), median(gap) / 1000 FROM ({pairs}) WHERE before IS NOT NULL
                             GROUP BY 1, 2""").fetchall()
    wrong += report("graph: count and median of each edge", ours, {(row[0], row[1]): (row[2], row[3]) for row in found}, {})
    for length in (1, 2, 3, 5):
        rows = attune(binary, "paths", "--events", path, "--length", str(length), "--top", "100000", "--format", "csv")
        ours = {row["path"]: int(row["count"]) for row in rows}
        theirs = collections.Counter()
        for own in events.values():
            names = [event for _, event in own]
            theirs.update(">".join(names[at : at + length]) for at in range(len(names) - length + 1))
        wrong += report(f"paths of {length}", ours, dict(theirs), {})
    for gap in (0, 1, 3):
        with tempfile.TemporaryDirectory() as folder:
            output = os.path.join(folder, "sessions.csv")
            attune(binary, "sessions", "--events", path, "--gap", f"{gap}s" if gap else "0s", "--output", output)
            with open(output) as file:
                ours = {(row["customer"], int(row["session"])): int(row["events"]) for row in csv.DictReader(file)}
        found = base.execute(f"""SELECT customer, 1 + session, count(*) FROM (
            SELECT customer, sum(new) OVER (PARTITION BY customer ORDER BY time, row) AS session FROM (
                SELECT customer, time, row, CAST(coalesce(time - lag(time) OVER w > {gap * 1000}, false) AS INT) AS new
                FROM events {window})) GROUP BY 1, 2""").fetchall()
        wrong += report(f"sessions with a gap of {gap} s", ours, {(row[0], int(row[1])): row[2] for row in found}, {})
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("attune")
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    import chdb.session
    import duckdb

    rng = random.Random(asked.seed)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "events.csv")
        events = generate(path, asked.cases, rng)
        session = chdb.session.Session()
        session.query("CREATE DATABASE IF NOT EXISTS j")
        session.query("USE j")
        session.query(f"""CREATE TABLE events ENGINE = MergeTree ORDER BY tuple() AS SELECT * FROM
                          file('{path}', CSVWithNames, 'customer String, time Int64, event String, case String')""")
        run = lambda text: list(csv.reader(io.StringIO(session.query(text, "CSV").bytes().decode())))
        base = duckdb.connect()
        base.execute(f"CREATE TABLE events AS SELECT *, row_number() OVER () AS row FROM read_csv('{path}', header = true)")
        wrong = funnels(asked.attune, path, events, rng, run)
        wrong += patterns(asked.attune, path, events)
        wrong += counts(asked.attune, path, events, base)
    print("no difference" if wrong == 0 else f"{wrong} differences")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
