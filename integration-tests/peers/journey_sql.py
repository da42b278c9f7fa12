"""Compares questions asked of attune-pathing with the SQL that they compile to, run by ClickHouse (chdb).

    python journey_sql.py QUERY [--cases 10000] [--seed 1] [--operator NAME]

QUERY is the binary of `examples/query` of attune-pathing. For each operator random questions are asked of random logs
with many ties in time; a case is one question about one log. Prints the cases and differences of each operator, and the
first differences in full.
"""

import argparse
import csv
import io
import json
import os
import random
import subprocess
import sys
import tempfile

NAMES = ["a", "b", "c", "d"]
PER_LOG = 50


def event(rng):
    name = rng.choice(NAMES)
    kind = rng.random()
    if kind < 0.7:
        return name
    if kind < 0.85:
        return f"{name}[amount {rng.choice(['>', '<', '>=', '<=', '==', '!='])} {rng.randint(0, 3)}]"
    return f"{name}[device {rng.choice(['==', '!='])} '{rng.choice(['app', 'web'])}']"


def pattern(rng, depth=0):
    parts = []
    for _ in range(rng.randint(1, 3)):
        kind = rng.random()
        if kind < 0.5 or depth > 1:
            part = event(rng)
        elif kind < 0.6:
            part = "."
        elif kind < 0.7:
            part = f"!({event(rng)} | {event(rng)})" if rng.random() < 0.5 else f"!{event(rng)}"
        elif kind < 0.85:
            part = f"({pattern(rng, depth + 1)} | {pattern(rng, depth + 1)})"
        else:
            part = f"({pattern(rng, depth + 1)})"
        parts.append(part + rng.choice(["", "", "", "", "*", "+", "?", "{1,2}", "{2}"]))
    text = " ".join(parts)
    if depth == 0:
        text += rng.choice(["", "", "", " !d", " !a", " $"])
        text = rng.choice(["", "", "", "^ "]) + text
    return text


def unit(rng):
    return rng.choice(["customer", {"session": f"{rng.randint(0, 4)}s"}])


def funnel(rng):
    question = {"kind": "funnel", "steps": [event(rng) for _ in range(rng.randint(1, 4))], "within": f"{rng.randint(0, 12)}s",
                "unit": unit(rng)}
    for mode in ("strict_deduplication", "strict_order", "strict_increase"):
        question[mode] = rng.random() < 0.25
    return question


OPERATORS = {
    "sequences": lambda rng: {"kind": "sequences", "unit": unit(rng)},
    "funnel": funnel,
    "match": lambda rng: {"kind": "match", "pattern": pattern(rng), "overlapping": rng.random() < 0.5, "unit": unit(rng)}
    | ({"within": f"{rng.randint(0, 8)}s"} if rng.random() < 0.4 else {}),
    "paths": lambda rng: {"kind": "paths", "length": rng.randint(1, 6), "top": rng.choice([1, 5, 1000]), "unit": unit(rng)},
    "graph": lambda rng: {"kind": "graph", "unit": unit(rng)},
    "variants": lambda rng: {"kind": "variants", "top": rng.choice([1, 5, 1000]), "unit": unit(rng)},
}


def log(rng, path):
    """Customers with a few events each, many at the same time, in the order of the file."""
    rows = []
    for customer in range(rng.randint(3, 12)):
        time = 0
        for _ in range(rng.randint(1, 12)):
            time += rng.choice([0, 0, 1, 1, 2, 5])
            amount = rng.choice(["", "0", "1", "2", "3", "none"])
            rows.append([f"c{customer:02}", 1_700_000_000_000 + time * 1000, rng.choice(NAMES), amount,
                         rng.choice(["", "app", "web"])])
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["customer", "time", "event", "amount", "device"])
        writer.writerows(rows)


def ask(session, sql):
    text = session.query(sql, "CSV").bytes().decode()
    return [[row[0], [float(figure) for figure in row[1:]]] for row in csv.reader(io.StringIO(text))]


def same(ours, theirs):
    close = lambda a, b: abs(a - b) <= 1e-9 * max(1, abs(a))
    return len(ours) == len(theirs) and all(
        one[0] == other[0] and len(one[1]) == len(other[1]) and all(map(close, one[1], other[1]))
        for one, other in zip(ours, theirs))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("query")
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--operator", choices=OPERATORS)
    asked = parser.parse_args()
    import chdb.session

    session = chdb.session.Session()
    session.query("CREATE DATABASE IF NOT EXISTS j")
    session.query("USE j")
    wrong = 0
    for operator, draw in OPERATORS.items():
        if asked.operator not in (None, operator):
            continue
        rng = random.Random(f"{asked.seed} {operator}")
        cases = differences = refused = 0
        with tempfile.TemporaryDirectory() as folder:
            events, questions = os.path.join(folder, "events.csv"), os.path.join(folder, "questions.json")
            while cases < asked.cases:
                log(rng, events)
                drawn = [draw(rng) for _ in range(PER_LOG)]
                with open(questions, "w") as file:
                    json.dump(drawn, file)
                lines = subprocess.run([asked.query, events, questions], check=True, capture_output=True, text=True).stdout
                session.query("DROP TABLE IF EXISTS events")
                session.query(f"""CREATE TABLE events ENGINE = Memory AS SELECT customer, time * 1000 AS time, event, amount,
                                  device, toInt64(rowNumberInAllBlocks()) AS row FROM file('{events}', CSVWithNames,
                                  'customer String, time Int64, event String, amount String, device String')""")
                for question, line in zip(drawn, lines.splitlines()):
                    line = json.loads(line)
                    if "sql" not in line:
                        refused += 1
                        continue
                    cases += 1
                    theirs = ask(session, line["sql"])
                    if not same(line["answer"], theirs):
                        differences += 1
                        if differences <= 3:
                            with open(events) as file:
                                print(question, line["answer"], theirs, line["sql"], file.read(), sep="\n")
        print(f"{operator}: {cases} cases, {differences} differences, {refused} have no SQL", flush=True)
        wrong += differences
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
