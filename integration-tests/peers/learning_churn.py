"""scikit-learn on the rows and folds of `examples/measure` of the learning crate.

python learning_churn.py FILE --label COLUMN --positive VALUE --predictions OUT.csv [--ignore A,B]

Both peers learn from the rows that the model learned from and are asked the same ones: one-hot names, numbers with their
median where they are missing and scaled (logistic regression), both at their defaults with more iterations. Two further
rows give them what this program gives itself, a choice by cross-validation inside: LogisticRegressionCV over ten
penalties, and HistGradientBoosting over leaves and rates with early stopping.
"""

import argparse
import csv
import gzip
import resource
import time

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler


def read(path, ignored):
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt") as file:
        separator = "," if "," in file.readline() else ";"
    table = pd.read_csv(path, sep=separator, keep_default_na=False, na_values=["", " "])
    table = table.drop(columns=ignored)
    for column in table.columns:
        if not pd.api.types.is_numeric_dtype(table[column]):
            numbers = pd.to_numeric(table[column], errors="coerce")
            if numbers.notna().sum() >= 0.99 * table[column].notna().sum():
                table[column] = numbers
    return table


def pipeline(table, model):
    numbers = [c for c in table.columns if pd.api.types.is_numeric_dtype(table[c])]
    names = [c for c in table.columns if c not in numbers]
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="ignore", min_frequency=5, sparse_output=False), names),
    )
    return make_pipeline(columns, model)


def peers(seed):
    boosting = HistGradientBoostingClassifier(random_state=seed, early_stopping=True, max_iter=500)
    grid = {"max_leaf_nodes": [4, 8, 31], "learning_rate": [0.03, 0.1], "min_samples_leaf": [20, 50]}
    return {
        "LogisticRegression": LogisticRegression(max_iter=2000),
        "HistGradientBoosting": HistGradientBoostingClassifier(random_state=seed),
        "LogisticRegressionCV": LogisticRegressionCV(Cs=10, cv=5, max_iter=2000, scoring="neg_log_loss"),
        "HistGradientBoosting, searched": GridSearchCV(boosting, grid, cv=4, scoring="neg_log_loss"),
    }


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("file")
    arguments.add_argument("--label", required=True)
    arguments.add_argument("--positive", required=True)
    arguments.add_argument("--predictions", required=True)
    arguments.add_argument("--ignore", default="")
    arguments.add_argument("--first-row", type=int, default=0, help="what the predictions call the first row")
    arguments.add_argument("--only", default="", help="names of peers")
    options = arguments.parse_args()
    table = read(options.file, [c for c in options.ignore.split(",") if c])
    labels = (table.pop(options.label).astype(str) == options.positive).to_numpy()
    with open(options.predictions) as file:
        rows = [(int(r[0]) - options.first_row, int(r[1]), float(r[3])) for r in list(csv.reader(file))[1:]]
    asked = {}
    for row, fold, probability in rows:
        asked.setdefault(fold, []).append((row, probability))

    def report(name, of_folds, spent):
        areas = [roc_auc_score(labels[r], p) for r, p in of_folds]
        every, all_p = np.concatenate([r for r, _ in of_folds]), np.concatenate([p for _, p in of_folds])
        top = labels[every[np.argsort(-all_p)[: len(every) // 10]]].mean() / labels[every].mean()
        print(
            f"{name:<32} mean AUC {np.mean(areas):.4f}  pooled {roc_auc_score(labels[every], all_p):.4f}  "
            f"accuracy {accuracy_score(labels[every], all_p >= 0.5):.4f}  log-loss {log_loss(labels[every], all_p):.4f}  "
            f"lift {top:.2f}  cpu {spent:.1f} s",
            flush=True,
        )

    ours = [(np.array([r for r, _ in one]), np.array([p for _, p in one])) for _, one in sorted(asked.items())]
    report("attune", ours, 0.0)
    every = {row for rows, _ in ours for row in rows}
    for name, model in peers(0).items():
        if options.only and name not in options.only.split(";"):
            continue
        before, out = time.process_time(), []
        for rows, _ in ours:
            if len(asked) > 1:
                learned = np.array([r for r in range(len(labels)) if r not in set(rows)])
            else:
                learned = np.array([r for r in range(len(labels)) if r not in every])
            fitted = pipeline(table, model).fit(table.iloc[learned], labels[learned])
            out.append((rows, fitted.predict_proba(table.iloc[rows])[:, 1]))
        report(name, out, time.process_time() - before)
    print(f"peak memory of the peers {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
