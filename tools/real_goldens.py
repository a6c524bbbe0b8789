"""Makes the goldens of real checkpoints: what transformers computes for a few inputs.

usage: python tools/real_goldens.py minilm FOLDER OUT.json    (all-MiniLM-L6-v2)
       python tools/real_goldens.py rxnfp FOLDER OUT.json     (FOLDER/bert_pretrained and FOLDER/bert_ft_10k_25s)

minilm: packed ids, and of the states of each layer, [tokens, hidden], the values at fixed flat
indices. rxnfp: packed ids of reactions, the pooled outputs of both checkpoints and the logits of
the classifier, and the masked language model's at the third token of each. Everything is computed in float32 without dropout, one sequence at a time.
"""
import json
import pathlib
import re
import sys

import torch
import transformers
from transformers import AutoTokenizer, BertConfig, BertForMaskedLM, BertForSequenceClassification, BertModel

SENTENCES = [
    "It rains.", "Where is my parcel?", "The new kettle leaks, and nobody answers the phone.",
    "naïve façade, 12.5 %, e-mail@example: 東京",
    ("A man plays the guitar.", "Nobody is playing anything."),
    "A long message, which says the same again and again, " * 9,
    ("Is the shop open on Sunday?", "It is closed on Sundays and on Monday mornings, but open every other day."),
]
REACTIONS = [
    "CCO.CC(=O)O>>CC(=O)OCC.O", "c1ccccc1Br.OB(O)c1ccccc1>>c1ccc(-c2ccccc2)cc1", "CC(=O)Cl.NCC>>CCNC(C)=O",
    "O=Cc1ccccc1.C[Mg]Br>>CC(O)c1ccccc1", "CCBr.[Na+].[N-]=[N+]=[N-]>>CCN=[N+]=[N-]",
]
SMILES = re.compile(r"(\[[^\]]+]|Br?|Cl?|N|O|S|P|F|I|b|c|n|o|s|p|\(|\)|\.|=|#|-|\+|\\\\|\/|:|~|@|\?|>>?|\*|\$|\%[0-9]{2}|[0-9])")


def packed(rows):
    lengths = [len(ids) for ids, _ in rows]
    return dict(
        provenance=dict(script="tools/real_goldens.py", torch=torch.__version__, transformers=transformers.__version__),
        input_ids=[i for ids, _ in rows for i in ids], token_type_ids=[t for _, types in rows for t in types],
        cu_seqlens=[0, *torch.tensor(lengths).cumsum(0).tolist()],
    )


def run(model, row, **options):
    ids, types = (torch.tensor([part]) for part in row)
    with torch.no_grad():
        return model(input_ids=ids, token_type_ids=types, **options)


def minilm(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = BertModel.from_pretrained(folder, attn_implementation="eager").eval()
    rows = []
    for sentence in SENTENCES:
        pair = sentence if isinstance(sentence, tuple) else (sentence,)
        encoding = tokenizer(*pair, truncation=True, max_length=128)
        rows.append((encoding["input_ids"], encoding["token_type_ids"]))
    outputs = [run(model, row, output_hidden_states=True).hidden_states for row in rows]
    layers = [torch.cat([states[layer][0] for states in outputs]).flatten() for layer in range(len(outputs[0]))]
    indices = torch.arange(300) * (len(layers[0]) // 300) + torch.arange(300) % 97
    samples = [layer[indices].tolist() for layer in layers]
    return packed(rows) | dict(indices=indices.tolist(), layers=samples)


def load_old(model, folder):
    """A pickle of an old transformers into a model of today's."""
    state = torch.load(folder / "pytorch_model.bin", weights_only=True, map_location="cpu")
    rename = lambda name: name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")
    state = {rename(name): tensor for name, tensor in state.items()}
    if isinstance(model, BertForMaskedLM):
        # The same bias under a second name, which old files lack.
        state["cls.predictions.decoder.bias"] = state["cls.predictions.bias"]
    if isinstance(model, BertModel):
        state = {name.removeprefix("bert."): tensor for name, tensor in state.items()}
    missing = model.load_state_dict(state, strict=False).missing_keys
    assert not [name for name in missing if "position_ids" not in name], missing
    return model.eval()


def rxnfp(folder):
    folder = pathlib.Path(folder)
    pretrained, classifier = folder / "bert_pretrained", folder / "bert_ft_10k_25s"
    vocab = {token: i for i, token in enumerate((classifier / "vocab.txt").read_text().split("\n"))}
    rows = []
    for reaction in REACTIONS:
        ids = [vocab["[CLS]"], *(vocab[token] for token in SMILES.findall(reaction)), vocab["[SEP]"]]
        rows.append((ids, [0] * len(ids)))
    bert = load_old(BertModel(BertConfig.from_pretrained(pretrained)), pretrained)
    model = load_old(BertForSequenceClassification(BertConfig.from_pretrained(classifier)), classifier)
    masked_lm = load_old(BertForMaskedLM(BertConfig.from_pretrained(pretrained)), pretrained)
    return packed(rows) | dict(
        masked_lm_logits=[x for row in rows for x in run(masked_lm, row).logits[0][2].tolist()],
        pretrained_pooled=[x for row in rows for x in run(bert, row).pooler_output[0].tolist()],
        classifier_pooled=[x for row in rows for x in run(model.bert, row).pooler_output[0].tolist()],
        logits=[x for row in rows for x in run(model, row).logits[0].tolist()],
    )


def main():
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    kind, folder, out = sys.argv[1:]
    golden = {"minilm": minilm, "rxnfp": rxnfp}[kind](folder)
    pathlib.Path(out).write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
