import dataclasses
import json
import resource
import sys
from pathlib import Path

import pytest
import torch

from mnist_demo.data.mnist import Samples, load_mnist
from mnist_demo.data.stroke_file import read_written
from mnist_demo.model.metrics import accuracy, log_probabilities
from mnist_demo.model.networks import MODELS, HalfPixelShifts, Net, certainty
from mnist_demo.model.recipes import RECIPES, Recipe
from mnist_demo.model.weights import default_path, load_named, load_weights
from mnist_demo.train import job_from, main, parser
from mnist_demo.training.checkpoint import load_checkpoint
from mnist_demo.training.samples import NON_DIGIT, WRITTEN, as_trained, as_written, loss_targets, training_samples
from mnist_demo.training.trainer import Job, Training, interpolated, train

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def small_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use few real digits: the first 3,000 to train on, the first 1,000 to test on."""

    def first(split: str, root: Path | None = None) -> Samples:
        count = 3000 if split == "train" else 1000
        return Samples(*(part[:count] for part in load_mnist(split, root)))  # type: ignore[arg-type]

    monkeypatch.setattr("mnist_demo.training.trainer.load_mnist", first)


def small(recipe: Recipe, **changes: object) -> Recipe:
    """Return that recipe, changed for a test's few images."""
    held_out = 500 if recipe.held_out else 0
    few: dict[str, object] = {"handwriting": min(recipe.handwriting, 60), "non_digits": min(recipe.non_digits, 30)}
    return dataclasses.replace(recipe, held_out=held_out, **few | changes)


@pytest.mark.parametrize(
    ("name", "recipe"),
    [*(("net", recipe) for recipe in RECIPES["net"]), pytest.param("convnet", "best", marks=pytest.mark.slow)],
)
def test_every_recipe_trains_every_network(name: str, recipe: str, tmp_path: Path) -> None:
    job = Job(name, small(RECIPES[name][recipe], epochs=2), tmp_path / "a.safetensors", CPU)
    card = train(job)
    loaded, read = load_weights(job.output)
    assert read == card
    assert card.evaluation is not None
    assert card.evaluation["shifts"]["accuracy"] == card.test_accuracy
    assert card.epochs == 2
    assert card.history[1]["loss"] < card.history[0]["loss"]
    assert isinstance(loaded, MODELS[name])
    assert list(tmp_path.iterdir()) == [job.output]


def test_the_tutorials_loss_is_the_negative_log_likelihood() -> None:
    log_probabilities, labels = torch.randn(50, 10).log_softmax(1), torch.arange(50) % 10
    targets = loss_targets(RECIPES["net"]["tutorial"], torch.device("cpu"))
    loss = -(targets[labels] * log_probabilities).sum(1).mean()
    torch.testing.assert_close(loss, torch.nn.functional.nll_loss(log_probabilities, labels))


def test_a_smoothed_loss_is_pytorchs() -> None:
    logits, labels = torch.randn(50, 10), torch.arange(50) % 10
    targets = loss_targets(dataclasses.replace(RECIPES["net"]["fast"], label_smoothing=0.1), torch.device("cpu"))
    loss = -(targets[labels] * logits.log_softmax(1)).sum(1).mean()
    torch.testing.assert_close(loss, torch.nn.functional.cross_entropy(logits, labels, label_smoothing=0.1))


def test_drawn_digits_and_non_digits_join_the_training_images(test_digits: Samples) -> None:
    recipe = dataclasses.replace(RECIPES["net"]["best"], handwriting=20, non_digits=10)
    samples = training_samples(recipe, Samples(test_digits.images[:100], test_digits.labels[:100]), seed=1)
    assert samples.images.shape == (130, 1, 28, 28)
    assert (samples.labels == NON_DIGIT).nonzero().flatten().tolist() == list(range(120, 130))


