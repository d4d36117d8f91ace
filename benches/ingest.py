#!/usr/bin/env python3
"""Measures how many views a second `tallymark serve` answers as durable beside Debian's nginx
that only says 202, and prints one table.

It needs Python's standard library, nginx and wrk; where these are missing and it may install Debian's, it says so and does, else it
passes the measurement over. It ends by their ids the servers that it starts, and removes the folders that it makes.
"""
import argparse
import contextlib
import datetime
import http.client
import json
import os
import pathlib
import random
import re
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import serving
from serving import Broken, median, say

# What is asked of the product, by connections: so many times the requests of nginx, which stores nothing.
WANTED = {64: 0.30, 256: 0.50}
ROUNDS = 5
PAGES = 40
# So many who look at the dashboard meanwhile may cost a tenth of it.
DASHBOARDS, WANTED_WATCHED = 500, 0.90
SCRIPT = pathlib.Path(__file__).resolve().parent / "ingest.lua"
# How often the disk is asked to keep a page of so many bytes.
SYNCS, SYNC_BYTES = 200, 4096

NGINX = """{user}daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{ listen 127.0.0.1:{port}; location / {{ return 202; }} }}
}}
"""


class Target:
    """A server that is sent views, and how many it has answered."""

    def __init__(self, name, server, port):
        self.name, self.server, self.port, self.answered, self.cut_off = name, server, port, 0, 0

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def wait(self):
        until = time.monotonic() + serving.START_LIMIT
        while time.monotonic() < until:
            if self.server.process.poll() is not None:
                raise Broken(f"{self.name} has ended: {self.server.log.read_text(errors='replace')[-2000:]}")
            with contextlib.suppress(OSError):
                return self.get("/")
            time.sleep(0.02)
        raise Broken(f"{self.name} has not answered within {serving.START_LIMIT} s")

    def load(self, connections, core, seconds, paths):
        """Sends views, each as soon as the one before it on the same connection is answered."""
        command = ["taskset", "-c", core, "wrk", "-t", 1, "-c", connections, "-d", f"{seconds}s", "--latency", "-s", SCRIPT]
        command += [f"http://127.0.0.1:{self.port}/_/event", "--", random.randrange(1 << 30), paths]
        before = self.server.processor_time()
        done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=True, timeout=seconds + 60)
        load = serving.Load(done.stdout, self.server.processor_time() - before)
        self.answered += int(re.search(r"(\d+) requests in", done.stdout)[1])
        # Each connection may have sent one more, whose answer was not waited for.
        self.cut_off += connections
        return load

    def verify(self):
        """That what was answered was counted, and nothing else but what was under way as the load was taken away."""
        time.sleep(0.5)
        counted = json.loads(self.get("/_/stats.json")[1])["totalPageViews"]
        if not self.answered <= counted <= self.answered + self.cut_off:
            raise Broken(f"{self.name} counted {counted:,} views where {self.answered:,} were answered")
        return counted


