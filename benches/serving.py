#!/usr/bin/env python3
"""Measures how many requests a second `tallymark serve` answers beside Debian's nginx, with the same page, and prints one table.

It needs Python's standard library, nginx and wrk; where these are missing and it may install Debian's, it says so and does, else it
passes the measurement over. It ends by their ids the servers that it starts, and removes the folder that it makes.
"""
import argparse
import contextlib
import datetime
import gzip
import http.client
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
# What is asked of the product: so many times the requests of nginx, and no worse 99th percentile.
WANTED = 1.1
CONNECTIONS = (64, 256)
ROUNDS, SECONDS, WARM_UP = 9, 3, 1
# A round in which processes had to wait for a core longer than this part of it says more of other work, and is made again;
# no more rounds than this are made in all.
BUSY, MOST_ROUNDS = 0.05, 27
# How large the page is, within how much, and where it is.
PAGE_BYTES, PAGE_MARGIN, PAGE = 20_000, 500, "/page/"
# How long a server may take to answer first, and one command in all, in seconds.
START_LIMIT, COMMAND_LIMIT = 30, 300
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
ASKED = {"User-Agent": AGENT, "Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Language": "en", "Accept-Encoding": "gzip"}

NGINX = """{user}daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    open_file_cache max=1000 inactive=60s;
    open_file_cache_valid 60s;
    open_file_cache_min_uses 1;
    gzip_static on;
    gzip_vary on;
    types {{ text/html html; }}
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{port}; root {root}; index index.html; }}
}}
"""


class Broken(Exception):
    """The measurement cannot be made; the text says why."""


def say(text):
    print(f"==> {text}", file=sys.stderr, flush=True)


# What is needed


def find_programs():
    """Whether nginx and wrk are here, installed from Debian if that can be done."""
    # Debian keeps servers where only root looks for programs.
    os.environ["PATH"] += os.pathsep + "/usr/sbin"
    missing = [name for name in ("nginx", "wrk", "taskset") if not shutil.which(name)]
    if not missing:
        return True
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        say(f"Serving is passed over: {', '.join(missing)} missing, and only root can install Debian's")
        return False
    packages = ["util-linux" if name == "taskset" else name for name in missing]
    say(f"Installing {', '.join(packages)} with apt-get")
    # The service that comes with the package is not ours to start.
    policy = pathlib.Path("/usr/sbin/policy-rc.d")
    quiet = {"stdout": subprocess.DEVNULL, "timeout": COMMAND_LIMIT, "env": os.environ | {"DEBIAN_FRONTEND": "noninteractive"}}
    with contextlib.ExitStack() as stack:
        if not policy.exists():
            policy.write_text("#!/bin/sh\nexit 101\n")
            policy.chmod(0o755)
            stack.callback(policy.unlink)
        try:
            for command in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
                subprocess.run(["apt-get", "-qq", *command], check=True, **quiet)
        except (OSError, subprocess.SubprocessError) as failure:
            say(f"Serving is passed over, because {', '.join(packages)} cannot be had: {failure}")
            return False
    return True


def cores():
    """The core of the servers, and that of the load; both servers get the same one."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        raise Broken("serving needs two cores, one for the server and one for the load")
    return usable[0], usable[1]


# The page


def prose():
    """Paragraphs of this repository's own Markdown, without what could become a problem of the site that they are put in."""
    for path in sorted((ROOT / "content").rglob("*.md")):
        text = re.sub(r"\A(---|\+\+\+)\n.*?\n\1\n", "", path.read_text(encoding="utf-8"), flags=re.S)
        for paragraph in re.split(r"\n{2,}", re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M)):
            if paragraph and paragraph[0].isalpha() and "{" not in paragraph:
                yield re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", paragraph)


def make_site(args, folder):
    """A site whose page has the wanted length once it is built, and the page."""
    site = folder / "site"
    (site / "content").mkdir(parents=True)
    (site / "tallymark.toml").write_text('base_url = "https://example.org"\ntitle = "Benchmark"\n')
    words = " \n\n ".join(prose()).split(" ")
    output, count = site / "public" / "page" / "index.html", len(words)
    low, high = 0, len(words)
    while low < high:
        count = (low + high) // 2
        text = " ".join(words[:count])
        (site / "content" / "page.md").write_text(f"---\ntitle: A page\n---\n\n{text}\n", encoding="utf-8")
        command = [args.product, "--root", site, "-q", "build"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=COMMAND_LIMIT)
        page = output.read_bytes()
        if abs(len(page) - PAGE_BYTES) <= PAGE_MARGIN:
            return site, page
        low, high = (count + 1, high) if len(page) < PAGE_BYTES else (low, count)
    raise Broken(f"no page of {PAGE_BYTES} bytes can be made of this repository's Markdown")


