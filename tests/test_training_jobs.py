"""Users who train networks: over HTTP, with the real app; and what a training leaves behind, however it ends."""

import base64
import json
import os
import resource
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from waiting import wait_until
from wire import ask

from benchmarks.crowd import BYTES, ENGINE, READ, digit_of, growing
from benchmarks.pages import Server, started
from mnist_demo.data.mnist import Samples
from mnist_demo.model.classifier import Classifier
from mnist_demo.server import training_jobs as module
from mnist_demo.server import zerogpu
from mnist_demo.server.page import texts
from mnist_demo.server.training_jobs import PREFIX, Run, TrainingJobs
from mnist_demo.server.training_process import LentProcess, Process
from mnist_demo.server.user_models import IDLE, GoneError, Own, UserModels, max_bytes, weights_bytes

ROOT = Path(__file__).parent.parent
SEVEN = digit_of(growing(7)[-1])
ABOUT = {"network": "yours", "digit": base64.b64encode(SEVEN).decode()}
SHORT = {"network": "net", "recipe": "fast", "values": {"epochs": 1, "batch_size": 512}}
LONG = {"network": "net", "recipe": "tutorial", "values": {}}
WRITTEN = [{"label": 7, "strokes": [[[0, 0], [60, 0], [20, 100]]]}, {"label": 1, "strokes": [[[0, 0], [0, 90]]]}]

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at processes as Linux shows them")

Call = Callable[[str, Any], Any]


def asked(server: Server, name: str, question: Any) -> Any:
    """Return the engine's answer, as the browser gets it, and its status."""
    return ask(server, "POST", f"{ENGINE}{name}", json.dumps(question).encode())


def caller(server: Server) -> Call:
    """Return a function that sends requests to the engine as the browser does."""

    def call(name: str, question: Any) -> Any:
        answer = asked(server, name, question)
        assert answer.status == 200, answer.content
        return json.loads(answer.content)

    return call


def read(server: Server, key: str, digits: bytes = SEVEN) -> Any:
    """Return the readings of digits, those of a user's own network included."""
    return json.loads(ask(server, "POST", f"{READ}?yours={key}", digits, BYTES).content)  # type: ignore[attr-defined]


def is_worded(error: dict[str, Any]) -> bool:
    """Return if the page has a text for an error in each language."""
    return all(f"error_{error['code']}" in words for words in texts().values())


@pytest.fixture(autouse=True)
def same_folder(temporary: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make trainings of this process use the server's folder for temporary files, which no other program uses."""
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))


@pytest.fixture
def call(server: Server) -> Iterator[Call]:
    """Yield a caller; check that nothing is being trained before and after."""
    call = caller(server)
    yield call
    assert call("prepare", {})["running"] is None


def until(call: Call, key: str, wanted: Callable[[Any], bool], seconds: float = 120) -> Any:
    """Return the progress of the training with that key, once it is as wanted."""
    deadline = time.monotonic() + seconds
    while not wanted(run := call("follow", {"key": key})):
        assert time.monotonic() < deadline, run
        time.sleep(0.1)
    return run


def is_learning(run: Any) -> bool:
    return run["state"] == "training" and len(run["steps"]) > 3 and run["looks"] > 1


def is_over(run: Any) -> bool:
    return run["state"] not in ("waiting", "starting", "training")


def folders() -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob(f"{PREFIX}*"))


def children(process_id: int) -> list[int]:
    """Return the processes that it started and that still exist."""
    files = Path(f"/proc/{process_id}/task").glob("*/children")
    return [int(one) for file in files for one in file.read_text(encoding="utf-8").split()]


