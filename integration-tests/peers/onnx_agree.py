"""Trains models with scikit-learn, exports them to ONNX, and compares `attune profile score` with onnxruntime.

    python onnx_agree.py ATTUNE [--rows N]

Needs scikit-learn, skl2onnx and onnxruntime. Prints, for each model, the greatest difference and both processor times; exits
with 1 when one differs by more than 1e-5.
"""

import argparse
import csv
import os
import resource
import subprocess
import sys
import tempfile

import numpy
import onnxruntime
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, Normalizer, OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier
import pandas

NUMBERS = ["age", "balance", "visits", "tenure"]
TEXTS = ["job", "channel"]


def generated(rows, random):
    frame = pandas.DataFrame({name: random.normal(size=rows).astype(numpy.float32) for name in NUMBERS})
    frame["job"] = random.choice(["clerk", "nurse", "pilot", "cook"], rows)
    frame["channel"] = random.choice(["web", "app", "branch"], rows)
    odds = frame["age"] - frame["balance"] * frame["visits"] + (frame["job"] == "pilot") * 1.5
    return frame, (odds + random.normal(size=rows) > 0).astype(int), pandas.cut(odds, 3, labels=False)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("attune")
    options.add_argument("--rows", type=int, default=5000)
    options = options.parse_args()
    random = numpy.random.default_rng(7)
    frame, yes, three = generated(options.rows, random)
    numbers = frame[NUMBERS].to_numpy(numpy.float32)
    holes = numbers.copy()
    holes[random.random(holes.shape) < 0.1] = numpy.nan
    columns = ColumnTransformer([
        ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), NUMBERS),
        ("texts", OneHotEncoder(handle_unknown="ignore"), TEXTS),
    ])
    kinds = [(name, FloatTensorType([None, 1])) for name in NUMBERS] + [(name, StringTensorType([None, 1])) for name in TEXTS]
    cases = [
        ("logistic regression", LogisticRegression(), numbers, yes, None),
        ("logistic regression, three classes", make_pipeline(MinMaxScaler(), LogisticRegression()), numbers, three, None),
        ("tree", DecisionTreeClassifier(max_depth=6), numbers, yes, None),
        ("random forest", RandomForestClassifier(50, max_depth=8, random_state=1), numbers, yes, None),
        ("random forest, three classes", RandomForestClassifier(20, random_state=1), numbers, three, None),
        ("gradient boosting", GradientBoostingClassifier(random_state=1), numbers, yes, None),
        ("gradient boosting over histograms, with holes", HistGradientBoostingClassifier(random_state=1), holes, yes, None),
        ("network", make_pipeline(StandardScaler(), MLPClassifier((16, 8), max_iter=60, random_state=1)), numbers, yes, None),
        ("normalised rows", make_pipeline(Normalizer(), LogisticRegression()), numbers, yes, None),
        ("linear regression", LinearRegression(), numbers, numbers[:, 0] * 2 + 1, None),
        ("random forest regression", RandomForestRegressor(20, max_depth=6, random_state=1), numbers, numbers[:, 0] ** 2, None),
        ("columns by name, texts, holes", make_pipeline(columns, LogisticRegression()), frame, yes, kinds),
        ("columns by name, forest", make_pipeline(columns, RandomForestClassifier(20, random_state=1)), frame, yes, kinds),
    ]
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for name, model, rows, label, inputs in cases:
            model.fit(rows, label)
            try:
                proto = to_onnx(model, initial_types=inputs) if inputs else to_onnx(model, rows[:1])
            except (TypeError, ValueError) as error:
                print(f"{name:<48} not exported by this skl2onnx: {type(error).__name__}")
                continue
            if inputs:
                given = {c: frame[[c]].to_numpy(numpy.float32 if c in NUMBERS else str).astype(numpy.float32 if c in NUMBERS else object) for c in frame}
                header, values = list(frame.columns), frame.to_numpy().tolist()
            else:
                given = {proto.graph.input[0].name: rows}
                header, values = NUMBERS, rows.tolist()
            file, table, out = (os.path.join(folder, part) for part in ("m.onnx", "rows.csv", "out.csv"))
            with open(file, "wb") as stream:
                stream.write(proto.SerializeToString())
            with open(table, "w", newline="") as stream:
                writer = csv.writer(stream)
                writer.writerow(header)
                writer.writerows([["" if isinstance(v, float) and numpy.isnan(v) else v for v in row] for row in values])
            session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
            before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
            answer = session.run(None, given)[-1]
            theirs_cpu = resource.getrusage(resource.RUSAGE_SELF).ru_utime - before
            if isinstance(answer, list):
                answer = numpy.array([[row[key] for key in sorted(row)] for row in answer])
            theirs = answer[:, 1:2] if answer.ndim == 2 and answer.shape[1] == 2 else answer.reshape(len(values), -1)
            before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            subprocess.run([options.attune, "profile", "score", "--model", file, "--input", table, "--output", out], check=True, stdout=subprocess.DEVNULL)
            ours_cpu = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
            with open(out) as stream:
                ours = numpy.array([[float(v) for v in row[1:]] for row in list(csv.reader(stream))[1:]])
            gap = float(numpy.abs(ours - theirs).max())
            worst = max(worst, gap)
            print(f"{name:<48} greatest difference {gap:.1e}   CPU {ours_cpu:.2f} s with reading and writing, onnxruntime {theirs_cpu:.2f} s for the scores")
    return 0 if worst <= 1e-5 else 1


if __name__ == "__main__":
    sys.exit(main())
