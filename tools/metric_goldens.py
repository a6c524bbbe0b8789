"""Makes the goldens of crates/bertune-metrics: what scikit-learn and SciPy measure.

usage: python tools/metric_goldens.py

Writes crates/bertune-metrics/tests/goldens/metrics.json beside this script's folder. For
classification, multi-label classification and regression there are 20 random cases each and a dozen
degenerate ones: a class absent, everything tied, a single row, constants, all right, all wrong. For
each, every score that bertune-metrics has. A score is null where scikit-learn or SciPy raises, warns
that it is undefined, or gives what is not finite.

Probabilities are multiples of 1/64, so that they tie, sum to 1 exactly and are short. What neither
library has is computed here from its definition: the expected calibration error, the best
thresholds by trying all of them, and the bootstrap by numpy.percentile over the rows that
SplitMix64 draws.
"""
import datetime
import json
import pathlib
import warnings

import numpy as np
import scipy
import sklearn
from scipy import optimize, special, stats
from sklearn import metrics
from sklearn.exceptions import UndefinedMetricWarning

SEED = 30
RANDOM_CASES = 20
OUTPUT = pathlib.Path(__file__).parent.parent / "crates/bertune-metrics/tests/goldens/metrics.json"
UNDEFINED = ("ill-defined", "No positive class found")


def defined(score, *args, **options):
    """The score, or None where it is undefined."""
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            value = float(score(*args, **options))
    except ValueError:
        return None
    is_undefined = any(issubclass(w.category, (UndefinedMetricWarning, stats.ConstantInputWarning))
                       or any(text in str(w.message) for text in UNDEFINED) for w in told)
    return value if np.isfinite(value) and not is_undefined else None


