"""The page as a folder that any web server can serve: the browser itself reads, and no Python runs.

The page is the one of `page`: the same templates, modules and settings, except that `isStatic` chooses the local
engine. Test digits lie in files of SHARD digits each; those that a network misreads, which the lens "Report" names, in
one of their own. Training digits lie in smaller files, of which a browser loads those with the digits that it found.
"""

import hashlib
import html
import io
import json
import re
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from mnist_demo import __version__
from mnist_demo.data.mnist import Samples
from mnist_demo.model.classifier import Classifier
from mnist_demo.model.nearest import Nearest
from mnist_demo.server.lenses.report import Found, Wanted
from mnist_demo.server.page import LINKS, PANELS, head_links, languages, network, settings_of, texts
from mnist_demo.server.web_files import WEB, text, weights_files

SHARD = 1000  # test digits in a file
TRAINING_SHARD = 100  # training digits in a file
MAX_UNITS = 64  # of a network whose features of the training digits are sent: 0.8 MB for Net, after deflation
ICONS = (192, 512)  # pixels, of an installed page
MARK = "version.json"  # the file by which a folder is known as such a site
NEEDS_A_SERVER = ("link_api",)
README = """---
title: {title}
emoji: ✍️
colorFrom: indigo
colorTo: yellow
sdk: static
app_file: index.html
pinned: false
license: mit
short_description: Two small networks read your digit while you draw it
---

# mnist-demo

{description} It runs in the browser alone. `python -m mnist_demo.site FOLDER` wrote this folder; do not edit it.
"""

EACH = re.compile(r"\{\{#each (?:\.\./)?(\w+)\}\}((?:(?!\{\{#each).)*?)\{\{/each\}\}", re.DOTALL)  # with no other in it
NAME = re.compile(r"\{\{(\w+)\}\}")

Files = dict[str, bytes]


def site(classifiers: Mapping[str, Classifier], samples: Samples, training: Samples) -> Files:
    """Return the content of the folder by path. `samples` are the test set, `training` the training set."""
    words = texts()["en"]
    shards, others = shards_of(samples), known_digits(Found(classifiers, samples))
    shards |= comparable(classifiers, training)
    files = web_files(classifiers) | others
    worker = files.pop("web/site/sw.js")
    files["index.html"] = index(classifiers, words).encode()
    files["README.md"] = README.format_map(words).encode()
    files["manifest.webmanifest"] = json_bytes(manifest(words))
    files |= {f"icon-{side}.png": icon(side) for side in ICONS}
    version = version_of(files | shards | {"sw.js": worker})
    first = next(iter(shards))
    kept = ["./", *(name for name in [*files, first] if name not in ("index.html", "README.md"))]
    about = json.dumps({"version": version, "files": kept})
    files["sw.js"] = f"const SITE = {about};\n".encode() + worker
    return files | shards | {MARK: json_bytes({"mnist-demo": __version__, "version": version})}


def web_files(classifiers: Mapping[str, Classifier]) -> Files:
    """Return what the browser loads below `web/`: modules, styles, words, settings and weights."""
    sources = sorted(path for path in WEB.rglob("*") if path.is_file() and path.suffix != ".html")
    files = {f"web/{path.relative_to(WEB).as_posix()}": path.read_bytes() for path in sources}
    weights = weights_files(classifiers)
    own = {"isStatic": True, "nearest": narrow(classifiers)}
    files["web/settings.json"] = json_bytes(settings_of(classifiers, weights, trains=False) | own)
    return files | {f"web/{file.name}": file.content for file in weights.values()}