@pytest.mark.slow
def test_a_trained_network_is_the_users_own(server: Server, call: Call, test_digits: Samples, tmp_path: Path) -> None:
    key = call("begin", SHORT)["key"]
    seen = [until(call, key, is_learning)]
    assert read(server, key)["readings"][0]["yours"]["answer"] in range(10)
    seen.append(until(call, key, is_over))
    assert [run["state"] for run in seen] == ["training", "done"]
    assert sum(seen[0]["wall"]["right"]) < sum(seen[1]["wall"]["right"]) > 90
    assert seen[1]["figures"]["test_accuracy"] > 0.95
    assert seen[1]["rate"] > 0
    assert call("follow", {"key": key, "since": 5})["steps"] == seen[1]["steps"][5:]

    [networks] = read(server, key)["readings"]
    assert list(networks) == ["convnet", "net", "yours"]
    assert networks["yours"]["answer"] == 7
    assert call("trace", ABOUT | {"yours": key})["answer"] == 7
    assert len(call("kernels", ABOUT | {"yours": key})) > 9
    three = read(server, key, test_digits.images[:3].numpy().tobytes())["readings"]
    assert [reading["yours"]["answer"] for reading in three] == [7, 2, 1]

    answer = ask(server, "GET", f"/yours/{key}.safetensors")
    assert answer.headers["content-disposition"] == 'attachment; filename="yours-net.safetensors"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    file = tmp_path / "yours.safetensors"
    file.write_bytes(answer.content)  # type: ignore[attr-defined]
    assert Classifier.load(file).card.test_accuracy == seen[1]["figures"]["test_accuracy"]

    assert call("forget", {"key": key}) == {}
    assert call("follow", {"key": key}) == {"state": "gone"}
    assert read(server, key)["gone"]
    assert ask(server, "GET", f"/yours/{key}.safetensors").status == 404


@pytest.mark.slow
def test_a_later_user_waits_in_a_queue_and_may_watch_the_running_training_but_not_take_it(
    server: Server, call: Call
) -> None:
    first = call("begin", LONG)
    until(call, first["key"], is_learning)
    second, third = call("begin", SHORT), call("begin", SHORT)
    waiting = call("follow", {"key": third["key"]})
    assert (waiting["state"], waiting["place"]) == ("waiting", 2)
    running = waiting["running"]
    assert (running["network"], running["recipe"], running["run"]) == ("net", "tutorial", first["run"])
    assert running == call("prepare", {})["running"] | {"seconds": running["seconds"]}
    watched = call("follow", {"run": running["run"]})
    assert watched["state"] == "training"
    assert watched["steps"]
    assert first["key"] not in json.dumps(watched)
    assert ask(server, "GET", f"/yours/{first['key']}.safetensors").status == 404  # it is not trained yet
    call("stop", {"key": "somebody else's"})
    assert asked(server, "stop", {"run": running["run"]}).status == 422  # a number is no key
    assert call("follow", {"key": first["key"]})["state"] == "training"
    call("stop", {"key": second["key"]})
    assert call("follow", {"key": third["key"]})["place"] == 1
    call("stop", {"key": first["key"]})
    stopped = call("follow", {"key": first["key"]})
    assert (stopped["state"], stopped["figures"]) == ("stopped", None)
    assert "yours" in read(server, first["key"])["readings"][0]
    assert until(call, third["key"], lambda run: run["state"] not in ("waiting", "starting"))["run"] == third["run"]
    call("forget", {"key": third["key"]})
    assert call("follow", {"key": second["key"]})["state"] == "stopped"
    wait_until(lambda: not folders())


NONSENSE: list[tuple[Any, str]] = [
    (None, ""),
    *(({"network": network, "recipe": "fast"}, "network") for network in ("third", ["net"])),
    ({"network": "net", "recipe": "best"}, "recipe"),
    (SHORT | {"values": []}, "values"),
    (SHORT | {"values": {"output": "/etc/passwd"}}, "values.output"),
    *((SHORT | {"values": {"epochs": value}}, "values.epochs") for value in (0, 101, "2", True)),
    *((SHORT | {"values": {"batch_size": value}}, "values.batch_size") for value in (10**400, 60_000)),
    *((SHORT | {"values": {"lr": value}}, "values.lr") for value in (-1, float("nan"))),
    (SHORT | {"values": {"momentum": 0.5}}, "values.momentum"),
    (LONG | {"values": {"momentum": 1.5}}, "values.momentum"),
    (SHORT | {"values": {"seed": -1}}, "values.seed"),
    *(
        ({"network": "net", "recipe": "teach", "corrections": digits}, "corrections")
        for digits in ([], WRITTEN * 101, [*WRITTEN, {"label": 10}])
    ),
]


def test_invalid_settings_are_refused_by_their_field_before_anything_runs(server: Server, call: Call) -> None:
    for wanted, field in NONSENSE:
        answer = asked(server, "begin", wanted)
        assert (answer.status, json.loads(answer.content)["field"]) == (422, field), wanted