# Servers


def end(process):
    """Ends a process that was started here, and waits until it is gone."""
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Server:
    """A server on one core; ended when the block is left."""

    def __init__(self, name, core, command, log):
        self.name, self.log = name, log
        self.command = ["taskset", "-c", str(core), *map(str, command)]

    def __enter__(self):
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def __exit__(self, *_):
        end(self.process)

    def ask(self, port):
        """Status, coding, body as sent, and bytes in all, of the page as a browser asks for it."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        with contextlib.closing(connection):
            connection.request("GET", PAGE, headers=ASKED)
            answer = connection.getresponse()
            body = answer.read()
            head = sum(len(name) + len(value) + 4 for name, value in answer.getheaders()) + len("HTTP/1.1 200 OK\r\n\r\n")
            return answer.status, answer.getheader("Content-Encoding"), body, head + len(body)

    def wait_for(self, port):
        """The first answer, once there is one."""
        until = time.monotonic() + START_LIMIT
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise Broken(f"{self.name} has ended: {self.log.read_text(errors='replace')[-2000:]}")
            with contextlib.suppress(OSError):
                return self.ask(port)
            time.sleep(0.02)
        raise Broken(f"{self.name} has not answered within {START_LIMIT} s")

    def processor_time(self):
        """Seconds of processor time that the server and what it has started have taken so far."""
        ids = [self.process.pid]
        with contextlib.suppress(OSError):
            ids += pathlib.Path(f"/proc/{ids[0]}/task/{ids[0]}/children").read_text().split()
        fields = [pathlib.Path(f"/proc/{each}/stat").read_text().rsplit(")", 1)[1].split() for each in ids]
        return sum(int(each[11]) + int(each[12]) for each in fields) / os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def product(args, folder, site, core):
    port = free_port()
    command = [args.product, "--root", site, "-q", "serve", "--port", port, "--state", folder / "state"]
    return Server("tallymark", core, command, folder / "tallymark.log"), port


def nginx(folder, site, core):
    port = free_port()
    user = "user root;\n" if os.geteuid() == 0 else ""
    settings = folder / "nginx.conf"
    settings.write_text(NGINX.format(user=user, folder=folder, port=port, root=site / "public"))
    command = ["nginx", "-c", settings, "-p", folder, "-e", folder / "nginx.log"]
    return Server("nginx", core, command, folder / "nginx.log"), port


def check_same(page, answers):
    """That both send the same page, with gzip; what each sends in all."""
    for name, (status, coding, body, _) in answers.items():
        if status != 200 or coding != "gzip":
            raise Broken(f"{name} answers {status} with the coding {coding}")
        if gzip.decompress(body) != page:
            raise Broken(f"{name} sends another page")
    lengths = [len(body) for _, _, body, _ in answers.values()]
    if max(lengths) > 1.05 * min(lengths):
        raise Broken(f"the compressed pages differ in length: {lengths}")
    return {name: total for name, (_, _, _, total) in answers.items()}


# Load


class Load:
    """What one round of requests has shown; times in milliseconds, processor time in microseconds a request."""

    def __init__(self, text, processor):
        if "Non-2xx" in text or "Socket errors" in text:
            raise Broken(f"requests have failed:\n{text}")
        self.rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])
        self.median, self.worst = (milliseconds(text, percentile) for percentile in (50, 99))
        self.processor = processor / int(re.search(r"(\d+) requests in", text)[1]) * 1_000_000


def milliseconds(text, percentile):
    number, unit = re.search(rf"\s{percentile}%\s+([\d.]+)(us|ms|s)\b", text).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def load(server, port, connections, core, seconds):
    headers = [part for name, value in ASKED.items() for part in ("-H", f"{name}: {value}")]
    command = ["taskset", "-c", core, "wrk", "-t", 1, "-c", connections, "-d", f"{seconds}s", "--latency", *headers]
    before = server.processor_time()
    command = [*map(str, command), f"http://127.0.0.1:{port}{PAGE}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 60)
    return Load(done.stdout, server.processor_time() - before)


def waited():
    """Seconds for which some process of this machine has waited for a core so far; none if the kernel does not say."""
    with contextlib.suppress(OSError):
        return int(re.search(r"some .*total=(\d+)", pathlib.Path("/proc/pressure/cpu").read_text())[1]) / 1_000_000


def one_round(servers, connections, core):
    """What each server has shown, one right after the other, and which part of the time others wanted a core."""
    before, began = waited(), time.monotonic()
    loads = {server.name: load(server, port, connections, core, SECONDS) for server, port in servers}
    return loads, 0 if before is None else (waited() - before) / (time.monotonic() - began)


def measure(servers, core):
    """The rounds of each server for each number of connections, the servers in turn; and for which others wanted a core."""
    results, disturbed = {}, set()
    for connections in CONNECTIONS:
        say(f"{connections} connections: {ROUNDS} rounds of {SECONDS} s for each server")
        for server, port in servers:
            load(server, port, connections, core, WARM_UP)
        # Who is first changes from round to round, so that what happens meanwhile meets both alike.
        made = [one_round(servers[:: 1 if turn % 2 else -1], connections, core) for turn in range(ROUNDS)]
        while sum(busy <= BUSY for _, busy in made) < ROUNDS and len(made) < MOST_ROUNDS:
            made.append(one_round(servers[:: 1 if len(made) % 2 else -1], connections, core))
        made.sort(key=lambda one: one[1])
        if len(made) > ROUNDS:
            say(f"{len(made)} rounds were made, because others wanted a core; the quietest are kept, up to {made[ROUNDS - 1][1]:.0%} busy")
        if made[ROUNDS - 1][1] > BUSY:
            disturbed.add(connections)
        for loads, _ in made[:ROUNDS]:
            for name in ("nginx", "tallymark"):
                results.setdefault((connections, name), []).append(loads[name])
    return results, disturbed


# What is told


def median(rounds, field):
    return statistics.median(getattr(each, field) for each in rounds)


def rows(results, disturbed, totals):
    for (connections, name), rounds in results.items():
        other = results[connections, "nginx"]
        ratio = statistics.median(one.rate / two.rate for one, two in zip(rounds, other))
        worst = median(rounds, "worst")
        holds = "yes" if ratio >= WANTED and worst <= median(other, "worst") else "no"
        if rounds is other:
            holds = ""
        elif connections in disturbed:
            holds += ", disturbed"
        yield [
            f"{name}, {connections}",
            f"{median(rounds, 'rate'):,.0f}",
            f"{ratio:.2f}",
            f"{median(rounds, 'median'):.2f} ms",
            f"{worst:.2f} ms",
            f"{median(rounds, 'processor'):.1f} µs",
            f"{totals[name]:,}",
            holds,
        ]


def ratios(results):
    """For each number of connections, how many times nginx's requests a second and 99th percentile the product's are."""
    kept = {}
    for connections in CONNECTIONS:
        own, other = results[connections, "tallymark"], results[connections, "nginx"]
        requests = statistics.median(one.rate / two.rate for one, two in zip(own, other))
        kept[connections] = (requests, median(own, "worst") / median(other, "worst"))
    return kept


def print_table(head, rows):
    """Prints rows as a Markdown table whose columns are as wide as they must be."""
    rows = list(rows)
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    for line in [head, ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])], *rows]:
        cells = [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:]))]
        print(f"| {' | '.join(cells)} |")


def version():
    told = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=True, timeout=30).stderr
    return told.strip().rsplit("/", 1)[-1]


def compare(product_path, work):
    """The rounds of each server and number of connections, those that other work disturbed, and what is told of all."""
    args = argparse.Namespace(product=product_path, work=work)
    server_core, load_core = cores()
    memory = pathlib.Path("/dev/shm")
    parent = memory if os.access(memory, os.W_OK) else args.work
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tallymark-serving-", dir=parent)))
        site, page = make_site(args, folder)
        servers = [product(args, folder, site, server_core), nginx(folder, site, server_core)]
        stack.enter_context(servers[0][0])
        # The product builds the site again as it starts, so nginx gets its compressed page afterwards.
        servers[0][0].wait_for(servers[0][1])
        (site / "public" / "page" / "index.html.gz").write_bytes(gzip.compress(page, 6))
        stack.enter_context(servers[1][0])
        totals = check_same(page, {server.name: server.wait_for(port) for server, port in servers})
        results, disturbed = measure(servers, load_core)
    print(f"{datetime.date.today()}, nginx {version()}. A page of {len(page):,} bytes; servers on one core, load on another.\n")
    head = ["server, connections", "requests/s", "by nginx's", "p50", "p99", "processor", "bytes sent", "holds"]
    print_table(head, rows(results, disturbed, totals))
    print()
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--product", "--work"):
        parser.add_argument(name, type=pathlib.Path, required=True)
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if find_programs():
        compare(args.product, args.work)


if __name__ == "__main__":
    try:
        main()
    except Broken as reason:
        sys.exit(f"scripts/bench: {reason}")
