"""Makes the goldens of crates/bertune-testing: tiny random BERTs and what transformers computes.

usage: python tools/bert_goldens.py OUT

Each model is a folder OUT/NAME with config.json and model.safetensors as transformers saves them,
golden.json (the packed input, the labels, the losses of ten training steps, how far float32 is from
float64, the provenance) and golden.safetensors (float32): hidden_states.0 to .L of real tokens,
pooled_output, logits, loss, grad.PARAMETER for every parameter, and stepN.PARAMETER after 1, 2 and
10 steps.

Dropout is off throughout (model.eval()); the probabilities in config.json are only recorded. The
training steps are torch.optim.AdamW (betas 0.9 and 0.999, eps 1e-8) at 1e-3 for the encoder and 1e-2
for the classifier, decay 0.01 but for biases and LayerNorms, gradients clipped to a global norm of 1,
transformers' linear schedule with 3 warm-up steps of 12: the first step has the rate 0. For one
model there is adam_stepN.PARAMETER too: the same with torch.optim.Adam, decay in the gradient.

Everything is float32 on one thread of the CPU.
"""
import copy
import datetime
import json
import pathlib
import sys

import safetensors.torch
import torch
import transformers
from transformers import BertConfig, BertForSequenceClassification, get_linear_schedule_with_warmup

SEED = 20
# name: hidden, layers, heads, intermediate, activation, token types, epsilon, classes, vocabulary, positions
GRID = {
    "base-like": (32, 3, 4, 64, "gelu", 2, 1e-12, 2, 99, 40),
    "odd-width": (12, 2, 3, 20, "gelu", 2, 1e-12, 3, 61, 24),
    "gelu-new": (24, 2, 2, 48, "gelu_new", 2, 1e-5, 5, 70, 32),
    "gelu-tanh": (16, 1, 1, 40, "gelu_pytorch_tanh", 1, 1e-12, 2, 80, 64),
    "relu-one-type": (48, 2, 4, 96, "relu", 1, 1e-5, 3, 90, 30),
    "wide-heads": (32, 4, 1, 36, "gelu", 2, 1e-12, 4, 100, 48),
    "twelve-layers": (8, 12, 2, 16, "gelu", 2, 1e-12, 2, 60, 24),
    "twenty-four-layers": (16, 24, 4, 24, "gelu", 2, 1e-12, 3, 60, 24),
}
WITH_ADAM = "odd-width"


def build(shape):
    hidden, layers, heads, inner, act, types, eps, classes, vocab, positions = shape
    config = BertConfig(
        hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads, intermediate_size=inner,
        hidden_act=act, type_vocab_size=types, layer_norm_eps=eps, num_labels=classes, vocab_size=vocab,
        max_position_embeddings=positions, attn_implementation="eager",
        classifier_dropout=0.2 if classes == 3 else None, hidden_dropout_prob=0.1 if types == 2 else 0.3,
    )
    model = BertForSequenceClassification(config).eval()
    # Larger than usual, biases and norms too, so that every mistake shows; smaller in deep models,
    # whose gradients would vanish, and Adam would blow up their rounding.
    scale = 0.25 if layers < 12 else 0.1
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn_like(parameter)
            parameter.copy_(1 + 0.3 * noise if name.endswith("LayerNorm.weight") else scale * noise)
    return model


def make_input(config):
    lengths = [5, config.max_position_embeddings, 1, 9, 2]
    # Not 0, which is [PAD]: transformers gives its row no gradient.
    ids = [torch.randint(1, config.vocab_size, (n,)) for n in lengths]
    types = [torch.randint(0, config.type_vocab_size, (n,)) for n in lengths]
    labels = torch.randint(0, config.num_labels, (len(lengths),))
    return lengths, ids, types, labels


def pad(rows):
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)


