"""Killed at any moment, or two at once, writers leave weights, checkpoints and data set old or new, but whole.

A few kills; fifty of each if MNIST_DEMO_THOROUGH is set. Victims are forks of one process that has imported everything.
"""

import subprocess
import sys
from pathlib import Path

import pytest
from thorough import times

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent

PREPARE = """
import hashlib, itertools, os, random, signal, sys, time
from pathlib import Path
import torch
from mnist_demo.data.mnist import MD5, Samples, load_mnist
from mnist_demo.files import PART
from mnist_demo.model.recipes import RECIPES, Recipe
from mnist_demo.training import trainer
from mnist_demo.training.checkpoint import load_checkpoint
from mnist_demo.training.trainer import Job, train
from mnist_demo.model.weights import load_weights

torch.set_num_threads(1)
folder, kills = Path(sys.argv[1]), int(sys.argv[2])
choose = random.Random(int(sys.argv[3]))
few = Recipe("few", "adam", 1e-3, 2, 50)
digits = Samples(*(part[:100] for part in load_mnist("test")))


def forked(work):
    if victim := os.fork():
        return victim
    sys.stderr = open(os.devnull, "w")
    try:
        work()
        os._exit(0)
    except BaseException:
        os._exit(1)


def trained(seed=1):
    trainer.load_mnist = lambda split, root: digits
    train(Job("net", few, folder / "net.safetensors", torch.device("cpu"), seed))


def kill(work, longest):
    victim = forked(work)
    time.sleep(choose.uniform(0, longest))
    os.kill(victim, signal.SIGKILL)
    os.waitpid(victim, 0)


def whole_files():
    for path in (folder / "MNIST" / "raw").glob("*-ubyte"):
        assert hashlib.md5(path.read_bytes()).hexdigest() == MD5[path.name], path
"""

TRAINING = """
begun = time.monotonic()
os.waitpid(forked(trained), 0)
longest = 2 * (time.monotonic() - begun)
output, cards = folder / "net.safetensors", set()
for _ in range(kills):
    before = load_weights(output)[1]
    kill(lambda: [trained(seed) for seed in itertools.count()], longest)
    card = load_weights(output)[1]
    assert card == before or len(card.history) == few.epochs
    cards.add((card.seed, card.date))
    if (checkpoint := Path(f"{output}.checkpoint")).exists():
        assert 1 <= len(load_checkpoint(checkpoint)["history"]) <= few.epochs
    strange = {path.name for path in folder.iterdir()} - {"net.safetensors", "net.safetensors.checkpoint"}
    assert all(name.endswith(PART) for name in strange), strange
assert kills < 10 or len(cards) > 3, cards  # most of the time there was a new file
print(kills, "kills", len(cards), "cards", round(longest, 2), "s at most")
"""

UNPACKING = """
begun = time.monotonic()
load_mnist("train", folder)
longest = time.monotonic() - begun
for _ in range(kills):
    for path in (folder / "MNIST" / "raw").iterdir():
        path.unlink()
    kill(lambda: load_mnist("train", folder), longest)
    whole_files()
assert len(load_mnist("train", folder).labels) == 60_000
whole_files()
print(kills, "kills")
"""

TWO_AT_ONCE = """
for work in (lambda: load_mnist("train", folder), lambda: [trained(seed) for seed in range(3)]):
    both = [forked(work), forked(work)]
    assert [os.waitstatus_to_exitcode(os.waitpid(one, 0)[1]) for one in both] == [0, 0]
whole_files()
assert load_weights(folder / "net.safetensors")[1].seed == 2
assert sorted(path.name for path in folder.iterdir()) == ["MNIST", "net.safetensors"]
assert len(list((folder / "MNIST" / "raw").iterdir())) == 4
print("both")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="cannot fork")
@pytest.mark.parametrize(
    ("lines", "kills"), [(TRAINING, times(3, 50)), (UNPACKING, times(2, 50)), (TWO_AT_ONCE, 0)],
    ids=["training", "unpacking", "two at once"],
)  # fmt: skip
def test_files_are_whole_whenever_a_writer_is_killed(lines: str, kills: int, tmp_path: Path) -> None:
    command = [sys.executable, "-c", PREPARE + lines, str(tmp_path), str(kills), "1"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=1200)
    assert run.returncode == 0, run.stderr
    assert run.stdout
