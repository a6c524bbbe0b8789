"""Compares folders and predictions with transformers as it is installed.

    python tools/parity_roundtrip.py open FOLDER TEXTS.jsonl OURS.jsonl
        opens a folder that bertune wrote, predicts the texts, and compares with our predictions.
        Ends with status 1 and says where, if a label differs or a probability by more than 1e-5
        (or a predicted number by more than 1e-4). Where its config.json has bertune_stride, the
        scores of a text are the mean of those of its windows.
    python tools/parity_roundtrip.py write FOLDER
        writes a tiny random classifier with its tokenizer as transformers saves them, and what it
        predicts: expected.jsonl for single texts, expected_pairs.jsonl for pairs.

A line of TEXTS.jsonl is {"text": …} or {"text": …, "text_pair": …}; a line of predictions is
{"label": …, "probabilities": {LABEL: p, …}}, in expected files together with its text. Of sets it
has `labels` in place of `label`, and of numbers only `values`.
"""
import argparse
import json
import pathlib
import sys

import torch
import transformers
from transformers import (AutoModelForSequenceClassification, AutoTokenizer, BertConfig,
                          BertForSequenceClassification, BertTokenizer, pipeline)

TOLERANCE = 1e-5
TOLERANCE_OF_NUMBERS = 1e-4
SEED = 8
LABELS = ["billing", "delivery", "something else"]
WORDS = """the a my order card was charged twice where is parcel it ##s ##ed ##ing de ##liver ##y
refund app crash close account please can you not i how do to password re ##set late est où ou mon
colis 退 款 ! ? . , ' don t""".split()
TEXTS = [
    ("My card was charged twice!", "Refund my order, please."),
    ("where is my parcel? It is late.", "delivery"),
    ("Où est mon colis ?", "How do I reset my password?"),
    ("退款", "退"),
    ("don't", "the app crashed, and crashing is an unknownword"),
    ("?", "i can not close the account"),
    ("the parcel\tis\nlate", "l'été 👍"),
    ("RESET", ""),
    ("my order " * 60, "a refund " * 3),
]


def open_ours(folder, texts, ours):
    """Compares the model and the pipeline of a folder with our predictions."""
    texts, ours = read_lines(texts), read_lines(ours)
    if not texts or len(texts) != len(ours):
        sys.exit(f"{len(texts)} texts, but {len(ours)} predictions")
    classifier = Classifier(folder)
    worst = 0.0
    for number, (line, our) in enumerate(zip(texts, ours), 1):
        text, text_pair = line["text"], line.get("text_pair")
        ways = {"the model": classifier.numbers}
        if not classifier.stride:
            ways["the pipeline"] = classifier.of_pipeline
        for way, numbers in ways.items():
            difference = compare(our, numbers(text, text_pair), f"line {number}, {way}")
            worst = max(worst, difference)
    print(f"{len(texts)} predictions agree: the greatest difference is {worst:.1e} "
          f"(transformers {transformers.__version__}, torch {torch.__version__})")


class Classifier:
    """A folder as users of transformers open it."""

    def __init__(self, folder):
        self.model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.pipeline = pipeline("text-classification", model=str(folder), top_k=None, device="cpu")
        config = self.model.config
        longest = min(self.tokenizer.model_max_length, config.max_position_embeddings)
        self.max_length = getattr(config, "bertune_max_length", longest)
        self.stride = getattr(config, "bertune_stride", 0)
        functions = {"multi_label_classification": torch.sigmoid, "regression": lambda x: x}
        self.function = functions.get(config.problem_type, lambda x: x.softmax(-1))

    @torch.no_grad()
    def numbers(self, text, text_pair):
        """The probability of each class, or the predicted numbers, by the names of the labels."""
        encoded = self.tokenizer(text, text_pair, truncation=True, max_length=self.max_length,
                                 stride=self.stride, return_overflowing_tokens=self.stride > 0,
                                 padding=True, return_tensors="pt")
        encoded.pop("overflow_to_sample_mapping", None)
        numbers = self.function(self.model(**encoded).logits.mean(0)).tolist()
        return {self.model.config.id2label[i]: number for i, number in enumerate(numbers)}

    def of_pipeline(self, text, text_pair):
        pair = {"text": text} if text_pair is None else {"text": text, "text_pair": text_pair}
        # One dict gives its list of labels; newer versions put it in a list of one.
        found = self.pipeline(pair, truncation=True, max_length=self.max_length)
        found = found[0] if isinstance(found[0], list) else found
        return {each["label"]: each["score"] for each in found}


def compare(our, theirs, where):
    """The greatest difference of a probability; the program ends if it is too great."""
    ours = our.get("probabilities") or our["values"]
    if ours.keys() != theirs.keys():
        sys.exit(f"{where}: our labels are {list(ours)}, theirs {list(theirs)}")
    differences = {label: abs(ours[label] - p) for label, p in theirs.items()}
    tolerance = TOLERANCE_OF_NUMBERS if "values" in our else TOLERANCE
    for label, difference in differences.items():
        if not difference <= tolerance:
            sys.exit(f"{where}: our number for {label!r} is {ours[label]}, theirs {theirs[label]}")
    if "labels" in our:
        for label, p in theirs.items():
            if (label in our["labels"]) != (p >= 0.5) and abs(p - 0.5) > TOLERANCE:
                sys.exit(f"{where}: our set is {our['labels']}, but {label!r} has {p}")
    if "label" not in our:
        return max(differences.values())
    # Of two that are as good as equal, either is right.
    if our["label"] not in ours or theirs[our["label"]] < max(theirs.values()) - 2 * TOLERANCE:
        sys.exit(f"{where}: our label is {our['label']!r}, theirs {max(theirs, key=theirs.get)!r}")
    return max(differences.values())


def write_theirs(folder):
    """Writes a tiny classifier that nobody trained, and its predictions."""
    torch.manual_seed(SEED)
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = make_tokenizer()
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=64, max_position_embeddings=64, initializer_range=0.3,
        id2label=dict(enumerate(LABELS)), label2id={label: i for i, label in enumerate(LABELS)},
        problem_type="single_label_classification",
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    classifier = Classifier(folder)
    singles = [{"text": text} for text, _ in TEXTS]
    pairs = [{"text": text, "text_pair": text_pair} for text, text_pair in TEXTS]
    write_lines(folder / "expected.jsonl", [line | predict(classifier, **line) for line in singles])
    write_lines(folder / "expected_pairs.jsonl", [line | predict(classifier, **line) for line in pairs])
    print(f"{folder}: {len(singles)} predictions for texts and {len(pairs)} for pairs")


def make_tokenizer():
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *letters]
    words = [*dict.fromkeys([*words, *("##" + letter for letter in letters)])]
    vocab = {word: i for i, word in enumerate(words)}
    return BertTokenizer(vocab=vocab, do_lower_case=True, model_max_length=64)


def predict(classifier, text, text_pair=None):
    probabilities = classifier.numbers(text, text_pair)
    return {"label": max(probabilities, key=probabilities.get), "probabilities": probabilities}


def read_lines(path):
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines if line.strip()]


def write_lines(path, lines):
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    path.write_text(text, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    opening = commands.add_parser("open", help="compare a folder that bertune wrote")
    for name in ("folder", "texts", "ours"):
        opening.add_argument(name, type=pathlib.Path)
    writing = commands.add_parser("write", help="write a folder for bertune to open")
    writing.add_argument("folder", type=pathlib.Path)
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    if arguments.command == "open":
        open_ours(arguments.folder, arguments.texts, arguments.ours)
    else:
        write_theirs(arguments.folder)


if __name__ == "__main__":
    main()