def forward(model, ids, types, lengths, labels):
    mask = torch.arange(max(lengths))[None, :] < torch.tensor(lengths)[:, None]
    out = model(input_ids=pad(ids), token_type_ids=pad(types), attention_mask=mask.long(), labels=labels,
                output_hidden_states=True)
    pooled = model.bert.pooler(out.hidden_states[-1])
    return [state[mask] for state in out.hidden_states], pooled, out.logits, out.loss


def train(model, inputs, steps, algorithm):
    groups = {}
    for name, parameter in model.named_parameters():
        rate = 1e-2 if name.startswith("classifier") else 1e-3
        decay = 0.0 if name.endswith("bias") or "LayerNorm" in name else 0.01
        groups.setdefault((rate, decay), []).append(parameter)
    groups = [dict(params=p, lr=rate, weight_decay=decay) for (rate, decay), p in groups.items()]
    optimizer = algorithm(groups, eps=1e-8)
    schedule = get_linear_schedule_with_warmup(optimizer, 3, 12)
    losses, kept, clipped = [], {}, 0
    for step in range(1, steps + 1):
        optimizer.zero_grad()
        loss = forward(model, *inputs)[3]
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        clipped += bool(norm > 1)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        if step in (1, 2, 10):
            kept |= {f"step{step}.{n}": p.detach().clone() for n, p in model.named_parameters()}
    return losses, kept, clipped


def noise_of(model, inputs, states, logits):
    """How far float32 is from float64; gradients relative to the largest of each parameter's."""
    exact = copy.deepcopy(model).double()
    exact.zero_grad()
    exact_states, _, exact_logits, loss = forward(exact, *inputs)
    loss.backward()
    gradients = [((p.grad - e.grad).abs().max() / e.grad.abs().max()).item()
                 for p, e in zip(model.parameters(), exact.parameters())
                 # The keys' biases have none but for rounding.
                 if e.grad.abs().max() > 1e-6]
    return dict(
        hidden_states=max((a - b).abs().max().item() for a, b in zip(states, exact_states)),
        logits=(logits - exact_logits).abs().max().item(),
        gradients=max(gradients),
    )


def make(name, shape, out):
    torch.manual_seed(SEED)
    model = build(shape)
    lengths, ids, types, labels = make_input(model.config)
    inputs = (ids, types, lengths, labels)
    folder = out / name
    model.save_pretrained(folder)
    states, pooled, logits, loss = forward(model, *inputs)
    loss.backward()
    golden = {f"hidden_states.{i}": state for i, state in enumerate(states)}
    golden |= {"pooled_output": pooled, "logits": logits, "loss": loss.reshape(1)}
    golden |= {f"grad.{n}": p.grad.clone() for n, p in model.named_parameters()}
    noise = noise_of(model, inputs, states, logits)
    untrained = copy.deepcopy(model)
    losses, kept, clipped = train(model, inputs, 10, torch.optim.AdamW)
    record = dict(
        provenance=dict(script="tools/bert_goldens.py", date=str(datetime.date.today()), seed=SEED,
                        torch=torch.__version__, transformers=transformers.__version__),
        noise=noise, input_ids=torch.cat(ids).tolist(), token_type_ids=torch.cat(types).tolist(),
        cu_seqlens=[0, *torch.tensor(lengths).cumsum(0).tolist()], labels=labels.tolist(), losses=losses,
        clipped_steps=clipped,
    )
    if name == WITH_ADAM:
        record["adam_losses"], adam, _ = train(untrained, inputs, 10, torch.optim.Adam)
        kept |= {f"adam_{n}": tensor for n, tensor in adam.items()}
    golden = {n: t.detach().contiguous() for n, t in (golden | kept).items()}
    safetensors.torch.save_file(golden, folder / "golden.safetensors")
    (folder / "golden.json").write_text(json.dumps(record) + "\n")
    print(f"{name}: loss {loss.item():.4f}, {clipped} of 10 steps clipped, float32 is off by "
          + ", ".join(f"{what} {size:.1e}" for what, size in noise.items()))


def main():
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    out = pathlib.Path(sys.argv[1])
    for name, shape in GRID.items():
        make(name, shape, out)


if __name__ == "__main__":
    main()
