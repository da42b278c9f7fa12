"""Counts the previews of attune-profile's example `audience` over its CSV file with ClickHouse in process.

Takes the file that the example wrote and the lines that it printed; a count that differs is an error. Every column has one type, and
both sides parse each question each time.
"""

import argparse
import json
import os
import time

from chdb.session import Session

DOUBLE, TEXT = "Nullable(Float64)", "LowCardinality(Nullable(String))"
TYPES = {"age": DOUBLE, "city": TEXT, "name": "Nullable(String)", "vip": "Nullable(Bool)", "balance": DOUBLE}
TYPES |= {"orders": DOUBLE, "rare": DOUBLE} | {f"x{at}": TEXT if at % 3 == 2 else DOUBLE for at in range(26)}

QUESTIONS = {
    "range": "age >= 30 and age < 45",
    "text": "city in ('city7', 'city11', 'city42') and balance > 1000",
    "strings": "startsWith(name, 'Kim') or position(city, '99') > 0",
    "ten": "age > 25 and age < 70 and balance > 100 and vip = false and x0 < 800 and x1 > 0.1 and x2 != 'v3'"
    " and x3 >= 100 and x4 < 0.9 and x5 != 'v7'",
    "sparse": "rare > 5",
    "arithmetic": "balance / (orders + 1) > 500",
    "any_of": "vip or orders > 30 or city = 'city1'",
    "trait": "age > 60",
}


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--csv", required=True)
    options.add_argument("--figures", required=True, help="what the example printed")
    options = options.parse_args()
    with open(options.csv) as file:
        names = file.readline().strip().split(",")
    with open(options.figures) as file:
        lines = [json.loads(line) for line in file if line.startswith("{")]
    ours = {line["preview"]: line for line in lines if "preview" in line}
    session = Session()
    columns = ", ".join(f"{name} {TYPES[name]}" for name in names)
    for table, engine in (("disk", "MergeTree ORDER BY tuple()"), ("memory", "Memory")):
        session.query(f"CREATE TABLE {table} ({columns}) ENGINE = {engine}")
    session.query(f"INSERT INTO disk SELECT * FROM file('{os.path.abspath(options.csv)}', CSVWithNames, '{columns}')")
    session.query("INSERT INTO memory SELECT * FROM disk")
    wrong = 0
    print("| preview | persons | RPC, ms | chdb MergeTree, ms | chdb Memory, ms | times the better |")
    print("|---|---|---|---|---|---|")
    for name, where in QUESTIONS.items():
        least = {}
        for table in ("disk", "memory"):
            least[table] = float("inf")
            for _ in range(15):
                start = time.perf_counter()
                count = int(session.query(f"SELECT count() FROM {table} WHERE {where}", "CSV").data().strip())
                least[table] = min(least[table], (time.perf_counter() - start) * 1e3)
        mine = ours[name]
        wrong += count != mine["count"]
        note = "" if count == mine["count"] else f" (chdb: {count})"
        ratio = mine["milliseconds"] / min(least.values())
        print(
            f"| {name} | {mine['count']}{note} | {mine['milliseconds']:.2f} | {least['disk']:.2f} "
            f"| {least['memory']:.2f} | {ratio:.2f} |"
        )
    raise SystemExit(1 if wrong else 0)


main()
