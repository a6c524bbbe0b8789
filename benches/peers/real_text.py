"""Fine-tuning and predicting on real text in PyTorch and ONNX Runtime, timed: the rival of
`benches/src/bin/real_text.rs`.

usage: real_text.py train MODEL ROWS [--batching grouped|dynamic|fixed] [--steps 30] [--fused]
       real_text.py predict MODEL ROWS [--engine torch|onnx] [--batch 64]
both: [--threads 2]

ROWS are JSON lines of `text`, maybe `text_pair`, and `label`. Batches are of 32 rows, padded to
their longest after rows of like length were put together as transformers' Trainer does (grouped),
to their longest (dynamic), or to 128 tokens (fixed). The steps that count are a sample of an epoch,
and like it in padded tokens, whose means are printed. Prediction tokenizes all rows, sorts them by
length and pads each batch of --batch rows to its longest. Prints one JSON object, as our side does,
with the peak memory right after the imports too.
"""

import argparse
import json
import os
import random
import resource
import statistics
import tempfile
import time

import torch
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    get_linear_schedule_with_warmup,
)

LONGEST = 128
TRAIN_BATCH = 32
WARM_UP = 3
WARM_UP_ROWS = 256


def read(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def tokenized(tokenizer, rows, longest):
    pairs = [row["text_pair"] for row in rows] if "text_pair" in rows[0] else None
    return tokenizer([row["text"] for row in rows], pairs, truncation=True, max_length=longest)


def batch(encoded, ids, length=None):
    length = length or max(len(encoded["input_ids"][i]) for i in ids)
    of = {name: torch.zeros(len(ids), length, dtype=torch.long)
          for name in ["input_ids", "token_type_ids", "attention_mask"]}
    for row, i in enumerate(ids):
        tokens = len(encoded["input_ids"][i])
        for name in of:
            of[name][row, :tokens] = torch.tensor(encoded[name][i])
    return of


def epoch_of(lengths, batching):
    """An epoch's full batches; grouped by length in heaps of 50 batches, as the Trainer does."""
    order = list(range(len(lengths)))
    random.Random(1).shuffle(order)
    if batching == "grouped":
        heap = 50 * TRAIN_BATCH
        heaps = [order[at : at + heap] for at in range(0, len(order), heap)]
        order = [i for heap in heaps for i in sorted(heap, key=lambda i: -lengths[i])]
    found = [order[at : at + TRAIN_BATCH] for at in range(0, len(order), TRAIN_BATCH)]
    return [ids for ids in found if len(ids) == TRAIN_BATCH]


def sample(epoch, count, tokens):
    """One batch, near the mean, of each of so many parts of the order by tokens: like the whole."""
    ordered = sorted(epoch, key=tokens)
    ends = [i * len(ordered) // count for i in range(count + 1)]
    parts = [ordered[at : max(end, at + 1)] for at, end in zip(ends, ends[1:])]
    means = [statistics.mean(map(tokens, part)) for part in parts]
    found = [min(part, key=lambda ids: abs(tokens(ids) - mean)) for part, mean in zip(parts, means)]
    random.Random(2).shuffle(found)
    return found


def train(a):
    rows = read(a.rows)
    began = time.perf_counter()
    encoded = tokenized(AutoTokenizer.from_pretrained(a.model), rows, LONGEST)
    tokenizing = (time.perf_counter() - began) / len(rows)
    names = sorted({row["label"] for row in rows})
    labels = torch.tensor([names.index(row["label"]) for row in rows])
    lengths = [len(ids) for ids in encoded["input_ids"]]
    epoch = epoch_of(lengths, a.batching)

    def padded_tokens(ids):
        longest = LONGEST if a.batching == "fixed" else max(lengths[i] for i in ids)
        return len(ids) * longest

    warm_up, counted = [sample(epoch, count, padded_tokens) for count in [WARM_UP, a.steps]]
    return time_steps(a, encoded, labels, tokenizing, warm_up + counted) | {
        "padded_tokens_per_step": round(statistics.mean(map(padded_tokens, counted))),
        "padded_tokens_of_epoch": round(statistics.mean(map(padded_tokens, epoch))),
    }


def time_steps(a, encoded, labels, tokenizing, chosen):
    config = AutoConfig.from_pretrained(
        a.model, num_labels=labels.max().item() + 1, attn_implementation="sdpa")
    model = AutoModelForSequenceClassification.from_pretrained(a.model, config=config).train()
    # Not False, which would choose against PyTorch's default.
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5, fused=a.fused or None)
    schedule = get_linear_schedule_with_warmup(optimizer, 10, len(chosen))
    began, making = None, 0.0
    for step, ids in enumerate(chosen):
        if step == WARM_UP:
            began, making = time.perf_counter(), 0.0
        before = time.perf_counter()
        of = batch(encoded, ids, LONGEST if a.batching == "fixed" else None)
        making += time.perf_counter() - before
        optimizer.zero_grad(set_to_none=True)
        model(**of, labels=labels[ids]).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    examples = (len(chosen) - WARM_UP) * TRAIN_BATCH
    seconds = time.perf_counter() - began
    host = tokenizing * examples + making
    return {"examples_per_s": round(examples / seconds, 1),
            "host_share": round(host / (seconds + tokenizing * examples), 5)}


def torch_engine(model):
    def run(of):
        with torch.inference_mode():
            return model(**of).logits

    return run


def onnx_engine(model):
    import onnxruntime
    from onnxruntime.transformers import optimizer

    path = os.path.join(tempfile.mkdtemp(), "model.onnx")
    example = {name: torch.ones(2, 8, dtype=torch.long)
               for name in ["input_ids", "attention_mask", "token_type_ids"]}
    axes = {name: {0: "batch", 1: "length"} for name in example}
    with torch.inference_mode():
        torch.onnx.export(model, tuple(example.values()), path, input_names=list(example),
                          output_names=["logits"], dynamic_axes=axes, dynamo=False)
    # Fuses attention, layer norms and GELU, as ONNX Runtime's guide for transformers says.
    fused = optimizer.optimize_model(
        path, model_type="bert", num_heads=model.config.num_attention_heads,
        hidden_size=model.config.hidden_size)
    fused.save_model_to_file(path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def run(of):
        inputs = {name: of[name].numpy() for name in example}
        return torch.from_numpy(session.run(["logits"], inputs)[0])

    return run


def predict(a):
    rows = read(a.rows)
    tokenizer = AutoTokenizer.from_pretrained(a.model)
    config = AutoConfig.from_pretrained(a.model)
    # The attention that ONNX can be exported from; sdpa is PyTorch's fastest.
    config._attn_implementation = "eager" if a.engine == "onnx" else "sdpa"
    model = AutoModelForSequenceClassification.from_pretrained(a.model, config=config).eval()
    longest = config.to_dict().get("bertune_max_length") or config.max_position_embeddings
    run = {"torch": torch_engine, "onnx": onnx_engine}[a.engine](model)

    def all_of(rows):
        encoded = tokenized(tokenizer, rows, longest)
        tokenizing = time.perf_counter()
        order = sorted(range(len(rows)), key=lambda i: -len(encoded["input_ids"][i]))
        total = 0.0
        for at in range(0, len(order), a.batch):
            logits = run(batch(encoded, order[at : at + a.batch]))
            total += logits.softmax(1)[:, 0].double().sum().item()
        return total, tokenizing

    all_of(rows[:WARM_UP_ROWS])
    began = time.perf_counter()
    total, tokenized_at = all_of(rows)
    seconds = time.perf_counter() - began
    return {"examples_per_s": round(len(rows) / seconds, 1),
            "tokenizing_s": round(tokenized_at - began, 2), "sum": round(total, 4)}


def peak_megabytes():
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main():
    imports = peak_megabytes()
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["train", "predict"])
    parser.add_argument("model")
    parser.add_argument("rows")
    parser.add_argument("--batching", choices=["grouped", "dynamic", "fixed"], default="dynamic")
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--fused", action="store_true", help="AdamW in one kernel; only to train")
    parser.add_argument("--engine", choices=["torch", "onnx"], default="torch")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(1)
    found = train(a) if a.what == "train" else predict(a)
    print(json.dumps(found | {"megabytes": peak_megabytes(), "imports_megabytes": imports}))


main()
