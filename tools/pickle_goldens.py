"""Makes the little PyTorch files that the tests of bertune-checkpoint read.

    python tools/pickle_goldens.py crates/bertune-checkpoint/tests/goldens

Beside the files it writes README.md, which says what made them, and expected.json, which says
what PyTorch reads from them.
"""

import collections
import json
import os
import pathlib
import pickle
import platform
import sys

import torch

ALPHABET = torch.arange(12, dtype=torch.float32) / 8 - 0.5


def state_dict():
    """One of each thing that a state dict may hold."""
    matrix = ALPHABET.clone().reshape(3, 4)
    shared = torch.arange(10, dtype=torch.float32)
    return collections.OrderedDict(
        [
            ("bert.float", matrix),
            ("bert.transposed", matrix.clone().t()),
            ("bert.step", torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)[:, ::2, 1::2]),
            ("bert.shared_head", shared[:4]),
            ("bert.shared_tail", shared[6:]),
            ("bert.half", matrix.half()),
            ("bert.bfloat16", matrix.bfloat16()),
            ("bert.double", matrix.double()),
            ("bert.scalar", torch.tensor(3.5)),
            ("bert.empty", torch.empty(0, 4)),
            ("bert.parameter", torch.nn.Parameter(matrix.clone() * 2)),
            ("bert.embeddings.position_ids", torch.arange(5).reshape(1, 5)),
            ("bert.mask", torch.tensor([True, False])),
        ]
    )


class Hostile:
    """An object that runs a command where it is unpickled by Python."""

    def __reduce__(self):
        return os.system, ("echo this must never run",)


def module_state():
    """A state dict as a module gives it, with `_metadata` among its attributes."""
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.LayerNorm(2)).state_dict()


def files():
    """The files: a name, and what writes it."""
    zipped = {"_use_new_zipfile_serialization": True}
    legacy = {"_use_new_zipfile_serialization": False}
    yield "zip.bin", state_dict(), zipped
    yield "legacy.bin", state_dict(), legacy
    yield "module_zip.bin", module_state(), zipped
    yield "module_legacy.bin", module_state(), legacy
    yield "protocol_4.bin", state_dict(), zipped | {"pickle_protocol": 4}
    yield "protocol_5_legacy.bin", state_dict(), legacy | {"pickle_protocol": 5}
    with_command = collections.OrderedDict(state_dict(), trap=Hostile())
    yield "hostile_zip.bin", with_command, zipped
    yield "hostile_legacy.bin", with_command, legacy
    yield "hostile_protocol_4.bin", with_command, zipped | {"pickle_protocol": 4}
    yield "expanded.bin", {"expanded": torch.ones(1).expand(1 << 30)}, zipped
    yield "no_tensors.bin", {"epoch": 3}, zipped
    yield "training_state.bin", {"model": state_dict(), "step": 3}, zipped
    yield "list.bin", [torch.ones(2)], zipped


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, contents, options in files():
        torch.save(contents, folder / name, **options)
    (folder / "bare_pickle.bin").write_bytes(pickle.dumps({"a": 1}, protocol=2))
    expected = {"state_dict": numbers(state_dict()), "module": numbers(module_state())}
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
    (folder / "README.md").write_text(
        "# PyTorch files for tests\n\n"
        "Made by `tools/pickle_goldens.py` with "
        f"PyTorch {torch.__version__.split('+')[0]} and Python {platform.python_version()}.\n"
        "The hostile ones ask for `os.system`; nothing here is to be opened with a pickle loader.\n"
    )


def numbers(tensors):
    """Shapes and values of all tensors of floats."""
    floats = {name: tensor.detach() for name, tensor in tensors.items() if tensor.is_floating_point()}
    return {
        name: {"shape": list(tensor.shape), "values": tensor.float().flatten().tolist()}
        for name, tensor in floats.items()
    }


if __name__ == "__main__":
    main()
