"""The `lifetimes` package on the purchases of `examples/worth` of the learning crate, and its parameters beside the report's.

python learning_ltv.py FILE REPORT.json --columns CUSTOMER,DATE,VALUE --calibration-end DATE [--end DATE]

Both see weeks of seven days from one day to another, purchases of a day as one, and the mean value of repeat purchases.
"""

import argparse
import json
import resource
import time

import numpy as np
import pandas as pd
from lifetimes import BetaGeoFitter, GammaGammaFitter
from lifetimes.utils import calibration_and_holdout_data


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("file")
    arguments.add_argument("report")
    arguments.add_argument("--columns", required=True)
    arguments.add_argument("--calibration-end", required=True)
    arguments.add_argument("--end")
    options = arguments.parse_args()
    customer, date, value = options.columns.split(",")
    table = pd.read_csv(options.file, sep=r"[,;]|\s+", engine="python", skipinitialspace=True)
    table = table.dropna(subset=[customer])
    table[date] = pd.to_datetime(table[date].astype(str))
    end = pd.to_datetime(options.end) if options.end else table[date].max()
    begun = time.process_time()
    summary = calibration_and_holdout_data(
        table, customer, date, pd.to_datetime(options.calibration_end), end, freq="D", monetary_value_col=value
    )
    weeks = {c: summary[c] / 7.0 for c in ["recency_cal", "T_cal"]}
    model = BetaGeoFitter(penalizer_coef=0.0)
    model.fit(summary["frequency_cal"], weeks["recency_cal"], weeks["T_cal"])
    again = summary[(summary["frequency_cal"] > 0) & (summary["monetary_value_cal"] > 0)]
    spend = GammaGammaFitter(penalizer_coef=0.0)
    spend.fit(again["frequency_cal"], again["monetary_value_cal"])
    horizon = float(summary["duration_holdout"].iloc[0]) / 7.0
    expected = model.conditional_expected_number_of_purchases_up_to_time(
        horizon, summary["frequency_cal"], weeks["recency_cal"], weeks["T_cal"]
    )
    spent = time.process_time() - begun
    apart = np.asarray(expected) - summary["frequency_holdout"].to_numpy()
    theirs = {**model.params_.to_dict(), **spend.params_.to_dict()}
    theirs |= {"log_likelihood": model.log_likelihood_ if hasattr(model, "log_likelihood_") else float("nan")}
    theirs |= {"mean_absolute_error": np.abs(apart).mean(), "root_mean_squared_error": np.sqrt((apart**2).mean())}
    theirs |= {"expected": float(np.sum(expected)), "actual": float(summary["frequency_holdout"].sum())}
    with open(options.report) as file:
        report = json.load(file)
    ours = {**report["purchases"]["model"], **report["spend"]["model"], **(report["holdout"] or {})}
    print(f"{len(summary)} customers here, {report['customers']} there; horizon {horizon:.2f} weeks")
    for name, their in theirs.items():
        our = ours.get(name)
        if our is not None:
            print(f"{name:<26} lifetimes {their:>12.5f}  attune {our:>12.5f}  apart {100 * (our / their - 1):+.3f} %")
    print(f"lifetimes: {spent:.1f} s cpu, {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
