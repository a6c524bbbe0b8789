"""Compares adapters and their predictions with peft as it is installed.

    python tools/parity_lora.py open ADAPTER TEXTS.jsonl OURS.jsonl
        opens an adapter that bertune wrote, in peft and in transformers, predicts the texts, and
        compares with our predictions. Ends with status 1 and says where, if a probability differs by
        more than 1e-5.
    python tools/parity_lora.py write FOLDER
        writes FOLDER/base, a tiny random encoder with its tokenizer as transformers saves them, and
        FOLDER/adapter, an adapter on it as peft saves it, with FOLDER/expected.jsonl, what peft
        predicts.

Lines of texts and predictions are those of tools/parity_roundtrip.py.
"""
import argparse
import json
import pathlib

import peft
import torch
import transformers
from parity_roundtrip import (SEED, TEXTS, Classifier, compare, make_tokenizer, predict, read_lines,
                              write_lines)
from peft import AutoPeftModelForSequenceClassification, LoraConfig, TaskType, get_peft_model
from transformers import (AutoModelForSequenceClassification, AutoTokenizer, BertConfig,
                          BertForSequenceClassification, BertModel)

CLASSES = 3


class AdapterClassifier(Classifier):
    """An adapter's folder as users of peft, or of transformers beside peft, open it."""

    def __init__(self, auto_class, folder, tokenizer):
        own = folder / "bertune_config.json"
        config = json.loads(own.read_text()) if own.exists() else {}
        labels = config.get("id2label", {str(i): f"LABEL_{i}" for i in range(CLASSES)})
        self.model = auto_class.from_pretrained(str(folder), num_labels=len(labels)).eval()
        self.model.config.id2label = {int(i): label for i, label in labels.items()}
        self.tokenizer = AutoTokenizer.from_pretrained(tokenizer)
        self.max_length = config.get("bertune_max_length", self.tokenizer.model_max_length)
        self.stride = 0
        self.function = lambda x: x.softmax(-1)


def open_ours(folder, texts, ours):
    texts, ours = read_lines(texts), read_lines(ours)
    assert len(texts) == len(ours) > 0
    worst = 0.0
    for auto_class in [AutoPeftModelForSequenceClassification, AutoModelForSequenceClassification]:
        classifier = AdapterClassifier(auto_class, folder, folder)
        for number, (line, our) in enumerate(zip(texts, ours), 1):
            theirs = classifier.numbers(line["text"], line.get("text_pair"))
            worst = max(worst, compare(our, theirs, f"line {number}, {auto_class.__name__}"))
    print(f"{len(texts)} predictions agree: the greatest difference is {worst:.1e} "
          f"(peft {peft.__version__}, transformers {transformers.__version__})")


def write_theirs(folder):
    torch.manual_seed(SEED)
    base, adapter = folder / "base", folder / "adapter"
    tokenizer = make_tokenizer()
    BertModel(BertConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=64, max_position_embeddings=64, initializer_range=0.3,
    )).save_pretrained(base)
    tokenizer.save_pretrained(base)
    model = BertForSequenceClassification.from_pretrained(base, num_labels=CLASSES)
    config = LoraConfig(task_type=TaskType.SEQ_CLS, r=4, lora_alpha=16, lora_dropout=0.1,
                        target_modules=["query", "value", "intermediate.dense"])
    model = get_peft_model(model, config)
    for parameter in model.parameters():
        if parameter.requires_grad:
            torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(adapter)
    classifier = AdapterClassifier(AutoPeftModelForSequenceClassification, adapter, base)
    lines = [{"text": text} for text, _ in TEXTS]
    write_lines(folder / "expected.jsonl", [line | predict(classifier, **line) for line in lines])
    print(f"{folder}: {len(lines)} predictions of an adapter")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    opening = commands.add_parser("open", help="compare an adapter that bertune wrote")
    for name in ("folder", "texts", "ours"):
        opening.add_argument(name, type=pathlib.Path)
    writing = commands.add_parser("write", help="write a base and an adapter for bertune to open")
    writing.add_argument("folder", type=pathlib.Path)
    arguments = parser.parse_args()

    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    if arguments.command == "open":
        open_ours(arguments.folder, arguments.texts, arguments.ours)
    else:
        write_theirs(arguments.folder)


if __name__ == "__main__":
    main()
