"""Counts segments over a flat table with ClickHouse in process, beside what the audience crate's example measured.

The table is what `preview --csv` wrote; the figures of the example are what `preview --json` wrote. A count that differs
is an error.
"""

import argparse
import json
import os
import time

from chdb.session import Session

INT, DOUBLE, TEXT = "Nullable(Int64)", "Nullable(Float64)", "LowCardinality(Nullable(String))"
NOW = 1_795_000_000_000_000

TYPES = {
    "attributes_age": INT,
    "attributes_income": DOUBLE,
    "attributes_city": TEXT,
    "attributes_name": "Nullable(String)",
    "attributes_vip": "Nullable(Bool)",
    "attributes_rare": INT,
    "traits_balance": DOUBLE,
    "traits_orders_90d": INT,
    "traits_first_seen": INT,
    "traits_last_seen": INT,
    "consents_marketing": "Nullable(Bool)",
    "consents_sms": "Nullable(Bool)",
    "tags": "Array(LowCardinality(String))",
}
TYPES.update({f"attributes_x{number}": (INT, DOUBLE, TEXT)[number % 3] for number in range(27)})

EXPRESSIONS = {
    "range": "attributes_age >= 30 and attributes_age < 45",
    "text": "attributes_city in ('city7', 'city11', 'city42') and traits_balance > 1000",
    "recent": f"{NOW} - traits_last_seen < {30 * 86_400_000_000} and consents_marketing",
    "tags": "has(tags, 'tag3') and not has(tags, 'tag5') and attributes_income > 50000",
    "strings": "startsWith(attributes_name, 'Kim') or position(attributes_city, '99') > 0",
    "ten": "attributes_age > 25 and attributes_age < 70 and attributes_income > 20000 and traits_balance > 100"
    " and consents_sms and not has(tags, 'tag1') and attributes_x0 < 800 and attributes_x1 > 0.1"
    " and attributes_x2 != 'v3' and traits_last_seen is not null",
    "sparse": "attributes_rare > 5",
    "arithmetic": "traits_balance / traits_orders_90d > 500",
    "any_of": "attributes_vip or traits_orders_90d > 30 or attributes_city = 'city1' or has(tags, 'tag9')",
    "by_row": "arrayExists(t -> startsWith(t, 'tag1'), tags) and attributes_age > 60",
}


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--csv", required=True)
    options.add_argument("--figures", required=True)
    options.add_argument("--threads", type=int, default=0)
    options = options.parse_args()
    with open(options.csv) as file:
        names = file.readline().strip().split(",")
    session = Session()
    if options.threads:
        session.query(f"SET max_threads = {options.threads}")
    columns = ", ".join(f"{name} {TYPES[name]}" for name in names)
    for table, engine in (("disk", "MergeTree ORDER BY tuple()"), ("memory", "Memory")):
        session.query(f"CREATE TABLE {table} ({columns}) ENGINE = {engine}")
    path = os.path.abspath(options.csv)
    session.query(f"INSERT INTO disk SELECT * FROM file('{path}', CSVWithNames, '{columns.replace(chr(39), '')}')")
    session.query("INSERT INTO memory SELECT * FROM disk")
    with open(options.figures) as file:
        figures = json.load(file)
    wrong = 0
    print("| expression | persons | audience ms | chdb MergeTree ms | chdb Memory ms | times the better |")
    print("|---|---|---|---|---|---|")
    for name, where in EXPRESSIONS.items():
        least = {}
        for table in ("disk", "memory"):
            query = f"SELECT count() FROM {table} WHERE {where}"
            least[table] = float("inf")
            for _ in range(15):
                start = time.perf_counter()
                count = int(session.query(query, "CSV").data().strip())
                least[table] = min(least[table], time.perf_counter() - start)
        ours = figures[name]
        wrong += count != ours["count"]
        note = "" if count == ours["count"] else f" (chdb: {count})"
        print(
            f"| {name} | {ours['count']}{note} | {ours['seconds'] * 1e3:.2f} | {least['disk'] * 1e3:.2f} "
            f"| {least['memory'] * 1e3:.2f} | {ours['seconds'] / min(least.values()):.2f} |"
        )
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
