"""Makes the little parquet and arrow files that the tests of bertune-data read.

    python tools/table_goldens.py crates/bertune-data/tests/goldens

They are written by pyarrow, pandas' way of calling it, and Hugging Face's datasets. Beside them
the script writes README.md, which says what made them. It needs
`pip install pyarrow==26.0.1 datasets==5.2.0`, which no other script does.
"""

import pathlib
import platform
import shutil
import sys

import datasets
import pyarrow
import pyarrow.feather
import pyarrow.parquet

TEXTS = ["good film", "bad film", "so so", "größer, 映画 🎬"]
CODECS = ["none", "snappy", "gzip", "zstd", "lz4"]


def table():
    """A column of each type of text and label that is read."""
    numbers = [1, 0, 1, 2]
    return pyarrow.table(
        {
            "text": pyarrow.array(TEXTS),
            "large": pyarrow.array(TEXTS, pyarrow.large_string()),
            "view": pyarrow.array(TEXTS, pyarrow.string_view()),
            "coded": pyarrow.array(TEXTS).dictionary_encode(),
            "label": pyarrow.array(["pos", "neg", "pos", "neutral"]),
            "int": pyarrow.array(numbers, pyarrow.int8()),
            "unsigned": pyarrow.array(numbers, pyarrow.uint64()),
            "bool": pyarrow.array([True, False, True, True]),
            "float": pyarrow.array([0.1, 2.5, -1.0, 3.0], pyarrow.float32()),
            "category": pyarrow.array(["pos", "neg", "pos", "neutral"]).dictionary_encode(),
            "holes": pyarrow.array(["pos", None, "neg", None]),
            "list": pyarrow.array([["joy", "fear"], [], ["joy"], ["anger"]]),
            "date": pyarrow.array(numbers, pyarrow.date32()),
        }
    )


def features():
    """A data set whose labels have names, not in the order of the alphabet."""
    names = datasets.ClassLabel(names=["world", "sport", "business", "tech"])
    return datasets.Features(
        {"text": datasets.Value("string"), "label": names, "topics": datasets.List(names)}
    )


def dataset(rows):
    """The first rows of it."""
    columns = {"text": TEXTS, "label": [3, 0, 1, 3], "topics": [[0, 3], [], [1], [2]]}
    return datasets.Dataset.from_dict(
        {name: values[:rows] for name, values in columns.items()}, features=features()
    )


def main(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for codec in CODECS:
        columns = table().select(["text", "label"])
        pyarrow.parquet.write_table(columns, folder / f"{codec}.parquet", compression=codec)
    pyarrow.parquet.write_table(table().drop(["view"]), folder / "types.parquet")
    with pyarrow.ipc.new_stream(folder / "types_stream.arrow", table().schema) as writer:
        writer.write_table(table(), max_chunksize=3)
    with pyarrow.ipc.new_file(folder / "types_file.arrow", table().schema) as writer:
        writer.write_table(table())
    columns = table().select(["text", "label"])
    pyarrow.feather.write_feather(columns, folder / "lz4.feather", compression="lz4")
    pyarrow.feather.write_feather(columns, folder / "zstd.feather", compression="zstd")
    dataset(4).to_parquet(folder / "class_label.parquet")
    splits = {"train": dataset(4), "validation": dataset(2), "test": dataset(3)}
    shards = {"train": 2, "validation": 1, "test": 1}
    datasets.DatasetDict(splits).save_to_disk(folder / "saved", num_shards=shards)
    versions = f"Python {platform.python_version()}, pyarrow {pyarrow.__version__}"
    readme = (
        "# Tables\n\nMade by `tools/table_goldens.py` with "
        f"{versions} and datasets {datasets.__version__}; do not edit by hand.\n"
    )
    (folder / "README.md").write_text(readme)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
