"""The living library's side of `cargo xtask parity`.

usage: python tools/parity_roundtrip.py open FOLDER TEXTS.jsonl OURS.jsonl
       python tools/parity_roundtrip.py write FOLDER

open: transformers opens a folder that bertune wrote and predicts the texts, by its classes and by
its pipeline; labels must be ours and probabilities within 1e-5 of ours. A line of TEXTS is
{"text": ..., "text_pair": ... or absent}, a line of OURS {"label": ..., "probabilities": {...}}.

write: makes a tiny random classifier with a tokenizer of its own as transformers saves them, and
FOLDER/expected.jsonl with what transformers predicts.
"""
import json
import pathlib
import sys

import torch
import transformers
from transformers import (AutoModelForSequenceClassification, AutoTokenizer, BertConfig,
                          BertForSequenceClassification, BertTokenizerFast, pipeline)

TOLERANCE = 1e-5
WORDS = "the a i my parcel refund money back late where is not login card cancel please hello ! ? . , ' é 你 好"
TEXTS = [
    "Where is my parcel?", "refund please", "I cancel.", "hello hello hello", "HELLO", "é", "你好",
    "unknownword", "?!", "my card is late, where is my money", "a " * 80, "the parcel\tis\nlate",
    "not not not", "Cancel my login!", "l'é", "👍", "My refund is not back.", "i", "money, money, money",
    "where where is is my my parcel parcel",
]


def probabilities(model, tokenizer, lines):
    for line in lines:
        inputs = tokenizer(line["text"], line.get("text_pair"), truncation=True, return_tensors="pt",
                           max_length=model.config.max_position_embeddings)
        with torch.no_grad():
            numbers = model(**inputs).logits.double().softmax(-1)[0].tolist()
        yield {model.config.id2label[i]: p for i, p in enumerate(numbers)}


def read(path):
    return [json.loads(line) for line in open(path, encoding="utf-8")]


def open_ours(folder, texts, ours):
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    pipe = pipeline("text-classification", model=model, tokenizer=tokenizer, top_k=None)
    lines, ours = read(texts), read(ours)
    assert len(lines) == len(ours), f"{len(lines)} texts, {len(ours)} predictions"
    worst = 0.0
    for line, found, expected in zip(lines, ours, probabilities(model, tokenizer, lines)):
        assert found["label"] == max(expected, key=expected.get), line
        assert found["probabilities"].keys() == expected.keys(), line
        piped = expected
        if "text_pair" not in line:
            piped = {row["label"]: row["score"] for row in pipe(line["text"], truncation=True)}
        for label, p in found["probabilities"].items():
            worst = max(worst, abs(p - expected[label]), abs(p - piped[label]))
    print(f"{len(lines)} predictions, the largest difference of a probability is {worst:.1e}")
    assert worst <= TOLERANCE, "that is too much"


def write_theirs(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *dict.fromkeys(WORDS.split())]
    words += [f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
    tokenizer = BertTokenizerFast.from_pretrained(folder, do_lower_case=True, model_max_length=40)
    torch.manual_seed(4)
    model = BertForSequenceClassification(BertConfig(
        vocab_size=len(words), hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=40,
        max_position_embeddings=40, id2label={0: "late", 1: "money back", 2: "other"},
        label2id={"late": 0, "money back": 1, "other": 2})).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    lines = [{"text": text} for text in TEXTS]
    with open(folder / "expected.jsonl", "w", encoding="utf-8") as out:
        for line, expected in zip(lines, probabilities(model, tokenizer, lines)):
            line |= {"label": max(expected, key=expected.get), "probabilities": expected}
            out.write(json.dumps(line, ensure_ascii=False) + "\n")


def main():
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    command, *arguments = sys.argv[1:]
    {"open": open_ours, "write": write_theirs}[command](*arguments)


if __name__ == "__main__":
    main()
