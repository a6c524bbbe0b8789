"""Makes the masked-language-model goldens of crates/bertune-testing: tiny random BERTs with a tied
head, and what transformers computes.

usage: python tools/masked_lm_goldens.py OUT

Each model is a folder OUT/NAME with config.json and model.safetensors as transformers saves them,
golden.json (the packed input with hidden tokens, where they stand, what they were, the provenance)
and golden.safetensors (float32): logits at the hidden places, loss, and grad.PARAMETER for every
parameter. Dropout is off; everything is float32 on one thread of the CPU.
"""
import datetime
import json
import pathlib
import sys

import safetensors.torch
import torch
import transformers
from transformers import BertConfig, BertForMaskedLM

SEED = 21
# name: hidden, layers, heads, intermediate, activation, epsilon, vocabulary, positions
GRID = {
    "two-layers": (32, 2, 4, 64, "gelu", 1e-12, 99, 40),
    "gelu-new": (24, 3, 2, 40, "gelu_new", 1e-5, 61, 24),
}


def build(shape):
    hidden, layers, heads, inner, act, eps, vocab, positions = shape
    config = BertConfig(
        hidden_size=hidden, num_hidden_layers=layers, num_attention_heads=heads, intermediate_size=inner,
        hidden_act=act, layer_norm_eps=eps, vocab_size=vocab, max_position_embeddings=positions,
        attn_implementation="eager",
    )
    model = BertForMaskedLM(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn_like(parameter)
            parameter.copy_(1 + 0.3 * noise if name.endswith("LayerNorm.weight") else 0.25 * noise)
    return model


def pad(rows, value=0):
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=value)


def make(name, shape, out):
    torch.manual_seed(SEED)
    model = build(shape)
    config = model.config
    lengths = [5, config.max_position_embeddings, 2, 9]
    # Not 0, which is [PAD]: transformers gives its row no gradient.
    ids = [torch.randint(1, config.vocab_size, (n,)) for n in lengths]
    types = [torch.randint(0, 2, (n,)) for n in lengths]
    hidden = [torch.rand(n) < 0.3 for n in lengths]
    hidden[0][0] = True
    labels = [torch.where(h, torch.randint(1, config.vocab_size, (len(h),)), -100) for h in hidden]
    mask = torch.arange(max(lengths))[None, :] < torch.tensor(lengths)[:, None]
    result = model(input_ids=pad(ids), token_type_ids=pad(types), attention_mask=mask.long(),
                   labels=pad(labels, -100))
    result.loss.backward()
    folder = out / name
    model.save_pretrained(folder)
    places = torch.cat(hidden)
    golden = {"logits": result.logits[mask][places], "loss": result.loss.reshape(1)}
    golden |= {f"grad.{n}": p.grad for n, p in model.named_parameters()}
    golden = {n: t.detach().clone().contiguous() for n, t in golden.items()}
    safetensors.torch.save_file(golden, folder / "golden.safetensors")
    record = dict(
        provenance=dict(script="tools/masked_lm_goldens.py", date=str(datetime.date.today()), seed=SEED,
                        torch=torch.__version__, transformers=transformers.__version__),
        input_ids=torch.cat(ids).tolist(), token_type_ids=torch.cat(types).tolist(),
        cu_seqlens=[0, *torch.tensor(lengths).cumsum(0).tolist()],
        masked_indices=places.nonzero().flatten().tolist(), labels=torch.cat(labels)[places].tolist(),
    )
    (folder / "golden.json").write_text(json.dumps(record) + "\n")
    print(f"{name}: loss {result.loss.item():.4f}, {int(places.sum())} hidden tokens")


def main():
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    out = pathlib.Path(sys.argv[1])
    for name, shape in GRID.items():
        make(name, shape, out)


if __name__ == "__main__":
    main()
