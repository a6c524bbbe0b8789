"""Makes the goldens of crates/bertune-train: schedules, optimizers and losses.

usage: python tools/training_goldens.py

Writes crates/bertune-train/tests/goldens/training.json beside this script's folder:

- schedules: 200 factors each of transformers' schedules and of PyTorch's OneCycleLR;
- optimizers: a parameter of 12 numbers after 1, 10, 50 and 100 steps of PyTorch's AdamW, Adam and SGD,
  and of Lion by the formula of its paper, with a linear schedule and clipping by the global norm. The
  gradient is made of exact small fractions, so that both sides compute the same;
- losses: values and gradients of the logits from PyTorch, and of the focal loss by its formula.
"""
import datetime
import json
import pathlib

import numpy as np
import torch
import transformers
from transformers import optimization

OUTPUT = pathlib.Path(__file__).parent.parent / "crates/bertune-train/tests/goldens/training.json"
STEPS = 200


def factors(make, rate=1.0):
    """The learning rate of each step, as a share of the peak."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)
    schedule = make(optimizer)
    out = []
    for _ in range(STEPS):
        out.append(schedule.get_last_lr()[0] / rate)
        optimizer.step()
        schedule.step()
    return out


def schedules():
    o = optimization
    one_cycle = torch.optim.lr_scheduler.OneCycleLR
    cases = [
        ("constant", {"warmup_steps": 0}, lambda x: o.get_constant_schedule(x)),
        ("constant", {"warmup_steps": 20}, lambda x: o.get_constant_schedule_with_warmup(x, 20)),
        ("linear", {"warmup_steps": 20}, lambda x: o.get_linear_schedule_with_warmup(x, 20, STEPS)),
        ("linear", {"warmup_steps": 0}, lambda x: o.get_linear_schedule_with_warmup(x, 0, STEPS)),
        ("cosine", {"warmup_steps": 20}, lambda x: o.get_cosine_schedule_with_warmup(x, 20, STEPS)),
        ("cosine", {"warmup_steps": 7, "cycles": 1.5},
         lambda x: o.get_cosine_schedule_with_warmup(x, 7, STEPS, 1.5)),
        ("cosine", {"warmup_steps": 20, "floor": 0.1},
         lambda x: o.get_cosine_with_min_lr_schedule_with_warmup(x, 20, STEPS, min_lr_rate=0.1)),
        ("cosine_with_restarts", {"warmup_steps": 20},
         lambda x: o.get_cosine_with_hard_restarts_schedule_with_warmup(x, 20, STEPS)),
        ("cosine_with_restarts", {"warmup_steps": 20, "cycles": 3.0},
         lambda x: o.get_cosine_with_hard_restarts_schedule_with_warmup(x, 20, STEPS, 3)),
        ("polynomial", {"warmup_steps": 20, "floor": 0.0},
         lambda x: o.get_polynomial_decay_schedule_with_warmup(x, 20, STEPS, lr_end=0.0)),
        ("polynomial", {"warmup_steps": 20, "floor": 0.05, "power": 2.0},
         lambda x: o.get_polynomial_decay_schedule_with_warmup(x, 20, STEPS, lr_end=0.05, power=2.0)),
        ("inverse_sqrt", {"warmup_steps": 20}, lambda x: o.get_inverse_sqrt_schedule(x, 20)),
        ("inverse_sqrt", {"warmup_steps": 0}, lambda x: o.get_inverse_sqrt_schedule(x, 0)),
        ("one_cycle", {"warmup_steps": 60},
         lambda x: one_cycle(x, max_lr=1.0, total_steps=STEPS, pct_start=0.3, cycle_momentum=False)),
        ("one_cycle", {"warmup_steps": 20},
         lambda x: one_cycle(x, max_lr=1.0, total_steps=STEPS, pct_start=0.1, cycle_momentum=False)),
    ]
    return [{"schedule": name, "settings": settings, "factors": factors(make)}
            for name, settings, make in cases]


def gradient(step):
    """Sixteenths, the same in any arithmetic; now and then long enough to be clipped."""
    return [((step * 7919 + i * 104729) % 33 - 16) / 16 * (4 if step % 10 == 0 else 1)
            for i in range(12)]


START = [(i * 37 % 23 - 11) / 8 for i in range(12)]


def steps_of(make):
    parameter = torch.nn.Parameter(torch.tensor(START))
    optimizer = make([parameter])
    schedule = optimization.get_linear_schedule_with_warmup(optimizer, 10, 120)
    kept = {}
    for step in range(1, 101):
        parameter.grad = torch.tensor(gradient(step))
        torch.nn.utils.clip_grad_norm_([parameter], 5.0)
        optimizer.step()
        schedule.step()
        if step in (1, 10, 50, 100):
            kept[step] = parameter.tolist()
    return kept


def lion(rate, betas, decay):
    """Chen et al. (2023), algorithm 2, in float64."""
    parameter, momentum, kept = np.array(START), np.zeros(12), {}
    for step in range(1, 101):
        g = np.array(gradient(step))
        g = g * min(1.0, 5.0 / (np.linalg.norm(g) + 1e-6))
        factor = (step - 1) / 10 if step - 1 < 10 else (120 - (step - 1)) / 110
        direction = np.sign(betas[0] * momentum + (1 - betas[0]) * g)
        parameter = parameter - rate * factor * (direction + decay * parameter)
        momentum = betas[1] * momentum + (1 - betas[1]) * g
        if step in (1, 10, 50, 100):
            kept[step] = parameter.tolist()
    return kept


def optimizers():
    t = torch.optim
    return [
        {"optimizer": "adamw", "learning_rate": 0.01, "weight_decay": 0.1, "beta_2": 0.999,
         "steps": steps_of(lambda p: t.AdamW(p, lr=0.01, weight_decay=0.1, eps=1e-8))},
        {"optimizer": "adam", "learning_rate": 0.01, "weight_decay": 0.1, "beta_2": 0.999,
         "steps": steps_of(lambda p: t.Adam(p, lr=0.01, weight_decay=0.1, eps=1e-8))},
        {"optimizer": "sgd", "learning_rate": 0.01, "weight_decay": 0.1, "beta_2": 0.999,
         "steps": steps_of(lambda p: t.SGD(p, lr=0.01, momentum=0.9, weight_decay=0.1))},
        {"optimizer": "lion", "learning_rate": 0.01, "weight_decay": 0.1, "beta_2": 0.99,
         "steps": lion(0.01, (0.9, 0.99), 0.1)},
    ]


LOGITS = [[(i * 31 + c * 17) % 29 / 8 - 1.5 for c in range(4)] for i in range(6)]
LABELS = [0, 3, 2, 2, 1, 0]
WEIGHTS = [2.0, 1.0, 0.5, 1.5]
SAMPLE_WEIGHTS = [1.0, 0.5, 2.0, 0.0, 1.0, 3.0]
SETS = [[1, 0, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1], [0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0]]
VALUES = [[0.5 * i - c for c in range(4)] for i in range(6)]


def loss(compute):
    logits = torch.tensor(LOGITS, dtype=torch.float64, requires_grad=True)
    value = compute(logits)
    value.backward()
    return {"value": value.item(), "gradient": logits.grad.flatten().tolist()}


def losses():
    labels = torch.tensor(LABELS)
    weights = torch.tensor(WEIGHTS, dtype=torch.float64)
    samples = torch.tensor(SAMPLE_WEIGHTS, dtype=torch.float64)
    cross_entropy = torch.nn.functional.cross_entropy
    binary = torch.nn.functional.binary_cross_entropy_with_logits

    def weighted(each, weight):
        return (each * samples).sum() / (weight * samples).sum()

    def focal(logits, gamma, weight):
        log_p = logits.log_softmax(1).gather(1, labels[:, None])[:, 0]
        w = weight[labels]
        return -(w * (1 - log_p.exp()) ** gamma * log_p).sum() / w.sum()

    ones = torch.ones(6, dtype=torch.float64)
    sets = torch.tensor(SETS, dtype=torch.float64)
    values = torch.tensor(VALUES, dtype=torch.float64)
    weight = {name: value for name, value in zip("abcd", WEIGHTS)}
    cases = [
        ("classes", {}, False, lambda x: cross_entropy(x, labels)),
        ("classes", {"class_weights": weight}, False, lambda x: cross_entropy(x, labels, weights)),
        ("classes", {"label_smoothing": 0.1}, False,
         lambda x: cross_entropy(x, labels, label_smoothing=0.1)),
        ("classes", {"class_weights": weight, "label_smoothing": 0.2}, False,
         lambda x: cross_entropy(x, labels, weights, label_smoothing=0.2)),
        ("classes", {"class_weights": weight}, True,
         lambda x: weighted(cross_entropy(x, labels, weights, reduction="none"), weights[labels])),
        ("classes", {"focal_gamma": 2.0}, False, lambda x: focal(x, 2.0, torch.ones_like(weights))),
        ("classes", {"focal_gamma": 0.5, "class_weights": weight}, False,
         lambda x: focal(x, 0.5, weights)),
        ("sets", {}, False, lambda x: binary(x, sets)),
        ("sets", {"label_smoothing": 0.1}, False, lambda x: binary(x, sets * 0.9 + 0.05)),
        ("sets", {"class_weights": weight}, False, lambda x: binary(x, sets, weights)),
        ("sets", {}, True, lambda x: weighted(binary(x, sets, reduction="none").mean(1), ones)),
        ("values", {}, False, lambda x: torch.nn.functional.mse_loss(x, values)),
        ("values", {}, True,
         lambda x: weighted(((x - values) ** 2).mean(1), ones)),
    ]
    return [{"targets": targets, "settings": settings, "with_sample_weights": samples_count,
             **loss(compute)} for targets, settings, samples_count, compute in cases]


def main():
    goldens = {
        "made_by": "tools/training_goldens.py",
        "date": datetime.date.today().isoformat(),
        "torch": torch.__version__.split("+")[0],
        "transformers": transformers.__version__,
        "schedules": schedules(),
        "gradients": [gradient(step) for step in range(1, 101)],
        "start": START,
        "optimizers": optimizers(),
        "logits": LOGITS, "labels": LABELS, "sets": SETS, "values": VALUES,
        "sample_weights": SAMPLE_WEIGHTS,
        "losses": losses(),
    }
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(goldens) + "\n", encoding="utf-8")
    print(f"wrote {OUTPUT.name}: {OUTPUT.stat().st_size} bytes")


if __name__ == "__main__":
    main()
