"""The page: the pad, the lenses beside it, head and foot.

Knows: Gradio, and what all lenses share. Does not know: what is in a lens, or how networks read or are trained.
"""

import json
from collections.abc import Callable, Collection, Mapping
from typing import Any

import gradio as gr
import torch
from gradio.utils import ipython_check
from starlette.middleware import Middleware

from mnist_demo.data.mnist import Samples, load_mnist
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.networks import MODELS
from mnist_demo.server import api, photo
from mnist_demo.server.address import HOST, is_loopback, may_train, public_origins, server_name
from mnist_demo.server.allow_list import FRAMES, AllowList
from mnist_demo.server.assets import Assets
from mnist_demo.server.batching import Reader
from mnist_demo.server.connections import bounded_connections
from mnist_demo.server.engine import Engine, Functions
from mnist_demo.server.lenses import inside, learn, report
from mnist_demo.server.lenses.gallery import functions as gallery_functions
from mnist_demo.server.lenses.gallery import open_gallery
from mnist_demo.server.limits import MOST_PICTURE_FILE, BoundedBody
from mnist_demo.server.mcp import for_programs
from mnist_demo.server.origins import Origins, hostname, outermost
from mnist_demo.server.sharing import Introduced
from mnist_demo.server.sketchpad import Sketchpad
from mnist_demo.server.user_models import UserModels, WeightsFiles
from mnist_demo.server.web_files import WEB, WebFiles, modules, text

PANELS = {  # of each lens, its parts: their ids, and their templates in `web/lenses/`
    "read": {"live": "read/live.html", "gallery": "read/gallery.html"},
    "inside": {"within": "inside/inside.html"},
    "learn": {"lesson": "learn/learn.html"},
    "report": {"judged": "report/report.html"},
}
START = """
const root = new URL(window.gradio_config.root, location).pathname.replace(/\\/$/, "");
import(`${root}/web/page.js`);
"""
TOO_OLD = "This page needs a newer browser, with JavaScript. 此页面需要较新的浏览器，并启用 JavaScript。"
WORDS_FOR_OLD_BROWSERS = f"""
<noscript><style>body::before {{ content: "{TOO_OLD}" }}</style></noscript>
<script>
addEventListener("load", () => "withResolvers" in Promise || document.body.prepend("{TOO_OLD}"));
</script>
"""
HEIGHT = 800  # pixels, of the frame below a notebook's cell
TITLES = {"convnet": "ConvNet", "net": "Net"}
LINKS = {
    "link_data": "https://huggingface.co/datasets/ylecun/mnist",
    "link_recipe": "https://arxiv.org/abs/1905.10498",
    "link_gradio": "https://www.gradio.app/",
    "link_api": "?view=api",
}


class Page(gr.Blocks):
    """The page, which brings its own looks and bounds to where it is launched."""

    def __init__(self, i18n: gr.I18n, yours: UserModels, origins: Collection[str] = ()) -> None:
        super().__init__(title="mnist-demo", analytics_enabled=False, fill_width=True)
        self.i18n, self.yours, self.origins = i18n, yours, origins
        self.settings: dict[str, Any] = {}
        self.functions: Functions = {}
        self.read: Any = None

    def launch(self, inline: bool | None = None, **options: Any) -> Any:  # type: ignore[override]  # options by name
        """Serves the page as `gr.Blocks.launch` does, which takes the same options and returns the same.

        That is until stopped, but in a notebook, where the page stands below the cell and the kernel goes on.
        """
        inline = ipython_check() if inline is None else inline
        host, root = options.get("server_name") or server_name(), options.get("root_path")
        with bounded_connections():
            return super().launch(inline=inline, **(launch_options(self, inline, host, root) | options))


def demo() -> Page:
    """The page with both shipped networks and the test set, to be launched: `demo().launch()`.

    Visitors may train as `MNIST_DEMO_TRAIN` says, or where the environment has it served to this machine alone.
    Raises ValueError or OSError, in one line, where weights or samples cannot be had.
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

    `trains`: whether users may train networks; `origins`: other sites that may use it; `options` are those of
    `gr.Blocks.launch`.
    """
    torch.set_num_threads(1)  # per call: many users share the processor
    page = build(classifiers, samples, trains, origins)
    page.launch(quiet=True, prevent_thread_lock=True, **options)
    announce()
    page.block_thread()


def launch_options(page: Page, inline: bool = False, host: str = HOST, root: str | None = None) -> dict[str, Any]:
    """Return the options of `gr.Blocks.launch` that set the page's looks and limits.

    `inline`: below a notebook's cell; `host`: the address to listen at; `root`: the page's public address, if known.
    """
    origins = {*page.origins, *public_origins(root)}

    def hosts() -> Collection[str] | None:
        return {host, *map(hostname, (*origins, page.share_url or ""))} if is_loopback(host) else None

    return {
        "height": HEIGHT,
        "theme": theme(),
        "head": head_links(),
        "i18n": page.i18n,
        "favicon_path": WEB / "favicon.png",
        "footer_links": ["api"],  # else Gradio shows no view of it; the page's own foot has the link
        "mcp_server": False,  # for `mcp` is that
        "run_history": False,
        "enable_monitoring": False,
        "ssr_mode": False,  # Node, in front, would answer for `/` without our headers and bounds, no sooner
        "num_workers": 0,  # Gradio's static workers would take uploads
        "max_file_size": MOST_PICTURE_FILE,
        "state_session_capacity": 1,  # nothing asks for one
        "app_kwargs": {
            "lifespan": outermost(lambda app: Origins(Assets(app), origins, hosts, behind_tls=inline)),
            "middleware": [
                Middleware(AllowList, frames=None if inline else FRAMES),  # notebooks are shown in frames of many hosts
                Middleware(BoundedBody),
                Middleware(Engine, page.read, page.functions),
                Middleware(WebFiles, page.settings),
                Middleware(WeightsFiles, page.yours),
                *for_programs(page),
                Middleware(Introduced, texts()["en"]["title"], texts()["en"]["description"]),
            ],
        },
    }