def shards_of(samples: Samples) -> Files:
    """Return the pixels of the test digits, SHARD to a file."""
    images = samples.images.numpy()
    return {
        f"web/site/samples-{number}.bin": images[number * SHARD : (number + 1) * SHARD].tobytes()
        for number in range(-(-len(images) // SHARD))
    }


def comparable(classifiers: Mapping[str, Classifier], training: Samples) -> Files:
    """Return the pixels of the training digits, and what narrow networks make of them, all deflated."""
    features = {f"nearest-{name}": Nearest.load(classifiers[name].model).packed() for name in narrow(classifiers)}
    images = training.images.numpy()
    for number, start in enumerate(range(0, len(images), TRAINING_SHARD)):
        features[f"training-{number}"] = images[start : start + TRAINING_SHARD].tobytes()
    return {f"web/site/{name}.bin": zlib.compress(content) for name, content in features.items()}


def narrow(classifiers: Mapping[str, Classifier]) -> list[str]:
    """Return the names of the networks that have few hidden units."""
    return [name for name, one in classifiers.items() if 0 < network(name, one)["hidden"] <= MAX_UNITS]


def known_digits(found: Found) -> Files:
    """Return the metrics, what is known of each test digit, and the pixels of those that a network misreads."""
    labels = found.labels
    misread = {name: np.flatnonzero(answers != labels) for name, answers in found.answers.items()}
    hard = np.unique(np.concatenate(list(misread.values())))
    index: dict[str, Any] = {
        "labels": "".join(map(str, labels.tolist())),
        "shard": SHARD,
        "training_shard": TRAINING_SHARD,
        "hard": hard.tolist(),
        "misread": {name: [[int(at), int(found.answers[name][at])] for at in misread[name]] for name in misread},
        "alone": {name: found.right_alone(name).tolist() for name in misread},
        "worst": {name: found.indices(Wanted(network=name, worst=True)).tolist() for name in misread},
        "votes": found.votes,
    }
    return {
        "web/site/report.json": json_bytes(found.judged()),
        "web/site/samples.json": json_bytes(index),
        "web/site/hard.bin": found.samples.images.numpy()[hard].tobytes(),
    }


def index(classifiers: Mapping[str, Classifier], words: dict[str, str]) -> str:
    """Return the page's HTML, with the elements that Gradio would make around its parts."""
    values = {
        "networks": [network(name, classifier) for name, classifier in classifiers.items()],
        "digits": list(range(10)),
        "languages": languages(),
        "links": [{"name": name, "url": url} for name, url in LINKS.items() if name not in NEEDS_A_SERVER],
    }
    above = {"head": "head.html", "sketchpad": "pad/pad.html", "pen": "lenses/tabs.html"}
    parts = [part(elem_id, filled(text(file), values)) for elem_id, file in above.items()]
    for name, templates in PANELS.items():
        inner = (part(elem_id, filled(text(f"lenses/{file}"), values)) for elem_id, file in templates.items())
        parts.append(f'<div id="{name}" class="column lens">\n{"".join(inner)}</div>\n')
    parts.append(part("foot", filled(text("foot.html"), values)))
    page = {name: html.escape(words[name]) for name in ("title", "description")}
    return named(text("site/index.html"), page | {"links": head_links(), "parts": "".join(parts)})


def part(elem_id: str, content: str) -> str:
    """Return a part of the page as Gradio wraps it."""
    return f'<div id="{elem_id}" class="block"><div class="html-container"><div>\n{content}</div></div></div>\n'


def filled(template: str, values: Mapping[str, Any]) -> str:
    """Return a template of `web/` with its values, which Gradio fills in by Handlebars.

    It may hold {{name}}, and {{#each name}} ... {{/each}} of a list, also within another; there, {{this}} is the
    element and {{name}} one of its values.
    """
    while found := EACH.search(template):
        name, content = found.groups()
        rows = (one if isinstance(one, Mapping) else {"this": one} for one in values[name])
        template = template[: found.start()] + "".join(named(content, row) for row in rows) + template[found.end() :]
    return named(template, values)


def named(content: str, values: Mapping[str, Any]) -> str:
    """Return the content with those values in place of their {{names}}."""
    return NAME.sub(lambda name: str(values.get(name[1], name[0])), content)


def manifest(words: Mapping[str, str]) -> dict[str, Any]:
    """Return what a browser needs to install the page."""
    icons = [{"src": f"icon-{side}.png", "sizes": f"{side}x{side}", "type": "image/png"} for side in ICONS]
    colours = {"background_color": "#f4f1ea", "theme_color": "#f4f1ea"}
    return {"name": words["title"], "start_url": "./", "scope": "./", "display": "standalone", "icons": icons} | colours


def icon(side: int) -> bytes:
    """Return the favicon, enlarged, as a PNG."""
    content = io.BytesIO()
    Image.open(WEB / "favicon.png").convert("RGBA").resize((side, side)).save(content, "PNG")
    return content.getvalue()


def version_of(files: Files) -> str:
    """Return the hexadecimal digits by which a browser knows whether the site has changed."""
    summed = hashlib.sha256()
    for name, content in sorted(files.items()):
        summed.update(f"{name} {len(content)} ".encode() + content)
    return summed.hexdigest()[:16]


def json_bytes(content: Any) -> bytes:
    """Return compact JSON."""
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
