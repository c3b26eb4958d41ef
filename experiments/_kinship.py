"""CLUTRR's symbolic part: chains of kinship relations, and who the last person is to the first one.

    Donald -father-> Michael -sister-> Dorothy        target: aunt

The texts are not read. Training chains have two or three relations, test chains two to ten.
`counted` is what counting compositions reaches, without any learning.

References:
  Sinha, Sodhani, Dong, Pineau, Hamilton. CLUTRR: A Diagnostic Benchmark for Inductive Reasoning
  from Text. EMNLP 2019. https://arxiv.org/abs/1908.06177
"""

import ast
import collections
import csv
import io
from typing import NamedTuple

import numpy as np

from neurosym.datasets.idx import CorruptDataError
from neurosym.datasets.locate import Source, find_file, locate, read_verified

_TASK = "data_089907f8"
TRAIN = f"{_TASK}/1.2,1.3_train.csv"
LENGTHS = tuple(range(2, 11))
TESTS = tuple(f"{_TASK}/1.{length}_test.csv" for length in LENGTHS)

CLUTRR = Source(
    name="clutrr",
    md5={
        "data_089907f8/1.10_test.csv": "d6bc4add555ca94d8f6c1152cab9d758",
        "data_089907f8/1.2,1.3_train.csv": "0ab99f96f56838293cb75a64715dcf98",
        "data_089907f8/1.2_test.csv": "ba2b5259c5acb06b36811121a724f559",
        "data_089907f8/1.3_test.csv": "dfe4fc28679861b2fc31215150f23711",
        "data_089907f8/1.4_test.csv": "b9b47273aceb089ec6f06768c003333c",
        "data_089907f8/1.5_test.csv": "9187868a3bf0f1334792de9eee0e4569",
        "data_089907f8/1.6_test.csv": "1288ef8553046bc9a550ff3dd04aedc8",
        "data_089907f8/1.7_test.csv": "084562d76ba7c1b0e326ebaf78bd1553",
        "data_089907f8/1.8_test.csv": "75fd159983d164a873cc5dcb0cc9e33a",
        "data_089907f8/1.9_test.csv": "75471b28d67e43146b1903fc3cb2708a",
    },
    origin=(
        f"the folder {_TASK} of https://github.com/facebookresearch/clutrr, with its files "
        "1.K_test.csv and 1.2,1.3_train.csv, zipped or not"
    ),
)


class Chains(NamedTuple):
    """Chains of relations."""

    relations: np.ndarray  # int32[n, L], by number; -1 after the end
    length: np.ndarray  # int32[n]
    target: np.ndarray  # int32[n]: the last person is this to the first one


class Kinships(NamedTuple):
    """What is there to train on and to test, and the names of the relations."""

    train: Chains
    test: Chains
    names: tuple[str, ...]


def load_kinships(data_dir: str | None = None) -> Kinships:
    """Reads CLUTRR.

    Raises:
      MissingDataError: no folder holds the files.
      CorruptDataError: a file is not the original one, or a test relation never occurs in training.
    """
    folder = locate(CLUTRR, data_dir)
    rows = {}
    for name in (TRAIN, *TESTS):
        path = find_file(folder, name)
        assert path is not None, "locate() returned a folder without all files"
        text = read_verified(path, CLUTRR.md5[name]).decode("utf-8")
        rows[name] = [
            (ast.literal_eval(row["edge_types"]), row["target"])
            for row in csv.DictReader(io.StringIO(text))
        ]
    names = sorted({x for chain, target in rows[TRAIN] for x in [*chain, target]})
    number = {name: n for n, name in enumerate(names)}
    tests = [row for name in TESTS for row in rows[name]]
    unknown = {x for chain, target in tests for x in [*chain, target]} - set(names)
    if unknown:
        raise CorruptDataError(f"{folder}: the relation {min(unknown)} is in no training chain")
    return Kinships(_chains(rows[TRAIN], number), _chains(tests, number), tuple(names))


def counted(train: Chains, chains: Chains, relations: int) -> np.ndarray:
    """Answers by counting, int[n]: the baseline.

    Two relations compose as they mostly do in training chains of two; a longer chain is reduced in
    all orders, and what most orders reach is the answer (-1 where none reaches anything).
    """
    counts = np.zeros((relations, relations, relations), np.int64)
    pairs = train.length == 2
    np.add.at(counts, (*train.relations[pairs, :2].T, train.target[pairs]), 1)
    table = np.where(counts.max(-1) > 0, counts.argmax(-1), -1)
    found = []
    for chain, length in zip(chains.relations.tolist(), chains.length.tolist(), strict=True):
        votes = {(n, n + 1): collections.Counter({chain[n]: 1}) for n in range(length)}
        for span in range(2, length + 1):
            for start in range(length - span + 1):
                own: collections.Counter[int] = collections.Counter()
                for middle in range(start + 1, start + span):
                    for left, once in votes[start, middle].items():
                        for right, times in votes[middle, start + span].items():
                            if table[left, right] >= 0:
                                own[int(table[left, right])] += once * times
                votes[start, start + span] = own
        best = votes[0, length].most_common(1)
        found.append(best[0][0] if best else -1)
    return np.asarray(found)


def _chains(rows: list, number: dict[str, int]) -> Chains:
    longest = max(len(chain) for chain, _ in rows)
    relations = np.full((len(rows), longest), -1, np.int32)
    for n, (chain, _) in enumerate(rows):
        relations[n, : len(chain)] = [number[x] for x in chain]
    length = np.asarray([len(chain) for chain, _ in rows], np.int32)
    return Chains(relations, length, np.asarray([number[y] for _, y in rows], np.int32))
