"""Deduplicates a CSV with Splink as its documentation recommends, and says what that took.

Columns are cleaned as its users are told to: lower case, empty and placeholder values as null, phone numbers as digits.
Comparisons are the ready-made ones for each kind of column; settings are chosen by which columns there are.
"""

import argparse
import json
import sys

import duckdb
import splink.comparison_level_library as cll
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on

import score

PLACEHOLDERS = "('', 'n/a', 'na', 'unknown', '-', 'none', 'null', 'xxx', '없음')"


def text(column):
    return f"case when lower(trim(\"{column}\")) in {PLACEHOLDERS} then null else lower(trim(\"{column}\")) end"


def phone(column):
    digits = f"regexp_replace(\"{column}\", '[^0-9]', '', 'g')"
    return (
        f"case when length({digits}) < 7 or {digits} in ('0000000000', '9999999999', '1234567890') then null "
        f"else right({digits}, 9) end"
    )


def email(column):
    junk = "('none@none.com', 'test@test.com', 'noemail@company.com', 'na@na.com')"
    return f"case when {text(column)} in {junk} or {text(column)} not like '%@%' then null else {text(column)} end"


def date(column, forms):
    parsed = ", ".join(f"try_strptime(trim(\"{column}\"), '{form}')" for form in forms)
    value = f"strftime(coalesce({parsed}), '%Y-%m-%d')"
    return f"case when {value} in ('1900-01-01', '1970-01-01', '1901-01-01') then null else {value} end"


def given_family(given, family, dob, more, extra_blocks, extra_rules):
    """Settings where given and family name are columns of their own."""
    swapped = f"l.{given} = r.{family} and l.{family} = r.{given} and l.{dob} = r.{dob}"
    return {
        "comparisons": [cl.NameComparison(given), cl.NameComparison(family), *more],
        "blocks": [block_on(family, dob), block_on(given, dob), swapped, *extra_blocks],
        "deterministic": [block_on(given, family, dob), *extra_rules],
        "recall": 0.7,
        "em": [block_on(given, family), block_on(dob)],
    }


def febrl(names):
    ids = "soc_sec_id"
    return {
        "columns": {name: text(name) for name in names if name != "rec_id"},
        "comparisons": [
            cl.NameComparison("given_name"),
            cl.NameComparison("surname"),
            cl.DateOfBirthComparison("date_of_birth", input_is_string=True, datetime_format="%Y%m%d"),
            cl.DamerauLevenshteinAtThresholds(ids, [2]),
            cl.ExactMatch("street_number").configure(term_frequency_adjustments=True),
            cl.ExactMatch("postcode").configure(term_frequency_adjustments=True),
        ],
        "blocks": [block_on(name) for name in [ids, "given_name", "surname", "date_of_birth", "postcode"]],
        "deterministic": [
            block_on(ids),
            block_on("given_name", "surname", "date_of_birth"),
            "l.given_name = r.surname and l.surname = r.given_name and l.date_of_birth = r.date_of_birth",
        ],
        "recall": 0.9,
        "em": [block_on("date_of_birth"), block_on("postcode")],
    }


def fake(names):
    return {
        "columns": {name: text(name) for name in names if name not in ("unique_id", "cluster")},
        "comparisons": [
            cl.NameComparison("first_name"),
            cl.NameComparison("surname"),
            cl.DateOfBirthComparison("dob", input_is_string=True),
            cl.ExactMatch("city").configure(term_frequency_adjustments=True),
            cl.EmailComparison("email"),
        ],
        "blocks": [block_on("first_name"), block_on("surname"), block_on("dob"), block_on("email")],
        "deterministic": [
            block_on("first_name", "dob"),
            "l.surname = r.surname and levenshtein(r.dob, l.dob) <= 1",
            block_on("email"),
        ],
        "recall": 0.7,
        "em": [block_on("first_name", "surname"), block_on("dob")],
    }