@pytest.mark.parametrize("key", ["", "x" * 32])
def test_an_unknown_key_means_that_the_network_is_gone(server: Server, call: Call, key: str) -> None:
    assert call("follow", {"key": key}) == call("follow", {"run": 10**6}) == {"state": "gone"}
    assert call("stop", {"key": key}) == call("forget", {"key": key}) == {}
    assert call("trace", ABOUT | {"yours": key}) == {"gone": True}
    assert read(server, key or "x")["gone"]


@pytest.mark.slow
def test_a_loss_that_is_not_finite_is_reported_in_one_line(call: Call) -> None:
    key = call("begin", SHORT | {"recipe": "tutorial", "values": {"lr": 1e6, "epochs": 1}})["key"]
    run = until(call, key, is_over)
    assert run["state"] == "failed"
    assert run["error"] == {"code": "diverged", "loss": run["error"]["loss"], "epoch": 1}
    assert run["error"]["loss"] in ("nan", "inf")
    assert is_worded(run["error"])
    call("forget", {"key": key})


@pytest.mark.slow
def test_a_killed_server_leaves_neither_process_nor_folder() -> None:
    with started("app.py") as server:
        call = caller(server)
        key = call("begin", LONG)["key"]
        until(call, key, is_learning)
        left = children(server.process.pid)
        assert len(folders()) == len(left) == 1
        server.process.send_signal(signal.SIGKILL)
        wait_until(lambda: not folders() and not any(Path(f"/proc/{one}/cmdline").exists() for one in left))


@pytest.mark.slow
def test_nothing_is_trained_if_training_is_switched_off() -> None:
    with started("app.py", environment={"MNIST_DEMO_TRAIN": "0"}) as server:
        call = caller(server)
        assert json.loads(asked(server, "begin", SHORT).content)["code"] == "training_off"
        assert call("prepare", {}) == {"running": None}
        assert call("follow", {"key": "x" * 32}) == {"state": "gone"}
        assert children(server.process.pid) == []


def test_a_training_that_nobody_follows_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ABANDONED", 1.0)
    jobs = TrainingJobs(UserModels(trains=True))
    run = jobs.begin("net", "tutorial", [], {})
    assert run is not None
    wait_until(lambda: jobs.current is None)
    assert (run.state, run.error) == ("stopped", {"code": "page_closed"})
    assert is_worded(run.error)
    assert folders() == []


def test_a_training_that_takes_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_TRAINING_SECONDS", 1.0)
    jobs = TrainingJobs(UserModels(trains=True))
    run = jobs.begin("net", "tutorial", [], {})
    assert run is not None
    wait_until(lambda: jobs.current is None)
    assert run.state == "stopped"
    assert run.error == {"code": "time_limit", "seconds": 1}
    assert is_worded(run.error)


@pytest.mark.slow
def test_a_full_disk_is_reported_and_nothing_is_left_of_the_training() -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    jobs = TrainingJobs(UserModels(trains=True))
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))  # as full as a disk gets without one of one's own
    jobs.prepare()
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    run = jobs.begin("net", "fast", [], {})
    assert run is not None
    wait_until(lambda: jobs.current is None)
    assert (run.state, run.error) == ("failed", {"code": "disk_full"})
    assert is_worded(run.error)
    assert folders() == []


def test_a_line_of_progress_is_taken_once_all_of_it_is_written(tmp_path: Path) -> None:
    run = Run("net", state="training")
    follow = TrainingJobs(UserModels(trains=True))._follow
    with (tmp_path / module.PROGRESS).open("w", encoding="utf-8") as progress:
        thread = threading.Thread(target=follow, args=(run, LentProcess(), tmp_path))
        thread.start()
        for part in ('{"epo', 'ch": [118, 0.25, 0.9', "953]}\n"):
            progress.write(part)
            progress.flush()
            time.sleep(3 * module.LOOK)  # it looks at the file in between
        run.stop()
        thread.join()
    assert run.epochs == [[118, 0.25, 0.9953]]


