"""Makes a golden of crates/bertune-train: what scikit-learn finds for logistic regressions.

usage: python tools/logistic_regression_goldens.py

Writes crates/bertune-train/tests/goldens/logistic_regression.json beside this script's folder: eight
penalised logistic regressions of random rows, with and without groups of rows that have columns of
their own, some of rows that a plane separates.
"""
import json
from pathlib import Path

import numpy
import sklearn
from sklearn.linear_model import LogisticRegression

SEED = 20261128
GOLDENS = "crates/bertune-train/tests/goldens/logistic_regression.json"
OUTPUT = Path(__file__).resolve().parent.parent / GOLDENS


def expanded(values, groups):
    """The rows with, for each group, their columns and a one beside them, zeros in others' rows."""
    if not len(groups):
        return values
    rows, width = values.shape
    blocks = numpy.zeros((rows, max(groups) + 1, width + 1))
    blocks[numpy.arange(rows), groups] = numpy.hstack([values, numpy.ones((rows, 1))])
    return numpy.hstack([values, blocks.reshape(rows, -1)])


def case(random, rows, width, group_count, c, separable=False):
    values = numpy.round(random.normal(size=(rows, width)), 3)
    groups = [] if group_count == 0 else [int(i) for i in random.integers(0, group_count, rows)]
    slope = random.normal(size=width)
    noise = 0.0 if separable else 1.0
    classes = values @ slope + noise * random.normal(size=rows) > 0.5
    design = expanded(values, groups)
    model = LogisticRegression(C=c, tol=1e-12, max_iter=100000).fit(design, classes)
    return {
        "c": c,
        "values": values.ravel().tolist(),
        "groups": groups,
        "classes": classes.tolist(),
        "coefficients": model.coef_[0].tolist(),
        "intercept": float(model.intercept_[0]),
        "scores": model.decision_function(design).tolist(),
    }


def main():
    random = numpy.random.default_rng(SEED)
    cases = [
        case(random, 40, 3, 0, 1.0),
        case(random, 40, 3, 0, 0.01),
        case(random, 25, 1, 0, 100.0),
        case(random, 30, 2, 0, 10.0, separable=True),
        case(random, 20, 30, 0, 0.1),
        case(random, 60, 4, 2, 1.0),
        case(random, 60, 4, 3, 0.05),
        case(random, 30, 5, 3, 5.0, separable=True),
    ]
    goldens = {
        "provenance": {
            "made_by": "tools/logistic_regression_goldens.py",
            "seed": SEED,
            "numpy": numpy.__version__,
            "scikit_learn": sklearn.__version__,
        },
        "cases": cases,
    }
    OUTPUT.write_text(json.dumps(goldens) + "\n")


if __name__ == "__main__":
    main()
