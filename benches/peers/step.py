"""One training step of a BERT in PyTorch, timed: the rival of `benches/src/bin/step.rs`.

usage: step.py SHAPE SEQUENCES LENGTHS [--dtype f32|tf32|bf16] [--steps 5] [--threads 2] [--compile]
               [--device cpu|cuda] [--fused]

LENGTHS is a number or a range such as 8-60; a batch is padded to its longest. Prints one JSON
object: the median of the steps in milliseconds, and the process's peak memory on the host, at the
end and right after the imports.
"""

import argparse
import json
import resource
import statistics
import time

import torch
from transformers import BertConfig, BertForSequenceClassification

SHAPES = {
    "tiny": (128, 2, 2, 512),
    "mini": (256, 4, 4, 1024),
    "minilm": (384, 6, 12, 1536),
    "base": (768, 12, 12, 3072),
}
WARM_UP = 2


def lengths_of(sequences, lengths):
    low, _, high = lengths.partition("-")
    low, high = int(low), int(high or low)
    return [low + i * 7919 % (high - low + 1) for i in range(sequences)]


def peak_megabytes():
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def main():
    imports = peak_megabytes()
    parser = argparse.ArgumentParser()
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("sequences", type=int)
    parser.add_argument("lengths")
    parser.add_argument("--dtype", choices=["f32", "tf32", "bf16"], default="f32")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--fused", action="store_true")
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    torch.set_default_device(a.device)
    if a.dtype == "tf32":
        torch.set_float32_matmul_precision("high")
    torch.manual_seed(0)
    hidden, layers, heads, inner = SHAPES[a.shape]
    config = BertConfig(
        hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads,
        intermediate_size=inner, num_labels=2, attn_implementation="sdpa",
    )
    model = BertForSequenceClassification(config).train()
    # Not False, which would choose against PyTorch's default.
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-5, fused=a.fused or None)
    lengths = lengths_of(a.sequences, a.lengths)
    longest = max(lengths)
    ids = torch.randint(100, 30_522, (a.sequences, longest))
    mask = torch.tensor([[int(i < length) for i in range(longest)] for length in lengths])
    labels = torch.arange(a.sequences) % 2
    forward = torch.compile(model) if a.compile else model

    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(a.device, dtype=torch.bfloat16, enabled=a.dtype == "bf16"):
            loss = forward(input_ids=ids * mask, attention_mask=mask, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if a.device == "cuda":
            torch.cuda.synchronize()

    times = []
    for _ in range(WARM_UP + a.steps):
        began = time.perf_counter()
        step()
        times.append((time.perf_counter() - began) * 1000)
    print(json.dumps({
        "milliseconds": round(statistics.median(times[WARM_UP:]), 1), "megabytes": peak_megabytes(),
        "imports_megabytes": imports, "tokens": sum(lengths),
    }))


main()
