"""Another network and another language, added to a copy of the program as CONTRIBUTING describes, in a running page."""

import json
import re
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import opened
from digits import DIGITS
from drawing_page import DrawingPage
from playwright.sync_api import Browser, expect

from benchmarks.pages import served

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
NETWORK = '''
class MLP(nn.Module):
    """Without convolutions: pixels (N, 1, 28, 28) in [0, 1] to log-probabilities (N, 10)."""

    def __init__(self) -> None:
        super().__init__()
        self.normalize = Normalize()
        self.fc1 = nn.Linear(28 * 28, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, pixels: Tensor) -> Tensor:
        x = F.relu(self.fc1(self.normalize(pixels).flatten(1)))  # (N, 64)
        return F.log_softmax(self.fc2(x), dim=1, dtype=torch.float32)  # (N, 10)


MODELS["mlp"] = MLP
'''
RECIPE = """
RECIPES["mlp"]["best"] = Recipe(
    name="best", optimizer="adamw", lr=1e-2, epochs=5, batch_size=50, one_cycle=True, held_out=5000, mnist=2000
)
"""
LANGUAGE, CODE = "Ent", "de"  # made-up words, and the numbers of German


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the program with a third network, trained on 2,000 digits, and a third language: three new or longer
    files.
    """
    folder = tmp_path_factory.mktemp("copy")
    for name in ("mnist_demo", "weights"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "app.py", folder)
    for name, more in (("networks", NETWORK), ("recipes", RECIPE)):
        with (folder / f"mnist_demo/model/{name}.py").open("a", encoding="utf-8") as file:
            file.write(more)
    languages = folder / "mnist_demo/web/languages"
    english = json.loads((languages / "en.json").read_text(encoding="utf-8"))
    words = {key: f"⟦{words}⟧" for key, words in english.items()} | {"language": LANGUAGE}
    (languages / f"{CODE}.json").write_text(json.dumps(words), encoding="utf-8")
    assert "epoch 5/5" in trained(folder)
    return folder


def trained(folder: Path, *options: str) -> str:
    """Return the output of training the third network."""
    command = [sys.executable, "-m", "mnist_demo.train", "--model", "mlp", "--device", "cpu", *options]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=300).stdout


@pytest.fixture(scope="module")
def its_address(copy: Path, browser: Browser) -> Iterator[str]:
    with served("app.py", folder=copy) as address:
        yield address


@pytest.fixture
def its_page(browser: Browser, its_address: str) -> Iterator[DrawingPage]:
    with opened(browser, its_address) as page:
        yield page
        assert page.complaints == []
        assert page.unfilled() == []


def test_a_network_without_a_recipe_of_its_own_uses_the_common_one(copy: Path) -> None:
    printed = trained(copy, "--recipe", "fast", "--epochs", "1", "--output", str(copy / "other.safetensors"))
    assert "mlp, recipe fast: 1 epochs" in printed
    assert (copy / "other.safetensors").exists()


def test_a_third_network_has_its_bars_colour_title_and_tip(its_page: DrawingPage) -> None:
    page = its_page.page
    its_page.draw(DIGITS[1])
    its_page.expect_answers(1)
    expect(its_page.verdict("mlp")).to_have_attribute("data-answer", "1")
    titles = page.locator(".network h2 button")
    expect(titles).to_have_text(["ConvNet", "Net", "MLP"])
    assert len(set(titles.evaluate_all("all => all.map(one => getComputedStyle(one).color)"))) == 3
    expect(titles.last).to_have_attribute("data-tip", "0 convolutions and 64 hidden units.")
    expect(page.locator("[data-model=mlp] .parameters")).to_have_text("50,890 parameters")
    expect(page.locator("#foot")).to_contain_text("MLP")
    page.click("[data-show=mlp]")
    expect(page.locator(".network:visible")).to_have_count(1)


def test_a_third_network_is_in_the_gallery_and_in_every_lens(its_page: DrawingPage) -> None:
    page = its_page.page
    expect(page.locator(".legend")).to_have_text("Label, then the answers of ConvNet, Net, MLP: ✓ if right.")
    expect(page.locator("#gallery .tiles li").first.locator(".mark")).to_have_count(3)
    its_page.draw(DIGITS[1])
    page.click("#tab-inside")
    page.click("[data-network=mlp]")
    expect(page.locator(".saying")).to_contain_text("MLP says 1")
    expect(page.locator("[data-step]")).to_have_count(6)
    expect(page.locator("[data-shape='64']")).to_have_count(2)
    page.click("#tab-learn")
    page.click("[data-trained=mlp]")
    expect(page.locator("[data-learn=start]")).to_be_enabled()
    page.click("#tab-report")
    expect(page.locator("[data-part=figures] .whose")).to_have_text(["ConvNet", "Net", "MLP"])
    page.click("[data-judged=mlp]")
    expect(page.locator("[data-part=figures] .side:visible")).to_have_count(1)
    expect(page.locator("[data-part=figures] .side:visible")).to_have_class("side mlp")


def test_the_api_has_a_third_network(its_address: str) -> None:
    with urllib.request.urlopen(f"{its_address}/gradio_api/info") as answer:
        parameters = json.load(answer)["named_endpoints"]["/why"]["parameters"]
    [network] = [one for one in parameters if one["parameter_name"] == "network"]
    assert network["type"]["enum"] == ["convnet", "net", "mlp"]


def test_a_third_language_is_chosen_in_the_footer_and_kept(its_page: DrawingPage) -> None:
    page = its_page.page
    its_page.draw(DIGITS[1])
    its_page.expect_answers(1)
    page.get_by_role("button", name=LANGUAGE).click()
    expect(page.locator("h1")).to_have_text("⟦Draw a digit⟧")
    assert page.evaluate("document.documentElement.lang") == CODE
    its_page.expect_answers(1)
    expect(page.locator("[data-model=convnet] .parameters")).to_have_text("1.007.590 ⟦parameters⟧")
    expect(page.locator("[data-model=convnet] .percent").nth(1)).to_have_text(re.compile(r"^\d+,\d$"))
    words = page.locator("[data-text]").evaluate_all("all => all.map(one => one.textContent)")
    assert all(one.startswith("⟦") for one in words)
    its_page.reload()
    expect(page.locator("h1")).to_have_text("⟦Draw a digit⟧")
    page.get_by_role("button", name="English").click()
    expect(page.locator("h1")).to_have_text("Draw a digit")


def test_readers_of_a_third_language_get_it_at_once(browser: Browser, its_address: str) -> None:
    with opened(browser, its_address, locale="de-AT") as page:
        expect(page.page.locator("h1")).to_have_text("⟦Draw a digit⟧")
        expect(page.page.locator("#foot [aria-current=true]")).to_have_text(LANGUAGE)
