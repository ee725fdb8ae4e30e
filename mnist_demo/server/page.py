"""The page: the pad, the lenses beside it, header and footer."""

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any

import gradio as gr
import torch
from gradio.utils import ipython_check
from starlette.middleware import Middleware
from torch import nn

from mnist_demo.data.mnist import Samples, load_mnist
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.networks import MODELS, bare
from mnist_demo.model.numbers import stored_weights
from mnist_demo.server import api, photo
from mnist_demo.server.address import HOST, is_loopback, may_train, public_origins, server_name
from mnist_demo.server.allow_list import FRAMES, AllowList
from mnist_demo.server.assets import Assets
from mnist_demo.server.batching import Reader
from mnist_demo.server.clients import Clients, trust_proxy_of_space
from mnist_demo.server.connections import bounded_connections
from mnist_demo.server.engine import Engine, Functions
from mnist_demo.server.lenses import inside, learn, report
from mnist_demo.server.lenses.gallery import functions as gallery_functions
from mnist_demo.server.lenses.gallery import open_gallery
from mnist_demo.server.limits import MAX_PICTURE_BYTES, BoundedBody
from mnist_demo.server.mcp import for_programs
from mnist_demo.server.origins import Origins, hostname, outermost
from mnist_demo.server.picture_process import Pictures
from mnist_demo.server.sharing import Introduced
from mnist_demo.server.sketchpad import Sketchpad
from mnist_demo.server.user_models import UserModels, WeightsFiles
from mnist_demo.server.web_files import WEB, WebFiles, WeightsFile, modules, text, weights_files

PANELS = {  # the parts of each lens: their ids, and their templates in `web/lenses/`
    "read": {"live": "read/live.html", "gallery": "read/gallery.html"},
    "inside": {"within": "inside/inside.html"},
    "learn": {"lesson": "learn/learn.html"},
    "report": {"judged": "report/report.html"},
}
START = """
const root = new URL(window.gradio_config.root, location).pathname.replace(/\\/$/, "");
import(`${root}/web/page.js`);
"""
HEIGHT = 800  # pixels, of the frame below a notebook cell
LINKS = {
    "link_data": "https://huggingface.co/datasets/ylecun/mnist",
    "link_recipe": "https://arxiv.org/abs/1905.10498",
    "link_gradio": "https://www.gradio.app/",
    "link_api": "?view=api",
}


class Page(gr.Blocks):
    """The page as Gradio blocks, which launch with the page's looks and limits."""

    def __init__(self, yours: UserModels, origins: Collection[str] = ()) -> None:
        super().__init__(title="mnist-demo", analytics_enabled=False, fill_width=True)
        self.yours, self.origins = yours, origins
        self.settings: dict[str, Any] = {}
        self.weights: dict[str, WeightsFile] = {}
        self.functions: Functions = {}
        self.read: Any = None

    def launch(self, inline: bool | None = None, **options: Any) -> Any:  # type: ignore[override]  # options by name
        """Serve the page until stopped; options and result are those of `gr.Blocks.launch`.

        In a notebook, show the page below the cell and return.
        """
        inline = ipython_check() if inline is None else inline
        host, root = options.get("server_name") or server_name(), options.get("root_path")
        trust_proxy_of_space()
        with bounded_connections():
            return super().launch(inline=inline, **(launch_options(self, inline, host, root) | options))


def demo() -> Page:
    """Return the page with both shipped networks and the test set: `demo().launch()` serves it.

    Users may train if `MNIST_DEMO_TRAIN` says so; by default, if the page is served to this machine alone.

    Raises ValueError or OSError, in one line, if weights or samples cannot be loaded.
    """
    trains = may_train(server_name())
    return build({name: Classifier.load(name) for name in MODELS}, load_mnist("test"), trains)


def serve(
    classifiers: Mapping[str, Classifier],
    samples: Samples,
    trains: bool,
    announce: Callable[[], None],
    origins: Collection[str] = (),
    **options: Any,
) -> None:
    """Serve the page until stopped; call `announce` once it is there.

    `trains` says if users may train networks; `origins` are other sites that may use the page; `options` are those of
    `gr.Blocks.launch`.
    """
    torch.set_num_threads(1)  # per call: many users share the processor
    page = build(classifiers, samples, trains, origins)
    page.launch(quiet=True, prevent_thread_lock=True, **options)
    announce()
    page.block_thread()


def launch_options(page: Page, inline: bool = False, host: str = HOST, root: str | None = None) -> dict[str, Any]:
    """Return the options of `gr.Blocks.launch` that set the page's looks and limits.

    `inline` is True below a notebook cell; `host` is the address to listen at; `root` is the page's public address, if
    known.
    """
    origins = {*page.origins, *public_origins(root)}

    def hosts() -> Collection[str] | None:
        return {host, *map(hostname, (*origins, page.share_url or ""))} if is_loopback(host) else None

    return {
        "height": HEIGHT,
        "theme": theme(),
        "head": head_links(),
        "favicon_path": WEB / "favicon.png",
        "footer_links": ["api"],  # else Gradio hides its API view; the page's own footer has the link
        "mcp_server": False,  # `mcp` replaces it
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,  # Node would answer `/` without our headers and limits, and no faster
        "num_workers": 0,  # Gradio's static workers would take uploads
        "max_file_size": MAX_PICTURE_BYTES,
        "state_session_capacity": 1,  # no sessions are used
        "app_kwargs": {
            "lifespan": outermost(lambda app: Clients(Origins(Assets(app), origins, hosts, behind_tls=inline))),
            "middleware": [
                Middleware(AllowList, frames=None if inline else FRAMES),  # many hosts show notebooks in frames
                Middleware(BoundedBody),
                Middleware(Engine, page.read, page.functions),
                Middleware(WebFiles, page.settings, page.weights),
                Middleware(WeightsFiles, page.yours),
                *for_programs(page),
                Middleware(Introduced, texts()["en"]["title"], texts()["en"]["description"]),
            ],
        },
    }


