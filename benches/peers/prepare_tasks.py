"""Writes tasks that `cargo xtask tasks`, `boxed-scores` and `text-bench` compare on as JSON lines:
OUT/TASK/{train,test}.jsonl.

usage: prepare_tasks.py DATA OUT TASK...

DATA holds folders such as mrpc, cola_glue, rte_glue, stsb, trec and goemotions as their carriers had
them (docs/benchmarks.md says where they come from). Every row has `text`, `text_pair` in tasks of
pairs, and `label`: a name, a list of names (goemotions) or a number (stsb). Nothing is shuffled;
where the official test set has no labels, the official development set is the test set.
"""

import csv
import json
import sys
from pathlib import Path

GOEMOTIONS_ROWS = 10_000


def tab_separated(path, encoding="utf-8-sig"):
    with open(path, encoding=encoding, newline="\n") as file:
        return [line.rstrip("\r\n").split("\t") for line in file if line.strip()]


def mrpc(folder, split):
    rows = tab_separated(folder / f"msr_paraphrase_{split}.txt")[1:]
    return [{"text": r[3], "text_pair": r[4], "label": r[0]} for r in rows]


def cola(folder, split):
    # train.tsv and val.tsv together are the official training set.
    parts = {"train": ["train", "val"], "test": ["dev"]}[split]
    rows = [row for part in parts for row in tab_separated(folder / f"{part}.tsv")]
    return [{"text": r[3], "label": r[1]} for r in rows]


def rte(folder, split):
    name = {"train": "train", "test": "dev"}[split]
    rows = tab_separated(folder / f"{name}.tsv")[1:]
    return [{"text": r[1], "text_pair": r[2], "label": r[3]} for r in rows]


def stsb(folder, split):
    with open(folder / f"stsb-en-{split}.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    return [{"text": r[0], "text_pair": r[1], "label": float(r[2])} for r in rows]


def trec(folder, split):
    lines = (folder / f"TREC.{split}").read_text(encoding="latin-1").splitlines()
    rows = [line.split(" ", 1) for line in lines if line.strip()]
    return [{"text": text, "label": label.split(":")[0]} for label, text in rows]


def goemotions(folder, split):
    names = (folder / "labels.txt").read_text().split()
    rows = tab_separated(folder / f"{split}.tsv")
    rows = rows[:GOEMOTIONS_ROWS] if split == "train" else rows
    return [{"text": r[0], "label": [names[int(i)] for i in r[1].split(",")]} for r in rows]


def agnews(folder, split):
    rows = tab_separated(folder / {"train": "train_10k.tsv", "test": "test.tsv"}[split])
    return [{"text": r[0], "label": r[1]} for r in rows]


def sst2_6920(folder, split):
    rows = tab_separated(folder / f"{split}.tsv")
    return [{"text": r[0], "label": r[1]} for r in rows]


def sst2_glue(folder, split):
    name = {"train": "train", "test": "dev"}[split]
    rows = tab_separated(folder / f"{name}.tsv")[1:]
    return [{"text": r[0], "label": r[1]} for r in rows]


TASKS = {
    "agnews": (agnews, "agnews"),
    "sst2_6920": (sst2_6920, "sst2_6920"),
    "sst2_glue": (sst2_glue, "sst2_glue"),
    "mrpc": (mrpc, "mrpc"),
    "cola": (cola, "cola_glue"),
    "rte": (rte, "rte_glue"),
    "stsb": (stsb, "stsb"),
    "trec": (trec, "trec"),
    "goemotions": (goemotions, "goemotions"),
}


def main():
    data, out = Path(sys.argv[1]), Path(sys.argv[2])
    for task in sys.argv[3:]:
        read, name = TASKS[task]
        (out / task).mkdir(parents=True, exist_ok=True)
        for split in ["train", "test"]:
            rows = read(data / name, split)
            with open(out / task / f"{split}.jsonl", "w", encoding="utf-8") as file:
                file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            print(f"{task} {split}: {len(rows)} rows")


main()