def customers(names):
    columns = {name: text(name) for name in names if name not in ("id", "source", "person")}
    columns |= {"phone": phone("phone"), "email": email("email"), "national_id": text("national_id")}
    columns["date_of_birth"] = date("date_of_birth", ["%Y-%m-%d", "%d/%m/%Y"])
    return {"columns": columns} | people("given_name", "family_name", "date_of_birth", "phone", "email", "street",
                                         "house_number", "postcode", "city", "national_id")


def german(names):
    renamed = {"given_name": "Vorname", "family_name": "Nachname", "date_of_birth": "Geburtsdatum", "phone": "Telefon",
               "email": "E-Mail", "street": "Straße", "postcode": "PLZ", "city": "Ort", "national_id": "Ausweisnummer"}
    columns = {name: text(of) for name, of in renamed.items()}
    columns |= {"phone": phone("Telefon"), "email": email("E-Mail")}
    columns["date_of_birth"] = date("Geburtsdatum", ["%d.%m.%Y", "%d.%m.%y"])
    return {"columns": columns} | people("given_name", "family_name", "date_of_birth", "phone", "email", "street", None,
                                         "postcode", "city", "national_id")


def address(street, number, postcode, city):
    """One comparison for what moves together: the documentation warns of columns that depend on one another."""
    same_number = f" and {number}_l = {number}_r" if number else ""
    near = f"jaro_winkler_similarity({street}_l, {street}_r) > 0.9"
    return cl.CustomComparison(
        output_column_name="address",
        comparison_levels=[
            cll.CustomLevel(f"{street}_l is null or {street}_r is null or {postcode}_l is null or {postcode}_r is null")
            .configure(is_null_level=True),
            cll.CustomLevel(f"{postcode}_l = {postcode}_r and {near}{same_number}", "same house"),
            cll.CustomLevel(f"({postcode}_l = {postcode}_r or {city}_l = {city}_r) and {near}", "same street"),
            cll.CustomLevel(f"{postcode}_l = {postcode}_r", "same postcode"),
            cll.CustomLevel(f"{city}_l = {city}_r", "same town"),
            cll.ElseLevel(),
        ],
    )


def people(given, family, dob, tel, mail, street, number, postcode, city, national):
    more = [
        cl.DateOfBirthComparison(dob, input_is_string=True),
        cl.DamerauLevenshteinAtThresholds(tel, [1, 2]).configure(term_frequency_adjustments=True),
        cl.EmailComparison(mail),
        address(street, number, postcode, city),
        cl.DamerauLevenshteinAtThresholds(national, [1, 2]),
    ]
    blocks = [block_on(name) for name in (tel, mail, national)] + [
        block_on(dob, postcode),
        block_on(given, family, postcode),
        block_on(street, *([number] if number else []), given),
        block_on(dob, f"substr({family}, 1, 3)"),
        block_on(dob, f"substr({given}, 1, 3)"),
    ]
    rules = [block_on(national), block_on(mail, given), block_on(tel, given)]
    return given_family(given, family, dob, more, blocks, rules)


def single_column(names):
    columns = {"name": text("name"), "address": text("address"), "phone": phone("phone"), "email": email("email")}
    return {
        "columns": columns,
        "comparisons": [
            cl.NameComparison("name"),
            cl.JaroWinklerAtThresholds("address", [0.92, 0.85]).configure(term_frequency_adjustments=True),
            cl.DamerauLevenshteinAtThresholds("phone", [1, 2]).configure(term_frequency_adjustments=True),
            cl.EmailComparison("email"),
        ],
        "blocks": [
            block_on("name"), block_on("phone"), block_on("email"), block_on("address"),
            block_on("substr(name, 1, 6)", "right(address, 5)"),
            block_on("right(name, 5)", "right(address, 5)"),
        ],
        "deterministic": [block_on("name", "phone"), block_on("name", "email"), block_on("name", "address")],
        "recall": 0.6,
        "em": [block_on("phone"), block_on("name")],
    }