def build(
    classifiers: Mapping[str, Classifier], samples: Samples, trains: bool = False, origins: Collection[str] = ()
) -> Page:
    """Build the page for those networks, by name, in that order, and for users' networks if `trains`.

    `samples` (the test set) fill its gallery; `origins` are other sites that may use the page.
    """
    yours, pictures = UserModels(trains), Pictures()
    gallery = open_gallery(samples, classifiers)
    networks = [network(name, classifier) for name, classifier in classifiers.items()]
    page = Page(yours, origins)
    page.weights = weights_files(classifiers)
    page.settings = settings_of(classifiers, page.weights, trains)
    page.read = Reader(classifiers, yours).read
    page.functions = {
        **gallery_functions(gallery),
        **inside.functions(classifiers, yours),
        **learn.functions(samples, yours),
        **report.functions(classifiers, samples),
        **photo.functions(pictures),
    }
    with page, gr.Column(elem_id="page"):
        static("head", "head.html")
        Sketchpad(elem_id="sketchpad", assets="web", css_template="", label=texts()["en"]["pad"])
        static("pen", "lenses/tabs.html", START)
        for name, parts in PANELS.items():
            with gr.Column(elem_id=name, elem_classes="lens"):
                for part, template in parts.items():
                    static(part, f"lenses/{template}", networks=networks, digits=list(range(10)))
        api.add_endpoints(page, api.Endpoints(classifiers, gallery, pictures))
        links = [{"name": name, "url": url} for name, url in LINKS.items()]
        static("foot", "foot.html", networks=networks, links=links, languages=languages())
        return page


def settings_of(
    classifiers: Mapping[str, Classifier], weights: Mapping[str, WeightsFile], trains: bool
) -> dict[str, Any]:
    """Return what the browser is told of the page."""
    return {
        "networks": [network(name, c) | {"weights": weights[name].name} for name, c in classifiers.items()],
        "lenses": list(PANELS),
        "isTrainingOn": trains,
        "isStatic": False,
        "recipes": learn.offered(classifiers),
        "limits": learn.LIMITS,
        "correction": learn.CORRECTION,
        "numbers": stored_weights(),
    }


def static(elem_id: str, template: str, script: str | None = None, **values: Any) -> gr.HTML:
    """Return a static part of the page, from a template of `web/`."""
    return gr.HTML(elem_id=elem_id, html_template=text(template), js_on_load=script, apply_default_css=False, **values)


def head_links() -> str:
    """Return the HTML head: style sheets, modules to load early, and the message for old browsers."""
    styles = ["web/page.css", "web/pad/pad.css", *(f"web/lenses/{name}/{name}.css" for name in PANELS)]
    links = [f'<link rel="stylesheet" href="{style}">' for style in styles]
    links += [f'<link rel="modulepreload" href="{module}">' for module in modules()]
    codes = f'<meta name="languages" content="{" ".join(texts())}">'
    return "\n".join([codes, for_old_browsers(), *links])


def theme() -> gr.themes.Base:
    """Return the page's background colours, with fonts of the user's own system, so that none is downloaded."""
    sans = ["ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "PingFang SC", "Noto Sans SC", "sans-serif"]
    return gr.themes.Base(font=sans, font_mono=["ui-monospace", "monospace"]).set(
        body_background_fill="#f4f1ea", body_background_fill_dark="#131316"
    )


def network(name: str, classifier: Classifier) -> dict[str, Any]:
    """Return the page's description of a network."""
    model = bare(classifier.model)
    layers = list(model.modules())
    return {
        "name": name,
        "title": type(model).__name__,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "convolutions": sum(isinstance(layer, nn.Conv2d) for layer in layers),
        "hidden": sum([layer.out_features for layer in layers if isinstance(layer, nn.Linear)][:-1]),
        "accuracy": 100 * classifier.card.test_accuracy,
    }


def texts() -> dict[str, dict[str, str]]:
    """Return all texts of the page, by language."""
    files = sorted((WEB / "languages").glob("*.json"))
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}


def languages() -> list[dict[str, str]]:
    """Return the page's languages, each with its own name."""
    return [{"code": code, "name": words["language"]} for code, words in texts().items()]


def for_old_browsers() -> str:
    """Return the message for browsers too old to show the page, in every language."""
    words = json.dumps(" ".join(words["too_old"] for words in texts().values()), ensure_ascii=False)
    return f"""<noscript><style>body::before {{ content: {words} }}</style></noscript>
<script>addEventListener("load", () => "withResolvers" in Promise || document.body.prepend({words}));</script>"""
