#!/usr/bin/env python3
"""Uses an instrumented `tallymark` as writers and readers do, so that the compiler learns which of its paths are hot.

It needs Python's standard library alone, talks to loopback only, sends counted requests, ends by its id the server that it starts,
and removes the folder that it makes. What is built and read is made of this repository's Markdown and nothing else.
"""
import argparse
import contextlib
import http.client
import itertools
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

import corpus
import ingest
import serving
from serving import Broken

POSTS = 1_000
CONNECTIONS = 64
# So many requests of each kind. With ten times as many, a build gains 6 per cent instead of 8 to 10, as less of it is among
# what is done most; and views on disk gain nothing, because a server waits for the network and the disk.
VIEWS, PAGES, QUESTIONS = 12_000, 6_000, 60
SEED = 1

WIDTHS = (320, 390, 768, 1024, 1440, 1920)
ZONES = ("Europe/Oslo", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Asia/Kolkata")
REFERRERS = ("", "", "", "https://news.example/item?id=1", "https://search.example/", "https://other.example/links/")
EVENT = {**serving.ASKED, "Accept": "*/*", "Content-Type": "text/plain;charset=UTF-8", "Sec-Fetch-Site": "same-origin"}


# Writers


def build(product, site):
    """Builds with code as it is and highlighted, each from nothing and then again with nothing changed."""
    for settings in corpus.HIGHLIGHT:
        command = [product, "--root", site, "--config", site / f"{settings}.toml", "-q", "build", "--force", "--output", site / settings]
        for each in (command, [part for part in command if part != "--force"]):
            subprocess.run([*map(str, each)], check=True, stdout=subprocess.DEVNULL, timeout=corpus.LIMIT)


# Readers


def view(paths):
    """A page that was opened, as the script in it tells."""
    event = {
        "type": "view",
        "view": f"{random.getrandbits(64):016x}",
        "visitor": identifier(),
        "path": random.choice(paths),
        "referrer": random.choice(REFERRERS),
        "width": random.choice(WIDTHS) // 100,
        "zone": random.choice(ZONES),
    }
    return "POST", "/_/event", json.dumps(event, separators=(",", ":")), EVENT


def identifier():
    """A random UUID (RFC 9562, version 4), of the generator whose seed is told."""
    digits = f"{random.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def read(paths):
    return "GET", random.choice(paths), None, serving.ASKED


def questions():
    """What the dashboard asks."""
    for path in ("/stats/", "/_/stats.json", "/_/stats.json?period=7d"):
        yield "GET", path, None, serving.ASKED


def converse(port, requests):
    """Sends the requests over connections that stay open, one on each at a time; what is not answered well ends the training."""
    with contextlib.ExitStack() as stack:
        connections = [http.client.HTTPConnection("127.0.0.1", port, timeout=serving.START_LIMIT) for _ in range(CONNECTIONS)]
        for each in connections:
            stack.enter_context(contextlib.closing(each))
        while batch := list(zip(connections, itertools.islice(requests, CONNECTIONS))):
            for connection, (method, path, body, headers) in batch:
                connection.request(method, path, body, headers)
            for connection, (method, path, *_) in batch:
                answer = connection.getresponse()
                answer.read()
                if answer.status not in (200, 202):
                    raise Broken(f"{method} {path} is answered with {answer.status}")


def serve(args, folder):
    """Hosts a site, sends views, opens its pages and looks at its statistics."""
    site, listed = ingest.make_site(args, folder)
    paths = listed.read_text().split()
    target = ingest.product(args, "tallymark", folder, site, min(os.sched_getaffinity(0)))
    with target.server:
        target.wait()
        converse(target.port, (view(paths) for _ in range(VIEWS)))
        converse(target.port, (read(paths) for _ in range(PAGES)))
        converse(target.port, itertools.islice(itertools.cycle(questions()), QUESTIONS))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--product", type=pathlib.Path, required=True)
    args = parser.parse_args()
    random.seed(SEED)
    memory = pathlib.Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="tallymark-training-", dir=memory if os.access(memory, os.W_OK) else None) as folder:
        folder = pathlib.Path(folder)
        build(args.product, corpus.make_site(folder / "posts", POSTS))
        (folder / "hosted").mkdir()
        serve(args, folder / "hosted")


if __name__ == "__main__":
    try:
        main()
    except Broken as reason:
        sys.exit(f"scripts/release: {reason}")
