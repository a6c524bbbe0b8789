"""Fine-tunes a BERT with PyTorch and transformers, and writes what it predicts: our rival.

usage: fine_tune.py --model DIR --train F --test F --output PREDICTIONS [--kind class|set|values]
                    [--epochs 3] [--learning-rate 5e-5] [--seed 1] [--threads 2]
                    [--device cpu|cuda] …

Rows are JSON lines of `text`, maybe `text_pair`, and `label`: a name, a list of names or a number.
The recipe is that of `bertune train`: AdamW (no decay of biases and layer norms), a linear
schedule with warm-up, gradients clipped at norm 1, batches in a new random order each epoch,
padded to their longest text. The model of the last epoch predicts, one line a row. Prints one
JSON line: losses, seconds, examples per second.
"""

import argparse
import json
import random
import time

import torch
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    get_linear_schedule_with_warmup,
)

PROBLEM_TYPES = {
    "class": "single_label_classification",
    "set": "multi_label_classification",
    "values": "regression",
}


def arguments():
    parser = argparse.ArgumentParser()
    for name in ["model", "train", "test", "output"]:
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--kind", choices=PROBLEM_TYPES, default="class")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--learning-rate", type=float, default=5e-5)
    parser.add_argument("--head-learning-rate", type=float)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--max-length", type=int, default=128)
    parser.add_argument("--warmup-ratio", type=float, default=0.1)
    parser.add_argument("--weight-decay", type=float, default=0.01)
    parser.add_argument("--max-grad-norm", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    return parser.parse_args()


class Examples:
    """Tokenized rows."""

    def __init__(self, path, tokenizer, max_length):
        with open(path, encoding="utf-8") as file:
            self.rows = [json.loads(line) for line in file]
        texts = [row["text"] for row in self.rows]
        pairs = [row["text_pair"] for row in self.rows] if "text_pair" in self.rows[0] else None
        encoded = tokenizer(texts, pairs, truncation=True, max_length=max_length)
        self.input_ids, self.token_type_ids = encoded["input_ids"], encoded["token_type_ids"]

    def batch(self, ids):
        """Some of the rows, padded to the longest of them."""
        length = max(len(self.input_ids[i]) for i in ids)
        names = ["input_ids", "token_type_ids", "attention_mask"]
        batch = {name: torch.zeros(len(ids), length, dtype=torch.long) for name in names}
        for row, i in enumerate(ids):
            tokens = len(self.input_ids[i])
            batch["input_ids"][row, :tokens] = torch.tensor(self.input_ids[i])
            batch["token_type_ids"][row, :tokens] = torch.tensor(self.token_type_ids[i])
            batch["attention_mask"][row, :tokens] = 1
        return batch


def class_names(rows, kind):
    if kind == "values":
        return ["value"]
    labels = [row["label"] for row in rows]
    return sorted(set(labels) if kind == "class" else {name for of in labels for name in of})


def targets(rows, names, kind):
    if kind == "values":
        return torch.tensor([row["label"] for row in rows], dtype=torch.float32)
    index = {name: i for i, name in enumerate(names)}
    if kind == "class":
        return torch.tensor([index[row["label"]] for row in rows])
    of = torch.zeros(len(rows), len(names))
    for i, row in enumerate(rows):
        of[i, [index[name] for name in row["label"]]] = 1.0
    return of


def on(model, batch):
    """The batch on the model's device."""
    return {name: values.to(model.device) for name, values in batch.items()}


def optimizer(model, a):
    groups = {}
    for name, parameter in model.named_parameters():
        is_head = name.startswith("classifier")
        rate = a.head_learning_rate if is_head and a.head_learning_rate else a.learning_rate
        decay = 0.0 if name.endswith(("bias", "LayerNorm.weight")) else a.weight_decay
        groups.setdefault((rate, decay), []).append(parameter)
    groups = [dict(params=of, lr=rate, weight_decay=decay) for (rate, decay), of in groups.items()]
    return torch.optim.AdamW(groups, eps=1e-8)


def train(model, examples, wanted, a):
    of = optimizer(model, a)
    steps = -(-len(examples.rows) // a.batch_size) * a.epochs
    schedule = get_linear_schedule_with_warmup(of, int(a.warmup_ratio * steps), steps)
    model.train()
    losses, start = [], time.perf_counter()
    for epoch in range(a.epochs):
        order = list(range(len(examples.rows)))
        random.Random(a.seed * 1000 + epoch).shuffle(order)
        total = 0.0
        for at in range(0, len(order), a.batch_size):
            ids = order[at : at + a.batch_size]
            of.zero_grad(set_to_none=True)
            loss = model(**on(model, examples.batch(ids)), labels=wanted[ids].to(model.device)).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), a.max_grad_norm)
            of.step()
            schedule.step()
            total += loss.item() * len(ids)
        losses.append(round(total / len(order), 4))
    return losses, time.perf_counter() - start


@torch.no_grad()
def predict(model, examples):
    model.eval()
    order = sorted(range(len(examples.rows)), key=lambda i: len(examples.input_ids[i]))
    logits = [None] * len(order)
    for at in range(0, len(order), 64):
        ids = order[at : at + 64]
        for i, row in zip(ids, model(**on(model, examples.batch(ids))).logits.cpu()):
            logits[i] = row
    return torch.stack(logits)


def said(logits, names, kind):
    """Each row's prediction, as `bertune predict` writes it."""
    for row in logits:
        if kind == "values":
            yield {"values": dict(zip(names, row.tolist()))}
        elif kind == "class":
            yield {"label": names[row.argmax()]}
        else:
            yield {"labels": [name for name, score in zip(names, row.tolist()) if score >= 0.0]}


def main():
    a = arguments()
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    tokenizer = AutoTokenizer.from_pretrained(a.model)
    examples = Examples(a.train, tokenizer, a.max_length)
    names = class_names(examples.rows, a.kind)
    config = AutoConfig.from_pretrained(
        a.model, num_labels=len(names), problem_type=PROBLEM_TYPES[a.kind]
    )
    model = AutoModelForSequenceClassification.from_pretrained(a.model, config=config)
    model.to(a.device)
    wanted = targets(examples.rows, names, a.kind)
    losses, seconds = train(model, examples, wanted, a)
    test = Examples(a.test, tokenizer, a.max_length)
    with open(a.output, "w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in said(predict(model, test), names, a.kind))
    rate = len(examples.rows) * a.epochs / seconds
    print(json.dumps(dict(losses=losses, seconds=round(seconds, 1), examples_per_s=round(rate, 1))))


main()