def test_users_are_not_told_the_hosts_folders() -> None:
    said = "error: /home/me/demo/weights/net.safetensors is missing: train it with python -m mnist_demo.train\n"
    assert module.reason(said) == {
        "code": "process",
        "text": "net.safetensors is missing: train it with python -m mnist_demo.train",
    }
    assert module.reason("error: 'C:\\\\Users\\\\me\\\\net.safetensors' is damaged") == {
        "code": "process",
        "text": "'net.safetensors' is damaged",
    }
    assert module.reason("error: loss and/or accuracy 1/2") == {"code": "process", "text": "loss and/or accuracy 1/2"}


def test_a_process_is_kept_ready_only_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READY_FOR", 0.5)
    jobs = TrainingJobs(UserModels(trains=True))
    jobs.prepare()
    process = jobs.ready
    assert isinstance(process, Process)
    jobs.prepare()
    assert jobs.ready is process
    assert process.popen.wait(30) is not None
    assert jobs.ready is None


@pytest.mark.slow
def test_on_zerogpu_a_training_runs_within_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zerogpu, "IS_HERE", True)  # run_lent, without `spaces`, lends none
    jobs = TrainingJobs(UserModels(trains=True))
    jobs.prepare()
    assert isinstance(jobs.ready, LentProcess)
    run = jobs.begin("net", "fast", ["--epochs=50"], {})
    assert run is not None
    wait_until(lambda: run.answers or not run.is_under_way)
    assert run.state == "training", run.error
    run.stop()
    wait_until(lambda: jobs.current is None)
    assert not run.folder.exists()


@pytest.mark.slow
def test_the_queue_is_bounded_and_users_who_left_or_failed_do_not_block_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 3)
    jobs = TrainingJobs(UserModels(trains=True))

    def begin(**files: str) -> Run | None:
        return jobs.begin("net", "tutorial", [], files)

    first, left, failing, last = begin(), begin(), begin(**{"no/such/folder": ""}), begin()
    assert first is not None
    assert left is not None
    assert failing is not None
    assert last is not None
    assert begin() is None
    left.asked -= module.ABANDONED
    assert [jobs.place(run) for run in (first, left, failing, last)] == [0, 0, 1, 2]
    assert (left.state, left.error) == ("stopped", {"code": "page_closed"})
    first.stop()
    wait_until(lambda: jobs.current is last)
    assert failing.state == "failed"
    assert failing.error == {"code": "process", "text": "No such file or directory"}  # not in which folder
    last.stop()
    wait_until(lambda: jobs.current is None)
    assert folders() == []


def test_networks_are_bounded_in_memory_and_the_one_idle_longest_is_dropped() -> None:
    clock, net = iter(range(10_000)), Classifier.load("net")
    yours = UserModels(trains=True, now=lambda: float(next(clock)), most=9 * weights_bytes("net"))
    own = [Own("net", classifier=net) for _ in range(11)]
    for one in own[:9]:
        yours.add(one)
    assert yours.of(own[0].key) is own[0]
    for one in own[9:]:
        yours.add(one)
    assert yours.of(own[1].key) is yours.of(own[2].key) is None
    assert yours.of(own[0].key) is own[0]
    assert len(yours.networks) == 9
    with pytest.raises(GoneError):
        yours.classifier(own[1].key)


def test_a_class_of_thirty_keeps_its_networks_on_a_small_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = {"SC_PHYS_PAGES": 2**20, "SC_PAGE_SIZE": 2**12}  # 4 GiB
    monkeypatch.setattr(os, "sysconf", pages.__getitem__)
    assert max_bytes() > 30 * 2 * weights_bytes("convnet")


def test_a_network_that_is_idle_too_long_is_dropped() -> None:
    now = [0.0]
    yours = UserModels(trains=True, now=lambda: now[0])
    one, other = Own("net"), Own("net")
    yours.add(one)
    yours.add(other)
    now[0] = IDLE - 1
    assert yours.of(one.key) is one
    now[0] = IDLE + 1
    assert yours.of(other.key) is None
    assert yours.of(one.key) is one


def test_leftover_folders_are_removed_later() -> None:
    old, young = (Path(tempfile.mkdtemp(prefix=PREFIX)) for _ in range(2))
    os.utime(old, (0, 0))
    TrainingJobs(UserModels(trains=True))
    assert not old.exists()
    assert young.exists()
    young.rmdir()