def build(
    classifiers: Mapping[str, Classifier], samples: Samples, trains: bool = False, origins: Collection[str] = ()
) -> Page:
    """Build the page for those networks, by name, in that order, and for user models if `trains`.

    `samples` (the test set) fill its gallery; `origins` are other sites that may use the page.
    """
    i18n, yours = translations(classifiers), UserModels(trains)
    gallery = open_gallery(samples, classifiers)
    networks = [network(name, classifier) for name, classifier in classifiers.items()]
    page = Page(i18n, yours, origins)
    page.settings = {
        "networks": networks,
        "lenses": list(PANELS),
        "isTrainingOn": trains,
        "recipes": learn.offered(classifiers),
        "limits": learn.LIMITS,
        "correction": learn.CORRECTION,
    }
    page.read = Reader(classifiers, yours).read
    page.functions = {
        **gallery_functions(gallery),
        **inside.functions(classifiers, yours),
        **learn.functions(samples, yours),
        **report.functions(classifiers, samples),
        **photo.functions(),
    }
    with page, gr.Column(elem_id="page"):
        gr.HTML(i18n("head"), elem_id="head")
        Sketchpad(elem_id="sketchpad", assets="web", css_template="", label=i18n("pad"))
        static("pen", "lenses/tabs.html", START)
        for name, parts in PANELS.items():
            with gr.Column(elem_id=name, elem_classes="lens"):
                for part, template in parts.items():
                    static(part, f"lenses/{template}", networks=networks, digits=list(range(10)))
        api.build(page, api.Endpoints(classifiers, gallery))
        gr.HTML(i18n("foot"), elem_id="foot")
        return page


def static(elem_id: str, template: str, script: str | None = None, **values: Any) -> gr.HTML:
    """Return a part of the page, from a template of `web/`."""
    return gr.HTML(elem_id=elem_id, html_template=text(template), js_on_load=script, apply_default_css=False, **values)


def head_links() -> str:
    """Return what stands in the page's head: style sheets, modules to load early, and words for old browsers."""
    styles = ["web/page.css", "web/pad/pad.css", *(f"web/lenses/{name}/{name}.css" for name in PANELS)]
    links = [f'<link rel="stylesheet" href="{style}">' for style in styles]
    links += [f'<link rel="modulepreload" href="{module}">' for module in modules()]
    return "\n".join([WORDS_FOR_OLD_BROWSERS, *links])


def theme() -> gr.themes.Base:
    """The page's ground, and fonts of the reader's own system, so that none is fetched."""
    sans = ["ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "PingFang SC", "Noto Sans SC", "sans-serif"]
    return gr.themes.Base(font=sans, font_mono=["ui-monospace", "monospace"]).set(
        body_background_fill="#f4f1ea", body_background_fill_dark="#131316"
    )


def network(name: str, classifier: Classifier) -> dict[str, str]:
    """What the page says of a network."""
    count = sum(parameter.numel() for parameter in classifier.model.parameters())
    return {"name": name, "title": TITLES.get(name, name), "parameters": f"{count:,}"}


def texts() -> dict[str, dict[str, str]]:
    """Every word of the page, by language."""
    return {code: json.loads(text(f"languages/{code}.json")) for code in ("en", "zh")}


def translations(classifiers: Mapping[str, Classifier]) -> gr.I18n:
    """What Gradio's own components say, in the languages of web/languages."""
    english, chinese = (
        {"pad": words["pad"], "head": head(words), "foot": foot(words, classifiers)}
        for words in (texts()["en"], texts()["zh"])
    )
    return gr.I18n(en=english, **{"zh-CN": chinese, "zh-TW": chinese})


def head(words: dict[str, str]) -> str:
    """The page's title and what it is."""
    return f"{said(words, 'h1', 'title')}{said(words, 'p', 'tagline')}"


def foot(words: dict[str, str], classifiers: Mapping[str, Classifier]) -> str:
    """The networks' figures, and where to read on."""
    figures = [f"{TITLES.get(name, name)} {100 * c.card.test_accuracy:.2f} %" for name, c in classifiers.items()]
    links = [said(words, "a", key, f' href="{url}" target="_blank" rel="noopener"') for key, url in LINKS.items()]
    return f"<p>{said(words, 'span', 'accuracy')}{' · '.join(figures)}</p><p>{' · '.join(links)}</p>"


def said(words: dict[str, str], tag: str, key: str, attributes: str = "") -> str:
    """An element of those words, marked so that texts.js can say them in a language that Gradio does not know of."""
    return f'<{tag} data-text="{key}"{attributes}>{words[key]}</{tag}>'
