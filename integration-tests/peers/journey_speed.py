"""Asks ClickHouse (chdb) and DuckDB what `examples/measure` of attune-pathing asks, on one thread and resident data.

    python journey_speed.py EVENTS.csv MEASURE [--repeats N]

MEASURE is the program's binary. Prints, for each question, millions of events a second of one core (least processor time
of several runs), the answers side by side, and our rate over the better peer's.
"""

import argparse
import re
import resource
import subprocess
import sys

STEPS = ["home", "search", "view", "cart", "pay"]
CHDB_SESSIONS = """
    SELECT customer, event, time, sum(new) OVER (PARTITION BY customer ORDER BY time, row) AS session FROM (
        SELECT customer, event, time, row,
               time - lagInFrame(time, 1, time) OVER (PARTITION BY customer ORDER BY time, row
                   ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) > 1800 AS new FROM events)
"""
DUCK_SESSIONS = """
    SELECT customer, event, time, row, sum(new) OVER (PARTITION BY customer ORDER BY time, row) AS session FROM (
        SELECT customer, event, time, row,
               CAST(time - lag(time, 1, time) OVER (PARTITION BY customer ORDER BY time, row) > 1800 AS INT) AS new
        FROM events)
"""
LETTERS = "multiIf(event = 'view', 'v', event = 'search', 's', event = 'cart', 'c', event = 'pay', 'p', 'o')"
CASES = "CASE event WHEN 'view' THEN 'v' WHEN 'search' THEN 's' WHEN 'cart' THEN 'c' WHEN 'pay' THEN 'p' ELSE 'o' END"


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def least(repeats, question):
    best = float("inf")
    for _ in range(repeats):
        before = cpu()
        answer = question()
        best = min(best, cpu() - before)
    return best, answer


def funnel(window, group):
    conditions = ", ".join(f"event = '{step}'" for step in STEPS)
    level = f"windowFunnel({window})(time, {conditions})"
    counts = ", ".join(f"countIf(level >= {step})" for step in range(1, len(STEPS) + 1))
    return f"SELECT {counts} FROM (SELECT {level} AS level FROM {{source}} GROUP BY {group})"


def clickhouse(path, repeats):
    import chdb.session

    session = chdb.session.Session()
    session.query("SET max_threads = 1")
    run = lambda text: session.query(text, "CSV").bytes().decode().strip()
    run("CREATE DATABASE IF NOT EXISTS j")
    run("USE j")
    read = f"""SELECT customer, toUInt32(parseDateTimeBestEffort(time)) AS time, event,
               toUInt32(rowNumberInAllBlocks()) AS row FROM
               file('{path}', CSVWithNames, 'customer String, time String, event String, amount String, device String')"""
    loading = f"""SELECT count(), min(time), max(length(customer)), max(length(event)) FROM
                  (SELECT customer, parseDateTimeBestEffort(time) AS time, event FROM
                   file('{path}', CSVWithNames, 'customer String, time String, event String, amount String, device String'))"""
    figures = {"load csv": least(min(repeats, 2), lambda: run(loading))}
    run(f"""CREATE TABLE events ENGINE = MergeTree ORDER BY (customer, time, row) AS
            SELECT dense_rank() OVER (ORDER BY customer) AS customer, time, CAST(event AS LowCardinality(String)) AS event, row
            FROM ({read})""")
    run("OPTIMIZE TABLE events FINAL")
    run(f"CREATE TABLE cut ENGINE = MergeTree ORDER BY (customer, session, time) AS {CHDB_SESSIONS}")
    events = int(run("SELECT count() FROM events"))
    ask = lambda text: least(repeats, lambda: run(text))
    figures["funnel by person, 24 h, levels"] = ask(funnel(86400, "customer").format(source="events"))
    figures["funnel by session, 30 min, levels"] = ask(funnel(1800, "customer, session").format(source="cut"))
    text = f"arrayStringConcat(groupArray({LETTERS}))"
    figures["cart not bought, by person"] = ask(
        f"""SELECT sum(length(extractAll(text, 'vs*c')) - if(position(reverse(text), 'p') = 0, 0,
                length(extractAll(substring(text, 1, length(text) - position(reverse(text), 'p') + 1), 'vs*c'))))
            FROM (SELECT {text} AS text FROM events GROUP BY customer)""")
    figures["view search* cart"] = ask(
        f"SELECT sum(countMatches(text, 'vs*c')) FROM (SELECT {text} AS text FROM events GROUP BY customer)")
    pairs = """SELECT event AS after, time, lagInFrame(event) OVER w AS before, lagInFrame(time) OVER w AS earlier,
               row_number() OVER w AS place FROM events
               WINDOW w AS (PARTITION BY customer ORDER BY time, row ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"""
    figures["graph, counts and means"] = ask(
        f"SELECT sum(n) FROM (SELECT before, after, count() AS n, avg(time - earlier) FROM ({pairs}) WHERE place > 1 GROUP BY 1, 2)")
    figures["graph, with medians"] = ask(
        f"""SELECT count() FROM (SELECT before, after, count(), quantileExact(time - earlier) FROM ({pairs})
            WHERE place > 1 GROUP BY 1, 2)""")
    figures["sessions, id on each row"] = ask(f"SELECT max(session) FROM ({CHDB_SESSIONS})")
    figures["top 5-grams"] = ask(
        """SELECT gram, count() AS n FROM (
               SELECT arrayJoin(arrayMap(i -> arraySlice(a, i, 5), range(1, toUInt32(greatest(length(a) - 3, 1))))) AS gram
               FROM (SELECT groupArray(toUInt8(transform(event, ['home','search','view','cart','checkout','pay','campaign',
                     'help','login','logout','review','form_start','form_submit','error'],
                     [0,1,2,3,4,5,6,7,8,9,10,11,12,13], 14))) AS a FROM events GROUP BY customer))
           WHERE length(gram) = 5 GROUP BY gram ORDER BY n DESC LIMIT 10""")
    return events, figures