class Dashboards:
    """Many open dashboards, which take what they are told on the core of the load."""

    def __init__(self, target, core):
        self.target, self.core, self.bytes, self.end = target, core, 0, threading.Event()

    def __enter__(self):
        self.reader = threading.Thread(target=self.read)
        self.sockets = [socket.create_connection(("127.0.0.1", self.target.port), timeout=30) for _ in range(DASHBOARDS)]
        for each in self.sockets:
            each.sendall(b"GET /_/stats/live HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
            if b" 200 " not in each.recv(4096):
                raise Broken(f"{self.target.name} opens no dashboard")
            each.setblocking(False)
        self.reader.start()
        return self

    def read(self):
        os.sched_setaffinity(0, {int(self.core)})
        with selectors.DefaultSelector() as selector:
            for each in self.sockets:
                selector.register(each, selectors.EVENT_READ)
            while not self.end.is_set():
                for key, _ in selector.select(timeout=0.1):
                    self.bytes += len(key.fileobj.recv(1 << 16))

    def __exit__(self, *_):
        self.end.set()
        self.reader.join()
        for each in self.sockets:
            each.close()


# What is measured


def make_site(args, folder):
    """A site of some posts, and the file that names the paths of them."""
    site = folder / "site"
    (site / "content").mkdir(parents=True)
    (site / "tallymark.toml").write_text('base_url = "https://example.org"\ntitle = "Benchmark"\n')
    bodies = list(serving.prose())
    for number in range(PAGES):
        text = "\n\n".join(bodies[number % len(bodies) :][:5])
        (site / "content" / f"post-{number}.md").write_text(f"---\ntitle: Post {number}\n---\n\n{text}\n", encoding="utf-8")
    command = [args.product, "--root", site, "-q", "build"]
    subprocess.run([*map(str, command)], check=True, stdout=subprocess.DEVNULL, timeout=serving.COMMAND_LIMIT)
    paths = folder / "paths"
    pages = [page for page in sorted((site / "public").glob("post-*/index.html"))]
    if len(pages) != PAGES:
        raise Broken(f"the site has {len(pages)} posts instead of {PAGES}")
    paths.write_text("".join(f"/{page.parent.name}/\n" for page in pages))
    return site, paths


def product(args, name, folder, site, core):
    port = serving.free_port()
    log = folder / f"{name}.log"
    command = [args.product, "--root", site, "-q", "serve", "--port", port, "--state", folder / "state"]
    return Target(name, serving.Server(name, core, command, log), port)


def nginx(folder, core):
    port = serving.free_port()
    user = "user root;\n" if os.geteuid() == 0 else ""
    settings = folder / "nginx.conf"
    settings.write_text(NGINX.format(user=user, folder=folder, port=port))
    command = ["nginx", "-c", settings, "-p", folder, "-e", folder / "nginx.log"]
    return Target("nginx", serving.Server("nginx", core, command, folder / "nginx.log"), port)


def sync_time(folder):
    """Milliseconds, in the median, until a page that was written to a file of some length is durable."""
    path, times = folder / "sync", []
    with open(path, "wb+", buffering=0) as file:
        file.write(bytes(64 * SYNC_BYTES))
        os.fsync(file.fileno())
        for turn in range(SYNCS):
            file.seek(turn % 64 * SYNC_BYTES)
            file.write(os.urandom(SYNC_BYTES))
            began = time.monotonic()
            os.fdatasync(file.fileno())
            times.append(time.monotonic() - began)
    path.unlink()
    return statistics.median(times) * 1000


def measure(targets, core, paths, rounds):
    """The rounds of each target for each number of connections, the targets in turn."""
    results = {}
    for connections in WANTED:
        say(f"{connections} connections: {rounds} rounds of {serving.SECONDS} s for each server")
        for each in targets:
            each.load(connections, core, serving.WARM_UP, paths)
        for turn in range(rounds):
            # Who is first changes from round to round, so that what happens meanwhile meets all alike.
            for each in targets[:: 1 if turn % 2 else -1]:
                results.setdefault((connections, each.name), []).append(each.load(connections, core, serving.SECONDS, paths))
    return results


def watch(target, core, paths, rounds):
    """How many times the views a second of before are answered while dashboards are open, and the bytes that these were told."""
    say(f"{DASHBOARDS} open dashboards: {rounds} rounds of {serving.SECONDS} s with and without them")
    connections, ratios, told = max(WANTED), [], 0
    for _ in range(rounds):
        alone = target.load(connections, core, serving.SECONDS, paths)
        with Dashboards(target, core) as dashboards:
            watched = target.load(connections, core, serving.SECONDS, paths)
        ratios.append(watched.rate / alone.rate)
        told += dashboards.bytes
    return statistics.median(ratios), told


# What is told


def ratio(results, connections, name):
    """How many times nginx's requests a second; the median of the rounds."""
    pairs = zip(results[connections, name], results[connections, "nginx"])
    return statistics.median(one.rate / two.rate for one, two in pairs)


def rows(results):
    for (connections, name), rounds in sorted(results.items()):
        by = ratio(results, connections, name)
        holds = "" if name == "nginx" else "yes" if by >= WANTED[connections] else "no"
        yield [
            f"{name}, {connections}",
            f"{median(rounds, 'rate'):,.0f}",
            f"{by:.2f}",
            f"{median(rounds, 'median'):.2f} ms",
            f"{median(rounds, 'worst'):.2f} ms",
            f"{median(rounds, 'processor'):.1f} µs",
            holds,
        ]


DISK, MEMORY = "tallymark on disk", "tallymark on tmpfs"


def compare(product_path, work, rounds=ROUNDS):
    """The rounds of each server and number of connections."""
    args = argparse.Namespace(product=product_path, work=work.resolve())
    server_core, load_core = serving.cores()
    memory = pathlib.Path("/dev/shm")
    has_memory = os.access(memory, os.W_OK)
    with contextlib.ExitStack() as stack:
        place = lambda parent: pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tallymark-ingest-", dir=parent)))
        disk = place(args.work)
        site, paths = make_site(args, disk)
        targets = [nginx(disk, server_core), product(args, DISK, disk, site, server_core)]
        if has_memory:
            targets.append(product(args, MEMORY, place(memory), site, server_core))
        for each in targets:
            stack.enter_context(each.server)
            each.wait()
        sync = sync_time(disk)
        results = measure(targets, load_core, paths, rounds)
        by, told = watch(targets[-1], load_core, paths, rounds)
        counts = [(each, each.verify()) for each in targets if each.name != "nginx"]
    print(f"{datetime.date.today()}, nginx {serving.version()}. Servers on one core, load on another; the disk keeps a page in {sync:.2f} ms.\n")
    head = ["server, connections", "views/s", "by nginx's", "p50", "p99", "processor", "holds"]
    serving.print_table(head, rows(results))
    print()
    for each, counted in counts:
        print(f"{each.name}: {each.answered:,} were answered with 202, {counted:,} are counted; {counted - each.answered} were under way as the load ended.")
    holds = "holds" if by >= WANTED_WATCHED else "does not hold"
    print(f"{targets[-1].name}, {max(WANTED)} connections: {by:.2f} times the views/s with {DASHBOARDS} open dashboards; they were told {told >> 20} MiB; {holds}.\n")
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--product", "--work"):
        parser.add_argument(name, type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if serving.find_programs():
        compare(args.product, args.work, args.rounds)


if __name__ == "__main__":
    try:
        main()
    except Broken as reason:
        sys.exit(f"scripts/bench: {reason}")
