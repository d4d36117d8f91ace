"""Sites to measure and to train with: their posts, and two files of settings."""
import contextlib
import datetime
import hashlib
import json
import re
import subprocess

from serving import ROOT, Broken

SETTINGS = 'base_url = "https://example.org"\ntitle = "Benchmark"\n\n[markdown]\nhighlight = '
# What `[markdown] highlight` is in the file of this name.
HIGHLIGHT = {"plain": "false", "highlighted": "true"}
# How long the largest site may take to be made, in seconds.
LIMIT = 600


def own_posts(site, count):
    """A site of `count` posts made of the Markdown of this repository, where no other is at hand."""
    bodies = list(own_bodies())
    if not bodies:
        raise Broken("there is no Markdown in content/ and tests/")
    posts = site / "content" / "blog"
    posts.mkdir(parents=True)
    newest = datetime.date(2026, 1, 1)
    for number in range(count):
        tags = sorted({f"tag-{byte % 10}" for byte in hashlib.sha256(str(number).encode()).digest()[:3]})
        date = newest - datetime.timedelta(days=number * 3650 // count)
        matter = f'title: "Post {number}"\ndate: {date}\nslug: post-{number}\ntags: {json.dumps(tags)}\n'
        body = bodies[number % len(bodies)]
        (posts / f"post-{number}.md").write_text(f"---\n{matter}---\n\n{body}\n", encoding="utf-8")


def own_bodies():
    """The texts of this repository's Markdown that are long enough for a post, without what a template would read."""
    for path in sorted([*(ROOT / "content").rglob("*.md"), *(ROOT / "tests").rglob("*.md")]):
        if "node_modules" in path.parts:
            continue
        with contextlib.suppress(UnicodeDecodeError):
            text = re.sub(r"\A(---|\+\+\+)\n.*?\n\1\n", "", path.read_text(encoding="utf-8"), flags=re.S)
            text = re.sub(r"\{(?=[{%#])", "{ ", text).strip()
            if len(text) > 200:
                yield text


def make_site(site, count, maker=None):
    """A site of `count` posts; `maker` is the command that makes them, if another than this file is to."""
    if maker:
        command = [*map(str, maker), str(site), str(count)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=LIMIT)
    else:
        own_posts(site, count)
    for name, highlight in HIGHLIGHT.items():
        (site / f"{name}.toml").write_text(f"{SETTINGS}{highlight}\n")
    return site