def eastern(names):
    columns = {"name": text("name"), "phone": phone("phone"), "city": text("city")}
    forms = ["%Y-%m-%d", "%Y.%m.%d", "%Y%m%d", "%Y년 %m월 %d일", "%Y年%m月%d日"]
    columns["date_of_birth"] = date("date_of_birth", forms)
    return {
        "columns": columns,
        "comparisons": [
            cl.NameComparison("name"),
            cl.DateOfBirthComparison("date_of_birth", input_is_string=True),
            cl.DamerauLevenshteinAtThresholds("phone", [1, 2]).configure(term_frequency_adjustments=True),
            cl.ExactMatch("city").configure(term_frequency_adjustments=True),
        ],
        "blocks": [block_on("name"), block_on("phone"), block_on("date_of_birth")],
        "deterministic": [block_on("phone", "date_of_birth"), block_on("name", "date_of_birth"), block_on("name", "phone")],
        "recall": 0.6,
        "em": [block_on("phone"), block_on("date_of_birth")],
    }


def settings_for(names):
    has = set(names)
    for needed, settings in [
        ({"soc_sec_id", "given_name"}, febrl),
        ({"first_name", "dob"}, fake),
        ({"given_name", "national_id"}, customers),
        ({"Vorname", "Geburtsdatum"}, german),
        ({"name", "address"}, single_column),
        ({"name", "date_of_birth", "city"}, eastern),
    ]:
        if needed <= has:
            return settings(names)
    raise SystemExit(f"no settings for columns {sorted(has)}")


def load(connection, path, id_column):
    """Reads the file, every column as text with a trimmed name, and cleans it."""
    connection.execute(
        "create table raw as select * from read_csv(?, all_varchar = true, header = true, null_padding = true)", [path]
    )
    names = [row[0] for row in connection.execute("describe raw").fetchall()]
    for name in names:
        if name != name.strip():
            connection.execute(f'alter table raw rename column "{name}" to "{name.strip()}"')
    plan = settings_for([name.strip() for name in names])
    columns = ", ".join(f'{expression} as "{name}"' for name, expression in plan["columns"].items())
    connection.execute(f'create table records as select trim("{id_column}") as unique_id, {columns} from raw')
    return plan


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", required=True)
    parser.add_argument("--id", required=True)
    parser.add_argument("--truth", help="column of the person, or re:PATTERN over the id; for scoring only")
    parser.add_argument("--output", required=True, help="clusters.csv")
    parser.add_argument("--threshold", type=float, default=0.95)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()

    connection = duckdb.connect(":memory:", config={"threads": options.threads})
    plan = load(connection, options.input, options.id)
    database = DuckDBAPI(connection)
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="unique_id",
        comparisons=plan["comparisons"],
        blocking_rules_to_generate_predictions=plan["blocks"],
        retain_intermediate_calculation_columns=False,
        retain_matching_columns=False,
    )
    linker = Linker(database.register("records"), settings, log_level="ERROR")
    linker.training.estimate_probability_two_random_records_match(plan["deterministic"], recall=plan["recall"])
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for rule in plan["em"]:
        linker.training.estimate_parameters_using_expectation_maximisation(
            rule, estimate_without_term_frequencies=True, max_pairs=2e6
        )
    predicted = linker.inference.predict(threshold_match_probability=0.01)
    clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(predicted, options.threshold)
    connection.execute(
        f"copy (select unique_id as record_id, cluster_id as person_id from {clusters.physical_name}) to '{options.output}' (header)"
    )
    result = score.used()
    if options.truth:
        truth = score.read_truth([options.input], options.id, options.truth)
        result["own"] = {**score.figures(truth, score.read_column(options.output, "record_id", "person_id")),
                         "threshold": options.threshold}
        pairs = connection.execute(
            f"select match_probability, unique_id_l, unique_id_r from {predicted.physical_name}"
        ).fetchall()
        result["pairs"] = len(pairs)
        result["best"] = score.best_threshold(truth, pairs)
    json.dump(result, sys.stdout)
    print()


if __name__ == "__main__":
    main()
