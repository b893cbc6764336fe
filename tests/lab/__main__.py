"""``python -m tests.lab up | exec HOST -- CMD | status | down``: the virtual site on the command line."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys

from tests.lab import netns
from tests.lab.site import Site


def _up(args: argparse.Namespace) -> int:
    site = Site(args.name, args.wans, args.hosts, product=args.product, traffic=args.traffic, page_port=args.page_port)
    try:
        site.up()
    except BaseException:
        if not args.keep:
            site.down()
        raise
    _print_status(site, as_json=False)
    return 0


def _run(args: argparse.Namespace) -> int:
    print("Starting the virtual site: internet, two ISPs, the router and its hosts ...", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with Site(args.name, args.wans, args.hosts, traffic=True, page_port=args.page_port) as site:
        _print_status(site, as_json=False)
        print(f"First password: {site.product.first_password}")
        print(f"Commands: .venv/bin/rsctl --socket {site.product.socket} status")
        print(f"          .venv/bin/python -m tests.lab exec --name {args.name} sales1 -- curl https://www.douyin.com/")
        print("Ctrl-C ends the site.", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()
        print("Taking the site down ...")
    return 0


def _exec(args: argparse.Namespace) -> int:
    site = Site.attach(args.name)
    argv = netns.inside(site.prefix + args.place, args.command)
    os.execvpe(argv[0], argv, dict(site.environment))


def _status(args: argparse.Namespace) -> int:
    _print_status(Site.attach(args.name), as_json=args.json)
    return 0


def _down(args: argparse.Namespace) -> int:
    Site(args.name).down()
    return 0


def _print_status(site: Site, *, as_json: bool) -> None:
    hosts = [
        {"name": h.name, "address": site.address(h.name), "ipv6": site.address(h.name, family=6)} for h in site.hosts
    ]
    processes = {process.name: process.is_running for process in site.state.processes}
    if as_json:
        lines = [{"name": line.name, "port": line.port, "protocol": line.protocol} for line in site.lines]
        page = site.page_url if site.state.product else None
        print(json.dumps({"name": site.name, "page": page, "lines": lines, "hosts": hosts, "processes": processes}))
        return
    for host in hosts:
        print(f"{host['name']:10} {host['address'] or '-':16} {host['ipv6'] or '-'}")
    for name, is_running in processes.items():
        if not is_running:
            print(f"{name} has ended: see {site.directory}/log/{name}.log")
    if site.state.product:
        print(f"page: {site.page_url}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.lab", description="A virtual site of network namespaces.")
    commands = parser.add_subparsers(required=True)

    def add(name: str, run: object, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.add_argument("--name", default="lab1", help="name of the site (lab1)")
        command.set_defaults(run=run)
        return command

    up = add("up", _up, "Bring a site up and leave it running.")
    foreground = add("run", _run, "Bring a site up with product and traffic, and down again at Ctrl-C.")
    for command in (up, foreground):
        command.add_argument("--wans", type=int, default=2, help="lines, 1-7 (2)")
        command.add_argument("--hosts", type=int, default=6, help="hosts, 1-250 (6)")
        command.add_argument(
            "--page-port", type=int, default=8443, help="port of the router's page on 127.0.0.1 (8443)"
        )
    up.add_argument("--product", action=argparse.BooleanOptionalAction, default=True, help="the product as router")
    up.add_argument("--traffic", action="store_true", help="let the hosts browse, download and write mail")
    up.add_argument("--keep", action="store_true", help="leave a site that failed to come up, to look at it")
    execute = add("exec", _exec, "Run a command on a host, router, net, isp1 ...")
    execute.add_argument("place")
    execute.add_argument("command", nargs="+")
    status = add("status", _status, "Show a running site.")
    status.add_argument("--json", action="store_true")
    add("down", _down, "Take a site down, also one whose start crashed.")
    return parser


def main() -> int:
    """Parses the command line and carries it out."""
    args = _parser().parse_args()
    if os.geteuid() != 0:
        print("The virtual site makes network namespaces: run it as root.", file=sys.stderr)
        return 2
    try:
        return int(args.run(args))
    except (FileNotFoundError, RuntimeError, TimeoutError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
