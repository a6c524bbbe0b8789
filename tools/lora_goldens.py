"""Makes the LoRA goldens of crates/bertune-testing: tiny random BERTs with adapters of peft, and what
peft and transformers compute.

usage: python tools/lora_goldens.py OUT

Each golden is a folder OUT/NAME with base/ (config.json and model.safetensors as transformers saves
an encoder), adapter/ (adapter_config.json and adapter_model.safetensors as peft saves an adapter of a
sequence classifier), golden.json (the packed input, the labels, the provenance) and
golden.safetensors (float32): logits, loss, merged_logits (with the adapter merged into the base), and
grad.PARAMETER for every parameter that learns. Dropout is off; everything is float32 on one thread of
the CPU. The order of lists in adapter_config.json, which peft leaves to chance, is the alphabet's.
"""
import datetime
import json
import pathlib
import sys

import peft
import safetensors.torch
import torch
import transformers
from peft import LoraConfig, TaskType, get_peft_model
from transformers import BertConfig, BertForSequenceClassification, BertModel

SEED = 22
CLASSES = 3
SHAPE = dict(hidden_size=24, num_hidden_layers=2, num_attention_heads=4, intermediate_size=40,
             vocab_size=61, max_position_embeddings=24)
GRID = {
    "query-value": dict(r=4, lora_alpha=16, lora_dropout=0.05, target_modules=["query", "value"],
                        modules_to_save=["pooler"]),
    "every-map": dict(r=3, lora_alpha=6, use_rslora=True, target_modules=["query", "key", "value", "dense"],
                      rank_pattern={"intermediate.dense": 5}, alpha_pattern={"output.dense": 2}),
}


def randomise(module):
    """Larger than usual, biases and norms too, so that every mistake shows."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            noise = torch.randn_like(parameter)
            parameter.copy_(1 + 0.3 * noise if name.endswith("LayerNorm.weight") else 0.25 * noise)


def pad(rows):
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)


def plain(name):
    """The name that a parameter has in an adapter's file, without peft's prefix."""
    name = name.removeprefix("base_model.model.")
    return name.replace(".default.", ".").replace("modules_to_save.", "")


def save_adapter(model, folder):
    model.peft_config["default"].base_model_name_or_path = "base"
    model.save_pretrained(folder)
    (folder / "README.md").unlink()
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text())
    config = {key: sorted(value) if isinstance(value, list) else value for key, value in config.items()}
    path.write_text(json.dumps(config, indent=2) + "\n")


def make(name, settings, out):
    torch.manual_seed(SEED)
    folder = out / name
    encoder = BertModel(BertConfig(**SHAPE, attn_implementation="eager"))
    randomise(encoder)
    encoder.save_pretrained(folder / "base")
    model = BertForSequenceClassification.from_pretrained(folder / "base", num_labels=CLASSES,
                                                          attn_implementation="eager")
    model = get_peft_model(model, LoraConfig(task_type=TaskType.SEQ_CLS, **settings)).eval()
    for parameter in model.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.25)
    save_adapter(model, folder / "adapter")

    lengths = [5, SHAPE["max_position_embeddings"], 1, 9]
    ids = [torch.randint(1, SHAPE["vocab_size"], (n,)) for n in lengths]
    types = [torch.randint(0, 2, (n,)) for n in lengths]
    labels = torch.randint(0, CLASSES, (len(lengths),))
    mask = torch.arange(max(lengths))[None, :] < torch.tensor(lengths)[:, None]
    inputs = dict(input_ids=pad(ids), token_type_ids=pad(types), attention_mask=mask.long(), labels=labels)
    result = model(**inputs)
    result.loss.backward()
    golden = {f"grad.{plain(n)}": p.grad for n, p in model.named_parameters() if p.requires_grad}
    golden |= {"logits": result.logits, "loss": result.loss.reshape(1)}
    golden = {n: t.detach().clone().contiguous() for n, t in golden.items()}
    with torch.no_grad():
        golden["merged_logits"] = model.merge_and_unload()(**inputs).logits.clone()
    safetensors.torch.save_file(golden, folder / "golden.safetensors")
    record = dict(
        provenance=dict(script="tools/lora_goldens.py", date=str(datetime.date.today()), seed=SEED,
                        torch=torch.__version__, transformers=transformers.__version__,
                        peft=peft.__version__),
        input_ids=torch.cat(ids).tolist(), token_type_ids=torch.cat(types).tolist(),
        cu_seqlens=[0, *torch.tensor(lengths).cumsum(0).tolist()], labels=labels.tolist(),
    )
    (folder / "golden.json").write_text(json.dumps(record) + "\n")
    off = (golden["logits"] - golden["merged_logits"]).abs().max().item()
    print(f"{name}: loss {result.loss.item():.4f}, merging changes logits by {off:.1e}")


def main():
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    out = pathlib.Path(sys.argv[1])
    for name, settings in GRID.items():
        make(name, settings, out)


if __name__ == "__main__":
    main()