def duck(path, repeats):
    import duckdb

    base = duckdb.connect()
    base.execute("SET threads = 1")
    run = lambda text: ",".join(str(value) for value in (base.execute(text).fetchone() or ()))
    read = f"SELECT customer, time, event FROM read_csv('{path}', header = true, all_varchar = false)"
    figures = {"load csv": least(min(repeats, 2), lambda: run(
        f"SELECT count(*), epoch(min(time)), max(length(customer)), max(length(event)) FROM ({read})"))}
    base.execute(f"""CREATE TABLE events AS SELECT dense_rank() OVER (ORDER BY customer) AS customer,
                     CAST(epoch(time) AS BIGINT) AS time, event, CAST(row_number() OVER () AS INTEGER) AS row FROM ({read})
                     ORDER BY customer, time, row""")
    ask = lambda text: least(repeats, lambda: run(text))
    figures["sessions, id on each row"] = ask(f"SELECT max(session), count(session) FROM ({DUCK_SESSIONS})")
    pairs = """SELECT event AS after, time, lag(event) OVER w AS before, lag(time) OVER w AS earlier FROM events
               WINDOW w AS (PARTITION BY customer ORDER BY time, row)"""
    figures["graph, counts and means"] = ask(
        f"""SELECT sum(n) FROM (SELECT before, after, count(*) AS n, avg(time - earlier) FROM ({pairs})
            WHERE before IS NOT NULL GROUP BY 1, 2)""")
    figures["graph, with medians"] = ask(
        f"""SELECT count(*) FROM (SELECT before, after, count(*), median(time - earlier) FROM ({pairs})
            WHERE before IS NOT NULL GROUP BY 1, 2)""")
    figures["view search* cart"] = ask(
        f"""SELECT sum(len(regexp_extract_all(text, 'vs*c'))) FROM
            (SELECT string_agg({CASES}, '' ORDER BY time, row) AS text FROM events GROUP BY customer)""")
    figures["forms abandoned in 30 min"] = ask(
        """SELECT count(*) FILTER (next IS NULL OR next - time > 1800), count(*) FROM (
               SELECT event, time, min(CASE WHEN event = 'form_submit' THEN time END) OVER (PARTITION BY customer
                   ORDER BY time, row ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING) AS next FROM events)
           WHERE event = 'form_start'""")
    lags = ", ".join(f"lag(event, {back}) OVER w AS e{back}" for back in range(4, 0, -1))
    figures["top 5-grams"] = ask(
        f"""SELECT e4, e3, e2, e1, event, count(*) AS n FROM (SELECT {lags}, event FROM events
            WINDOW w AS (PARTITION BY customer ORDER BY time, row)) WHERE e4 IS NOT NULL GROUP BY ALL ORDER BY n DESC LIMIT 10""")
    return figures


def ours(path, measure, repeats):
    text = subprocess.run([measure, path, "--repeats", str(repeats)], check=True, capture_output=True, text=True).stdout
    figures = {}
    for line in text.splitlines():
        found = re.match(r"(.{34}) +([\d.]+) ms cpu +[\d.]+ ms +[\d.]+ M/core-s  (.*)", line)
        if found:
            figures[found[1].strip()] = (float(found[2]) / 1000, found[3])
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("events")
    parser.add_argument("measure")
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    attune = ours(asked.events, asked.measure, 2 * asked.repeats)
    events, chdb_figures = clickhouse(asked.events, asked.repeats)
    duck_figures = duck(asked.events, asked.repeats)
    rate = lambda seconds: events / seconds / 1e6
    print(f"{'M events per core-second':<36}{'attune':>9}{'chdb':>9}{'duckdb':>9}{'ratio':>8}")
    for name, (seconds, answer) in attune.items():
        peers = [figures.get(name) for figures in (chdb_figures, duck_figures)]
        best = max((rate(peer[0]) for peer in peers if peer), default=None)
        cells = "".join(f"{rate(peer[0]):9.2f}" if peer else f"{'-':>9}" for peer in peers)
        ratio = f"{rate(seconds) / best:8.1f}" if best else f"{'-':>8}"
        print(f"{name:<36}{rate(seconds):9.1f}{cells}{ratio}")
        print(f"    {answer}", *(f"| {peer[1].splitlines()[0]}" for peer in peers if peer and peer[1]))


if __name__ == "__main__":
    sys.exit(main())
