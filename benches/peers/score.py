"""Scores predictions with scikit-learn and SciPy: one scorer for both sides.

usage: score.py TEST PREDICTIONS

TEST has the rows' labels, PREDICTIONS what `bertune predict --output-format jsonl` or fine_tune.py
wrote. Prints one JSON object of scores.
"""

import json
import sys

from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef
from sklearn.preprocessing import MultiLabelBinarizer


def lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def scores(wanted, predictions):
    if "values" in predictions[0]:
        found = [next(iter(row["values"].values())) for row in predictions]
        return {
            "pearson": pearsonr(wanted, found).statistic,
            "spearman": spearmanr(wanted, found).statistic,
        }
    if "labels" in predictions[0]:
        found = [row["labels"] for row in predictions]
        binary = MultiLabelBinarizer().fit(wanted + found)
        wanted, found = binary.transform(wanted), binary.transform(found)
        averages = ["micro", "macro"]
        of = {f"{by}_f1": f1_score(wanted, found, average=by, zero_division=0) for by in averages}
        return of
    found = [row["label"] for row in predictions]
    result = {"accuracy": accuracy_score(wanted, found), "mcc": matthews_corrcoef(wanted, found)}
    if set(wanted) == {"0", "1"}:
        result["f1"] = f1_score(wanted, found, pos_label="1")
    return result


def main():
    wanted = [row["label"] for row in lines(sys.argv[1])]
    predictions = lines(sys.argv[2])
    if len(wanted) != len(predictions):
        sys.exit(f"{len(wanted)} rows, but {len(predictions)} predictions")
    print(json.dumps({name: float(value) for name, value in scores(wanted, predictions).items()}))


main()
