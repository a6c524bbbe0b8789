"""Writes the cases that `cargo xtask sources` measures on, as JSON lines:
OUT/CASE/{test,target-SEED,source-SEED}.jsonl.

usage: prepare_sources.py DATA OUT SEEDS

DATA holds the folders sst2_6920 (sentences of film reviews, 0 or 1) and goemotions (comments on
Reddit with emotions) as their carriers had them. Comments are made positive or negative by their
emotions; those with both, or with neither, are left out. Each seed draws another 200 rows of the
target and 2,000 of the source, and the 1,000 rows to measure on are the same for all.

movies-reddit   target films, source comments: another domain
reddit-movies   target comments, source films: another domain
movies-half     source films, every second label turned round: half of it harms
movies-turned   source films, every label turned round: all of it harms
movies-movies   source films, as the target: nothing harms
"""

import json
import random
import sys
from pathlib import Path

TARGET_ROWS, SOURCE_ROWS, TEST_ROWS = 200, 2000, 1000

POSITIVE = "admiration amusement approval excitement gratitude joy love optimism pride relief"
NEGATIVE = "anger annoyance disappointment disapproval disgust embarrassment fear grief remorse sadness"


def films(data, split):
    lines = (data / "sst2_6920" / f"{split}.tsv").read_text(encoding="utf-8").splitlines()
    rows = [line.rsplit("\t", 1) for line in lines if line.strip()]
    return [{"text": text, "label": label} for text, label in rows]


def comments(data, split):
    folder = data / "goemotions"
    names = (folder / "labels.txt").read_text().split()
    rows = []
    for line in (folder / f"{split}.tsv").read_text(encoding="utf-8").splitlines():
        text, ids, _ = line.split("\t")
        emotions = {names[int(i)] for i in ids.split(",")}
        signs = {"1" for e in emotions if e in POSITIVE.split()}
        signs |= {"0" for e in emotions if e in NEGATIVE.split()}
        if len(signs) == 1:
            rows.append({"text": text, "label": signs.pop()})
    return rows


def turned(rows, every):
    def turn(row):
        return {**row, "label": "1" if row["label"] == "0" else "0"}

    return [turn(row) if i % every == 0 else row for i, row in enumerate(rows)]


CASES = {
    "movies-reddit": (films, comments, lambda rows: rows),
    "reddit-movies": (comments, films, lambda rows: rows),
    "movies-half": (films, films, lambda rows: turned(rows, 2)),
    "movies-turned": (films, films, lambda rows: turned(rows, 1)),
    "movies-movies": (films, films, lambda rows: rows),
}


def write(path, rows):
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")


def main():
    data, out, seeds = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    for name, (target, source, change) in CASES.items():
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        write(folder / "test.jsonl", random.Random(0).sample(target(data, "test"), TEST_ROWS))
        for seed in range(1, seeds + 1):
            draw = random.Random(seed)
            rows = draw.sample(target(data, "train"), TARGET_ROWS + SOURCE_ROWS)
            write(folder / f"target-{seed}.jsonl", rows[:TARGET_ROWS])
            if source is not target:
                rows = [None] * TARGET_ROWS + draw.sample(source(data, "train"), SOURCE_ROWS)
            write(folder / f"source-{seed}.jsonl", change(rows[TARGET_ROWS:]))


if __name__ == "__main__":
    main()