def weighted(score, labels, scores):
    """The mean over the columns that have a label: the others have no weight, and no say."""
    support = labels.sum(axis=0)
    values = [defined(score, labels[:, c] == 1, scores[:, c]) for c in np.flatnonzero(support)]
    if not values or None in values:
        return None
    value = float(np.average(values, weights=support[support > 0]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.isclose(value, score(labels, scores, average="weighted"))
    return value


def fractions(truth, predictions, average, **options):
    values = metrics.precision_recall_fscore_support(truth, predictions, average=average, zero_division=0,
                                                     **options)
    names = ("precision", "recall", "f1")
    return {name: np.asarray(value).tolist() for name, value in zip(names, values)}


def calibration_error(labels, probabilities, bins=15):
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    edges = np.arange(bins + 1) / bins
    inside = [(edges[b] < confidence) & (confidence <= edges[b + 1]) for b in range(bins)]
    return float(sum(np.mean(rows) * abs(np.mean(right[rows]) - np.mean(confidence[rows]))
                     for rows in inside if rows.any()))


def classification(name, labels, probabilities):
    labels, probabilities = np.array(labels), np.array(probabilities, dtype=float)
    classes = probabilities.shape[1]
    names = list(range(classes))
    predictions = probabilities.argmax(axis=1)
    one_hot = (labels[:, None] == np.arange(classes)).astype(int)
    if classes == 2:
        binary = labels == 1, probabilities[:, 1]
        roc_auc = weighted_roc_auc = defined(metrics.roc_auc_score, *binary)
        pr_auc = weighted_pr_auc = defined(metrics.average_precision_score, *binary)
    else:
        roc_auc = defined(metrics.roc_auc_score, labels, probabilities, multi_class="ovr", labels=names)
        weighted_roc_auc = weighted(metrics.roc_auc_score, one_hot, probabilities)
        pr_auc = defined(metrics.average_precision_score, one_hot, probabilities)
        weighted_pr_auc = weighted(metrics.average_precision_score, one_hot, probabilities)
    scores = {
        "accuracy": defined(metrics.accuracy_score, labels, predictions),
        "balanced_accuracy": defined(metrics.balanced_accuracy_score, labels, predictions),
        "macro": fractions(labels, predictions, "macro"),
        "micro": fractions(labels, predictions, "micro"),
        "weighted": fractions(labels, predictions, "weighted"),
        "mcc": defined(metrics.matthews_corrcoef, labels, predictions),
        "roc_auc": roc_auc,
        "weighted_roc_auc": weighted_roc_auc,
        "pr_auc": pr_auc,
        "weighted_pr_auc": weighted_pr_auc,
        "log_loss": defined(metrics.log_loss, labels, probabilities, labels=names),
        "calibration_error": calibration_error(labels, probabilities),
    }
    return {
        "name": name, "classes": classes, "labels": labels.tolist(),
        "probabilities": probabilities.ravel().tolist(), "scores": scores,
        "counts": metrics.confusion_matrix(labels, predictions, labels=names).tolist(),
        "per_class": fractions(labels, predictions, None, labels=names),
    }


def best_threshold(labels, scores):
    """By trying every threshold; F1 as fractions of integers, so that ties are exact."""
    if not labels.any():
        return 0.5
    distinct = sorted({0.0, *scores.tolist()})
    candidates = [(a + b) / 2 for a, b in zip(distinct, distinct[1:])]
    candidates += [0.0] if (scores == 0).any() else []
    f1 = {t: (int(2 * (labels & (scores >= t)).sum()), int(labels.sum() + (scores >= t).sum())) for t in candidates}
    best = max(right / decisions for right, decisions in f1.values())
    equal = [t for t, (right, decisions) in f1.items() if abs(right / decisions - best) < 1e-12]
    return min(equal, key=lambda t: (abs(t - 0.5), t))


def multi_label(name, labels, probabilities):
    labels, probabilities = np.array(labels, dtype=int), np.array(probabilities, dtype=float)
    classes = labels.shape[1]
    predictions = (probabilities >= 0.5).astype(int)
    truth = labels == 1
    scores = {
        "subset_accuracy": defined(metrics.accuracy_score, labels, predictions),
        "hamming_loss": defined(metrics.hamming_loss, labels, predictions),
        "macro": fractions(labels, predictions, "macro"),
        "micro": fractions(labels, predictions, "micro"),
        "weighted": fractions(labels, predictions, "weighted"),
        "samples": fractions(labels, predictions, "samples"),
        "roc_auc": defined(metrics.roc_auc_score, labels, probabilities),
        "micro_roc_auc": defined(metrics.roc_auc_score, labels, probabilities, average="micro"),
        "pr_auc": defined(metrics.average_precision_score, labels, probabilities),
        "micro_pr_auc": defined(metrics.average_precision_score, labels, probabilities, average="micro"),
        "log_loss": defined(metrics.log_loss, labels.ravel(), probabilities.ravel(), labels=[0, 1]),
    }
    return {
        "name": name, "classes": classes, "labels": labels.ravel().tolist(),
        "probabilities": probabilities.ravel().tolist(), "scores": scores,
        "per_class": fractions(labels, predictions, None),
        "weighted_roc_auc": weighted(metrics.roc_auc_score, labels, probabilities),
        "weighted_pr_auc": weighted(metrics.average_precision_score, labels, probabilities),
        "thresholds": [float(best_threshold(truth[:, c], probabilities[:, c])) for c in range(classes)],
    }


def mean_over_targets(score, targets, predictions):
    values = [defined(score, *pair) for pair in zip(targets.T, predictions.T)]
    return None if None in values else float(np.mean(values))


def r2(targets, predictions):
    return metrics.r2_score(targets, predictions, force_finite=False)


def regression(name, targets, predictions):
    targets, predictions = (np.array(values, dtype=float).reshape(len(values), -1) for values in (targets, predictions))
    scores = {
        "pearson": mean_over_targets(lambda a, b: stats.pearsonr(a, b).statistic, targets, predictions),
        "spearman": mean_over_targets(lambda a, b: stats.spearmanr(a, b).statistic, targets, predictions),
        "mse": defined(metrics.mean_squared_error, targets, predictions),
        "mae": defined(metrics.mean_absolute_error, targets, predictions),
        "r2": mean_over_targets(r2, targets, predictions),
    }
    if scores["r2"] is not None:
        assert np.isclose(scores["r2"], metrics.r2_score(targets, predictions))
    return {
        "name": name, "width": targets.shape[1], "targets": targets.ravel().tolist(),
        "predictions": predictions.ravel().tolist(), "scores": scores,
    }


def random_probabilities(random, rows, classes):
    """Multiples of 1/64 that sum to 1."""
    return random.multinomial(64, random.dirichlet(np.ones(classes), rows)) / 64


def classification_cases(random):
    for i in range(RANDOM_CASES):
        rows, classes = int(random.integers(5, 45)), int(random.integers(2, 6))
        probabilities = random_probabilities(random, rows, classes)
        guess = [random.choice(classes, p=p) for p in probabilities]
        labels = np.where(random.random(rows) < 0.7, guess, random.integers(0, classes, rows))
        yield f"random {i}", labels, probabilities
    certain = np.eye(3)
    even = np.full((4, 2), 0.5)
    two = random_probabilities(random, 8, 2)
    three = random_probabilities(random, 9, 3)
    yield "two classes, one absent", [1] * 8, two
    yield "two classes, the other absent", [0] * 8, two
    yield "three classes, one absent", [0, 1, 0, 1, 0, 1, 0, 1, 0], three
    yield "all rows of one class of three", [2] * 9, three
    yield "the same prediction always", [0, 1, 2, 0, 1, 2], np.tile([0.5, 0.25, 0.25], (6, 1))
    yield "everything tied", [0, 1, 1, 0], even
    yield "three classes tied in pairs", [0, 1, 2, 1], [[0.5, 0.5, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
    yield "a single row, right", [1], [[0.25, 0.75]]
    yield "a single row, wrong", [0], [[0.25, 0.75]]
    yield "a single row of four classes", [3], [[0.25, 0.125, 0.125, 0.5]]
    yield "all right and certain", [0, 1, 2, 1], certain[[0, 1, 2, 1]]
    yield "all wrong and certain", [0, 1, 2, 1], certain[[1, 2, 0, 0]]
    yield "a class never predicted", [0, 1, 2, 2], [[0.75, 0.25, 0], [0.25, 0.5, 0.25], [0.5, 0.25, 0.25], [0, 0.75, 0.25]]
    yield "a class neither labelled nor predicted", [0, 1, 0, 1], [[0.75, 0.25, 0]] * 3 + [[0.25, 0.75, 0]]
    yield "one positive row", [0, 0, 0, 0, 0, 0, 0, 1], two


def multi_label_cases(random):
    for i in range(RANDOM_CASES):
        rows, classes = int(random.integers(5, 35)), int(random.integers(2, 6))
        probabilities = random.integers(0, 65, (rows, classes)) / 64
        yield f"random {i}", random.random((rows, classes)) < 0.2 + 0.6 * probabilities, probabilities
    some = random.integers(0, 65, (6, 3)) / 64
    truth = np.array([[1, 0, 0], [0, 1, 0], [1, 1, 0], [0, 0, 1], [1, 0, 1], [0, 0, 0]])
    yield "a class without rows", truth * [1, 1, 0], some
    yield "a class of all rows", truth | [0, 0, 1], some
    yield "no labels at all", truth * 0, some
    yield "all labels", truth * 0 + 1, some
    yield "nothing predicted", truth, some * 0.25
    yield "nothing labelled or predicted", truth * 0, some * 0.25
    yield "everything predicted", truth, 0.5 + some * 0.25
    yield "everything tied", truth, np.full((6, 3), 0.5)
    yield "all right and certain", truth, truth.astype(float)
    yield "all wrong and certain", truth, 1.0 - truth
    yield "a single row", [[1, 0, 1]], [[0.75, 0.75, 0.25]]
    yield "a single row without labels", [[0, 0]], [[0.25, 0.125]]
    yield "a class never predicted", truth, some * [1, 1, 0.25]


def regression_cases(random):
    for i in range(RANDOM_CASES):
        rows, width = int(random.integers(3, 40)), 1 if i < 12 else int(random.integers(2, 4))
        targets = random.normal(0, 10, (rows, width)).round(i % 3)
        yield f"random {i}", targets, (0.7 * targets + random.normal(1, 5, (rows, width))).round(i % 3)
    some = [1.0, 4.0, 2.0, 8.0]
    yield "a constant target", [2.5] * 4, some
    yield "a constant target, predicted", [2.5] * 4, [2.5] * 4
    yield "a constant prediction", some, [3.0] * 4
    yield "a single row", [1.0], [2.0]
    yield "two rows", [1.0, 2.0], [5.0, 3.0]
    yield "all right", some, some
    yield "all turned round", some, [-x for x in some]
    yield "ties everywhere", [1, 1, 2, 2, 2, 3], [5, 4, 4, 5, 5, 5]
    yield "one target of two constant", [[1, 3], [2, 3], [4, 3]], [[1, 1], [3, 2], [3, 3]]
    yield "far from zero", [1e9 + x for x in some], [1e9 + 2 * x for x in some]
    yield "small", [1e-5 * x for x in some], [2e-5, 3e-5, 2e-5, 5e-5]
    yield "zeros of both signs", [0.0, -0.0, 1.0], [1.0, 2.0, 3.0]


def temperature(random, scale):
    rows, classes = int(random.integers(20, 40)), int(random.integers(2, 5))
    logits = random.normal(0, 2, (rows, classes)).round(2)
    labels = np.array([random.choice(classes, p=p) for p in special.softmax(logits / scale, axis=1)])

    def slope(inverse):
        expected = (special.softmax(inverse * logits, axis=1) * logits).sum(axis=1)
        return (expected - logits[np.arange(rows), labels]).mean()

    inverse = optimize.brentq(slope, 0.01, 100, xtol=1e-15, rtol=1e-15)
    return {"classes": classes, "labels": labels.tolist(), "logits": logits.ravel().tolist(),
            "temperature": float(1 / inverse)}


def student_t():
    degrees, probabilities = [*range(1, 31), 100, 1000], [0.0005, 0.025, 0.4, 0.5, 0.9, 0.975, 0.995, 0.9995]
    return {"degrees_of_freedom": degrees, "probabilities": probabilities,
            "quantiles": stats.t.ppf(np.array(probabilities)[None, :], np.array(degrees)[:, None]).tolist()}


def seeds(random, runs):
    values = random.normal(0.9, 0.02, runs).round(4)
    low, high = stats.t.interval(0.95, runs - 1, loc=values.mean(), scale=stats.sem(values))
    return {"values": values.tolist(), "mean": float(values.mean()), "standard_deviation": float(values.std(ddof=1)),
            "low": float(low), "high": float(high)}


MASK = (1 << 64) - 1


def mix(value):
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & MASK
    value = (value ^ value >> 27) * 0x94D049BB133111EB & MASK
    return value ^ value >> 31


def draw(seed, resample, rows):
    state = mix((mix(seed) + resample) & MASK)
    drawn = []
    for _ in range(rows):
        state = (state + 0x9E3779B97F4A7C15) & MASK
        drawn.append(mix(state) * rows >> 64)
    return drawn


def bootstrap(random, rows, seed, shift):
    first = random.normal(shift, 1, rows).round(3)
    second = random.normal(0, 1, rows).round(3)
    resamples = 199
    drawn = np.array([draw(seed, resample, rows) for resample in range(resamples)])
    means, differences = first[drawn].mean(axis=1), first[drawn].mean(axis=1) - second[drawn].mean(axis=1)
    tail = min((differences <= 0).sum(), (differences >= 0).sum())
    return {"seed": seed, "resamples": resamples, "first": first.tolist(), "second": second.tolist(),
            "interval": np.percentile(means, [2.5, 97.5]).tolist(),
            "difference": np.percentile(differences, [2.5, 97.5]).tolist(),
            "p_value": float(min(1, 2 * (tail + 1) / (resamples + 1)))}


def main():
    random = np.random.default_rng(SEED)
    golden = {
        "provenance": dict(script="tools/metric_goldens.py", date=str(datetime.date.today()), seed=SEED,
                           numpy=np.__version__, scikit_learn=sklearn.__version__, scipy=scipy.__version__),
        "classification": [classification(*case) for case in classification_cases(random)],
        "multi_label": [multi_label(*case) for case in multi_label_cases(random)],
        "regression": [regression(*case) for case in regression_cases(random)],
        "temperature": [temperature(random, scale) for scale in (0.5, 1, 1.5, 2, 3, 5)],
        "student_t": student_t(),
        "seeds": [seeds(random, runs) for runs in (2, 3, 5, 10, 30)],
        "bootstrap": [bootstrap(random, *case) for case in ((12, 0, 0), (30, 42, 0.3), (20, MASK, 1), (5, 7, 5))],
    }
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    # A case to a line, so that a difference can be read.
    text = json.dumps(golden, allow_nan=False).replace('{"name"', '\n{"name"')
    OUTPUT.write_text(text + "\n")
    cases = {part: len(golden[part]) for part in ("classification", "multi_label", "regression")}
    print(f"{OUTPUT.name}: {cases}, {len(text) / 1000:.0f} kB")


if __name__ == "__main__":
    main()