S_LIKE = [[62, 0], [32, 8], [20, 28], [42, 46], [70, 58], [64, 86], [38, 98]]  # a 4 in one line, that all take for a 5


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Return a stroke file of three such 4s, no two alike."""
    lines = [{"label": 4, "strokes": [[[x * (1 + n / 9), y + n * x / 12] for x, y in S_LIKE]]} for n in range(3)]
    file = tmp_path / "own.jsonl"
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return file


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_one_validation_digit_in_a_hundred_is_rejected_when_distorted_as_in_training(name: str) -> None:
    network, card = load_named(name)
    digits = as_trained(RECIPES[name]["best"], load_mnist("train").split(5000)[1].images, card.seed)
    rejected = certainty(log_probabilities(HalfPixelShifts(network), digits)) < card.threshold
    assert rejected.sum().item() == pytest.approx(50, abs=2)


def read_as(network: torch.nn.Module, file: Path) -> list[int]:
    """Return the network's answers to the file's digits."""
    images, _ = as_written(read_written(file), CPU)
    return log_probabilities(HalfPixelShifts(network), images).argmax(1).tolist()


@pytest.mark.parametrize("name", ["net", pytest.param("convnet", marks=pytest.mark.slow)])
def test_three_corrections_are_learnt_and_the_accuracy_is_kept(
    name: str, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, test_digits: Samples
) -> None:
    monkeypatch.setitem(RECIPES[name], "teach", small(RECIPES[name]["teach"], epochs=6))
    shipped, output = load_named(name)[0], tmp_path / "yours.safetensors"
    assert 4 not in read_as(shipped, own)
    flags = ["--model", name, "--recipe", "teach", "--extra", str(own), "--output", str(output), "--device", "cpu"]
    assert main(flags) == 0
    taught, card = load_weights(output)
    assert read_as(taught, own) == [4, 4, 4]
    before, after = (
        accuracy(log_probabilities(model, test_digits.images[:1000]), test_digits.labels[:1000])
        for model in (shipped, taught)
    )
    assert after > before - 0.01
    assert (card.recipe["name"], card.recipe["lr"]) == ("teach", RECIPES[name]["teach"].lr)
    assert RECIPES[name]["teach"].interpolation <= card.recipe["interpolation"] <= 1
    assert card.threshold > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["own.jsonl", "yours.safetensors"]


def test_extra_digits_join_any_recipes_images_and_are_not_distorted(
    own: Path, test_digits: Samples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = small(RECIPES["net"]["best"], handwriting=0, non_digits=0)
    written = read_written(own)
    samples = training_samples(recipe, Samples(test_digits.images[:90], test_digits.labels[:90]), 1, written)
    assert samples.labels[90:].tolist() == [WRITTEN + 4] * 10
    training, seen = Training(Job("net", recipe, tmp_path / "a", CPU), samples), list[torch.Tensor]()
    forward = training.model.forward

    def seeing(pixels: torch.Tensor) -> torch.Tensor:
        seen.append(pixels)
        return forward(pixels)

    monkeypatch.setattr(training.model, "forward", seeing)
    training.step(torch.arange(len(samples.labels)))
    same = (seen[0] * 255).round() == samples.images
    assert same[90:].all()
    assert not same[:90].flatten(1).all(1).any()


def test_half_of_the_interpolation_is_halfway(tmp_path: Path) -> None:
    initial, trained = load_named("net")[0], Net()
    middle = interpolated(initial, trained, 0.5)
    for one, other, half in zip(initial.parameters(), trained.parameters(), middle.parameters(), strict=True):
        torch.testing.assert_close(half, (one + other) / 2)


def test_any_recipe_continues_from_a_weights_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start, output = default_path("net"), tmp_path / "on.safetensors"
    monkeypatch.setitem(RECIPES["net"], "fast", small(RECIPES["net"]["fast"]))
    flags = ["--model", "net", "--recipe", "fast", "--epochs", "1", "--lr", "1e-9", "--output", str(output)]
    assert main([*flags, "--from", str(start)]) == 0
    for one, other in zip(load_weights(start)[0].parameters(), load_weights(output)[0].parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=0)


def test_a_run_of_teach_stopped_and_resumed_gives_the_same_unless_its_digits_changed(
    own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(RECIPES["net"], "teach", small(RECIPES["net"]["teach"]))
    flags = ["--model", "net", "--recipe", "teach", "--extra", str(own), "--device", "cpu", "--output"]
    assert main([*flags, str(tmp_path / "whole.safetensors")]) == 0
    save = Training.save

    def stop(training: Training) -> None:
        save(training)
        raise KeyboardInterrupt

    monkeypatch.setattr(Training, "save", stop)
    output = tmp_path / "stopped.safetensors"
    assert main([*flags, str(output)]) == 130
    monkeypatch.setattr(Training, "save", save)
    line = own.read_text()
    own.write_text(line.replace('"label": 4', '"label": 5', 1))
    assert main(["--resume", "--output", str(output)]) == 2
    assert f"{own} has changed since the run began: start again without --resume\n" in capsys.readouterr().err
    own.write_text(line)
    assert main(["--resume", "--output", str(output), "--device", "cpu"]) == 0
    whole, resumed = (load_weights(tmp_path / f"{which}.safetensors")[0] for which in ("whole", "stopped"))
    for tensor, other in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(tensor, other)


def test_a_damaged_file_of_digits_or_another_network_is_named_before_any_work(
    own: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("mnist_demo.training.trainer.load_mnist")  # work would need it
    damaged = tmp_path / "damaged.jsonl"
    damaged.write_text(own.read_text() + '{"label": 4}\n')
    wrong = default_path("net")
    for flags, message in (
        (["--extra", str(damaged)], f"{damaged}, line 4: not an object such as"),
        (["--extra", str(tmp_path / "nowhere")], f"error: --extra {tmp_path}/nowhere: No such file or directory\n"),
        (["--extra", str(own), "--from", str(wrong)], f"{wrong} holds a net: continue from it with --model net"),
        (["--extra", str(own), "--from", str(own)], f"{own} is damaged or not a valid weights file"),
    ):
        command = ["--model", "convnet", "--recipe", "teach", "--output", str(tmp_path / "a.safetensors")]
        assert main([*command, *flags]) == 2
        printed = capsys.readouterr()
        assert message in printed.err
        assert printed.err.count("\n") == 1
        assert not printed.out


def test_another_seed_gives_other_weights_another_order_and_other_distortions(tmp_path: Path) -> None:
    samples = Samples(torch.zeros(1, 1, 28, 28), torch.zeros(1))
    jobs = [Job("net", RECIPES["net"]["best"], tmp_path / "a", CPU, seed) for seed in (3, 4)]
    one, other = (Training(job, samples) for job in jobs)
    assert not torch.equal(next(one.model.parameters()), next(other.model.parameters()))
    for random, others in ((one.order, other.order), (one.distortion, other.distortion)):
        assert not torch.equal(torch.rand(9, generator=random), torch.rand(9, generator=others))


def test_a_run_stopped_and_resumed_gives_the_weights_of_one_that_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = small(RECIPES["net"]["best"], epochs=3)
    monkeypatch.setitem(RECIPES["net"], "best", values)
    train(Job("net", values, tmp_path / "whole.safetensors", CPU))
    stopped = Job("net", values, tmp_path / "stopped.safetensors", CPU)
    run_epoch, epochs_run = Training.epoch, []

    def stop_in_second_epoch(training: Training, bar: object) -> float:
        epochs_run.append(1)
        if len(epochs_run) == 2:
            raise KeyboardInterrupt
        return run_epoch(training, bar)

    monkeypatch.setattr(Training, "epoch", stop_in_second_epoch)
    assert main(["--model", "net", "--output", str(stopped.output), "--device", "cpu"]) == 130
    assert not stopped.output.exists()
    assert stopped.checkpoint.exists()
    monkeypatch.setattr(Training, "epoch", run_epoch)
    assert job_from(parser().parse_args(["--resume", str(stopped.checkpoint)]))[0].output == stopped.output
    assert main(["--output", str(stopped.output), "--resume", "--device", "cpu"]) == 0
    whole, resumed = (load_weights(tmp_path / f"{which}.safetensors")[0] for which in ("whole", "stopped"))
    for tensor, other in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(tensor, other)
    assert not stopped.checkpoint.exists()


def test_a_run_stopped_in_its_first_epoch_does_not_offer_another_runs_checkpoint_and_keeps_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = small(RECIPES["net"]["tutorial"], epochs=2)
    monkeypatch.setitem(RECIPES["net"], "tutorial", recipe)
    older = Job("net", recipe, tmp_path / "a", CPU, seed=7)
    Training(older, training_samples(recipe, Samples(torch.zeros(9, 1, 28, 28), torch.zeros(9)), 7)).save()
    epoch, stop_in = Training.epoch, 1

    def stopped(training: Training, bar: object) -> float:
        if len(training.history) + 1 == stop_in:
            raise KeyboardInterrupt
        return epoch(training, bar)

    monkeypatch.setattr(Training, "epoch", stopped)
    command = ["--model", "net", "--recipe", "tutorial", "--output", str(older.output), "--no-cuda"]
    assert main(command) == 130
    told = capsys.readouterr()
    assert told.out.startswith(
        f"{older.checkpoint} is from an earlier run: the first epoch replaces it; --resume continues"
    )
    assert told.err == f"\nstopped; {older.output} was not written. No epoch was finished: start again.\n"
    assert load_checkpoint(older.checkpoint)["seed"] == 7
    assert main(["--output", str(older.output), "--resume"]) == 130
    assert capsys.readouterr().err.endswith(
        f"Continue with: python -m mnist_demo.train --output {older.output} --resume\n"
    )
    kept = older.checkpoint.rename(tmp_path / "kept")
    assert main(["--output", str(older.output), "--resume", str(kept)]) == 130
    assert capsys.readouterr().err.endswith(f"--output {older.output} --resume {kept}\n")
    kept.rename(older.checkpoint)
    older.output.write_bytes(b"old")
    stop_in = 2
    assert main(command) == 130
    said = capsys.readouterr().err
    assert said.startswith(f"\nstopped; {older.output} is unchanged. Continue with: python -m mnist_demo.train ")
    assert said.endswith(f"--output {older.output} --resume\n")
    assert older.output.read_bytes() == b"old"
    assert load_checkpoint(older.checkpoint)["seed"] == 1


def test_a_clone_says_before_it_replaces_a_shipped_file_how_to_restore_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("mnist_demo.model.weights.FOLDER", tmp_path)
    monkeypatch.setattr("mnist_demo.train.SHIPPED", tmp_path / "nowhere")  # which an installed package has
    monkeypatch.setattr("mnist_demo.train.train", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    output = tmp_path / "net.safetensors"
    assert main(["--model", "net"]) == 130
    assert "will be replaced" not in capsys.readouterr().out
    output.write_bytes(b"weights")
    assert main(["--model", "net"]) == 130
    line = f"{output} will be replaced at the end; to restore the shipped file: git checkout weights/\n"
    assert capsys.readouterr().out.startswith(line)
    assert main(["--model", "net", "--output", str(tmp_path / "other.safetensors")]) == 130
    assert "will be replaced" not in capsys.readouterr().out


def test_a_loss_that_is_not_finite_stops_in_one_line_and_leaves_the_old_weights(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "net.safetensors"
    output.write_bytes(b"old")
    assert main(["--model", "net", "--recipe", "tutorial", "--lr", "1e30", "--output", str(output)]) == 1
    assert capsys.readouterr().err == "error: the loss is nan in epoch 1: try a smaller --lr\n"
    assert output.read_bytes() == b"old"


def test_a_finished_run_names_the_file_it_wrote_and_the_network_it_replaced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--model", "net", "--recipe", "fast", "--epochs", "1", "--output", str(tmp_path / "a.safetensors")]
    assert main(command) == 0
    first = capsys.readouterr().out
    assert f"wrote {tmp_path / 'a.safetensors'}: test loss" in first
    assert "replaces" not in first
    assert main(command) == 0
    assert "(replaces a net of 20" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--epochs", "0"], "--epochs must be at least 1, not 0"),
        (["--batch-size", "-1"], "--batch-size must be at least 1, not -1"),
        (["--batch-size", "1000001"], "--batch-size must be a whole number up to 1000000, not 1000001"),
        (["--test-batch-size", "1" + 20 * "0"], "--test-batch-size must be a whole number up to 1000000, not 1000"),
        (["--epochs", "1" + 400 * "0"], "--epochs must be a whole number up to 1000000, not 1000"),
        (["--lr", "nan"], "--lr must be a number above 0, not nan"),
        (["--log-interval", "0"], "--log-interval must be at least 1, not 0"),
        (["--momentum", "0.9"], "--momentum does not apply to"),
        (["--no-cuda", "--device", "cuda"], "--no-cuda and --device cuda contradict each other"),
        (["--output", "/no/such/folder/x.safetensors"], "there is no folder /no/such/folder; create it first"),
        (["--output", "."], "--output . is a folder: name a file"),
        (["--output", "a.checkpoint"], "--output must not end in .checkpoint, got a.checkpoint"),
        (["--output", "a" * 240], "cannot be written: File name too long"),
        (["--output", "a" * 230], f"the checkpoint {'a' * 230}.checkpoint cannot be written: File name too long"),
        (["--output", "/dev/null"], "--output /dev/null is not a regular file: name a file"),
        (["--seed", "-1"], "--seed must be at least 0"),
        (["--resume", "/no/such.checkpoint"], "there is no checkpoint /no/such.checkpoint"),
        (["--resume", "/dev/zero"], "/dev/zero is damaged or not a valid checkpoint: start again without --resume"),
        (["--recipe", "teach", "--output", "a"], "learns from your own digits: name their file with --extra FILE"),
        (["--recipe", "teach", "--extra", "a"], "makes your own network: name its file with --output FILE"),
    ],
)
def test_invalid_options_end_in_one_line_and_code_2_before_any_work(
    flags: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("mnist_demo.training.trainer.load_mnist")  # work would need it
    assert main(["--model", "convnet", *flags]) == 2
    printed = capsys.readouterr()
    assert message in printed.err
    assert printed.err.count("\n") == 1
    assert not printed.out


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--device", "cuda"]) == 2
    assert capsys.readouterr().err == ("error: this machine has no cuda device: choose --device auto or --device cpu\n")


@pytest.mark.parametrize("content", [None, torch.zeros(3), [], {"model": "net"}])
def test_an_unreadable_checkpoint_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: object) -> None:
    if content is None:
        (tmp_path / "bad.checkpoint").write_bytes(b"no checkpoint")
    else:
        torch.save(content, tmp_path / "bad.checkpoint")
    assert main(["--resume", str(tmp_path / "bad.checkpoint"), "--output", str(tmp_path / "a.safetensors")]) == 2
    assert f"{tmp_path / 'bad.checkpoint'} is damaged or not a valid checkpoint" in capsys.readouterr().err


def test_runs_whose_outputs_differ_after_the_last_dot_do_not_share_a_checkpoint(tmp_path: Path) -> None:
    names = ("net-lr0.1", "net-lr0.2", "net", "net.safetensors", "net.checkpoint.safetensors")
    jobs = [Job("net", RECIPES["net"]["fast"], tmp_path / name, CPU) for name in names]
    assert len({job.checkpoint for job in jobs}) == len(names)
    for job in jobs:
        Training(job, Samples(torch.zeros(1, 1, 28, 28), torch.zeros(1))).save()
        for flags in (["--output", str(job.output), "--resume"], ["--resume", str(job.checkpoint)]):
            resumed = job_from(parser().parse_args(flags))[0]
            assert (resumed.output, resumed.checkpoint) == (job.output, job.checkpoint)


def test_resume_is_appended_to_the_command_that_was_typed_but_nothing_in_it_may_change(
    own: Path, tmp_path: Path
) -> None:
    command = ["--model", "net", "--recipe", "teach", "--extra", str(own), "--output", str(tmp_path / "a")]
    command += ["--lr", "0.003", "--seed", "7", "--from", str(default_path("net"))]
    job, _ = job_from(parser().parse_args(command))
    Training(job, Samples(torch.zeros(1, 1, 28, 28), torch.zeros(1))).save()
    resumed, _ = job_from(parser().parse_args([*command, "--resume"]))
    assert (resumed.recipe, resumed.seed, resumed.extra) == (job.recipe, 7, own.resolve())
    for flag, value, began in (
        ("--model", "convnet", "with --model net"),
        ("--recipe", "fast", "with --recipe teach"),
        ("--lr", "0.004", "with --lr 0.003"),
        ("--momentum", "0.5", "without --momentum"),
        ("--extra", "other.jsonl", f"with --extra {own}"),
    ):
        refusal = f"^--resume continues as the run began, {began}: leave out {flag} {value}$"
        with pytest.raises(ValueError, match=refusal):
            job_from(parser().parse_args([*command, flag, value, "--resume"]))


def test_a_run_resumed_from_a_renamed_checkpoint_writes_beside_it_and_does_not_overwrite_it(tmp_path: Path) -> None:
    job = Job("net", RECIPES["net"]["fast"], tmp_path / "a", CPU)
    Training(job, Samples(torch.zeros(1, 1, 28, 28), torch.zeros(1))).save()
    kept = job.checkpoint.rename(tmp_path / "kept")
    assert job_from(parser().parse_args(["--resume", str(kept)]))[0].output == tmp_path / "kept.safetensors"


def test_a_checkpoint_of_another_version_is_called_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = Job("net", RECIPES["net"]["fast"], tmp_path / "a", CPU)
    monkeypatch.setattr("mnist_demo.training.trainer.asdict", lambda recipe: {"name": recipe.name, "strange": 1})
    Training(job, Samples(torch.zeros(1, 1, 28, 28), torch.zeros(1))).save()
    with pytest.raises(ValueError, match=r"a\.checkpoint is from another version of this program: start again"):
        load_checkpoint(job.checkpoint)


def test_a_changed_bit_in_a_checkpoint_is_detected(tmp_path: Path) -> None:
    job = Job("net", RECIPES["net"]["fast"], tmp_path / "a", CPU)
    Training(job, Samples(torch.zeros(1, 1, 28, 28), torch.zeros(1))).save()
    content = job.checkpoint.read_bytes()
    assert load_checkpoint(job.checkpoint)["model"] == "net"
    for place in range(0, len(content), len(content) // 50):
        job.checkpoint.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(ValueError, match=r"a\.checkpoint is damaged or not a valid checkpoint"):
            load_checkpoint(job.checkpoint)


@pytest.mark.skipif(sys.platform != "linux", reason="limits are Linux's")
def test_a_full_disk_error_names_the_file_and_how_to_continue_if_possible(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    output, save = tmp_path / "net.safetensors", Training.save
    output.write_bytes(b"old")

    def save_the_first(training: Training) -> None:
        if len(training.history) > 1:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        save(training)

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    monkeypatch.setattr(Training, "save", save_the_first)
    try:
        code = main(["--model", "net", "--recipe", "fast", "--epochs", "2", "--output", str(output)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    said = capsys.readouterr().err
    assert code == 2
    assert f"error: {output}.checkpoint cannot be written: File too large. Continue with: python -m " in said
    assert said.endswith(f"--output {output} --resume\n")
    assert output.read_bytes() == b"old"
    assert load_checkpoint(Path(f"{output}.checkpoint"))["history"]


def test_a_network_with_invalid_weights_is_reported_and_not_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    step = Training.step

    def break_it(training: Training, index: torch.Tensor) -> torch.Tensor:
        loss = step(training, index)
        assert isinstance(training.model, Net)
        torch.nn.init.constant_(training.model.fc2.bias, float("nan"))
        return loss if len(index) == 3000 else loss * 0

    monkeypatch.setattr(Training, "step", break_it)
    flags = ["--recipe", "tutorial", "--epochs", "1", "--batch-size", "3000"]
    assert main(["--model", "net", *flags, "--output", str(tmp_path / "a")]) == 1
    assert capsys.readouterr().err == "error: the loss is nan in epoch 1: try a smaller --lr\n"
    assert not list(tmp_path.iterdir())
