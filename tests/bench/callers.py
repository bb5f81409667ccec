"""Two people in Chromium: what their call costs at the gateway, and how soon they can talk.

`python -m tests.bench.callers [runs]`
"""

from __future__ import annotations

import os
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

from tests import parts
from tests.bench import prices, rivals, shelf, turn
from tests.bench.measure import Row, Samples, Section
from tests.bench.proxy import Passed, Proxy, counting
from tests.e2e.conftest import FLAGS

MEDIA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
WATCH = Path(__file__).with_name("watch.js")
TALK = Path(__file__).with_name("talk.js")
HESITATION = 1.0  # seconds from filling in the form to pressing its button
QUIET = 2.5  # seconds after which no candidate comes any more
GOAL = 1.0  # faster than the others
FLOOR_GOAL = 60.0  # ms over the floor
MESSAGES_GOAL = 12.0  # billed for a set-up
METHOD = (
    "Two contexts of one Chromium, fresh ones for each run, everything on loopback, no STUN server"
    " anywhere, in turn. Join to open: from the second person's press (Parley: the page's own"
    " button; the others: `new Peer`, `new WebrtcProvider`) to the first open data channel in"
    " their page, scripts loaded before; the floor is two connections in one page. One run of each"
    " to warm up. Parley's page loads its features and opens its socket when somebody begins to"
    " fill in the form; the button is pressed a second later. Costs: messages at a counting proxy"
    " in front of each server, from the first socket's opening until 2.5 s after the channel is"
    " open; heartbeats are counted apart. Audio and video: microphone and camera are on, on both"
    " sides, before either joins, and both arrive; `first offer` has them in it, otherwise the SDK"
    " adds them. coturn: a STUN and TURN server on loopback among the ICE servers, from which both"
    " sides get a relay."
)


@dataclass(frozen=True)
class Service:
    """One way to be introduced: how somebody waits, and how somebody else joins them."""

    name: str
    url: str
    wait: Callable[[Page, str], Any]
    join: Callable[[Page, str, Any], float]


def timed(page: Page, press: str, *args: Any) -> float:
    """Milliseconds from running `press` in the page to an open channel there."""
    took = page.evaluate(
        f"async (args) => {{ const at = performance.now(); ({press})(...args);"
        " return await window.opened - at; }",
        list(args),
    )
    return float(took)


# -- the services ---------------------------------------------------------------------------------


def parley(url: str) -> Service:
    def wait(page: Page, room: str) -> None:
        enter_name(page, room)
        page.get_by_role("button", name="Join", exact=True).click()
        page.locator('#status[data-status="connected"]').wait_for()

    def join(page: Page, room: str, _: Any) -> float:
        enter_name(page, room)
        time.sleep(HESITATION)
        return timed(page, "() => document.getElementById('join').click()")

    return Service("Parley", url, wait, join)


def talking(url: str, name: str, plain: bool = False) -> Service:
    """Parley's SDK, with microphone and camera."""

    def enter(page: Page, room: str) -> None:
        page.evaluate("args => talk(...args)", [room, plain])

    def join(page: Page, room: str, _: Any) -> float:
        enter(page, room)
        page.evaluate("window.opened")
        parts.eventually(lambda: page.evaluate("window.heard()") == "audio and video")
        if "coturn" in name:
            # The relay's own may come too late: who is connected looks for no more.
            parts.eventually(lambda: {"srflx", "relay"} & set(page.evaluate("window.gathered()")))
        return 0.0  # what counts here is the bill

    return Service(name, url, enter, join)


def enter_name(page: Page, room: str) -> None:
    page.get_by_role("textbox", name="Room", exact=True).fill(room)


def peerjs(url: str, port: int) -> Service:
    return Service(
        "PeerJS 1.5.5",
        url,
        lambda page, _: page.evaluate("port => peerjs.wait(port)", port),
        lambda page, _, other: timed(page, "(...args) => peerjs.join(...args)", port, other),
    )


def y_webrtc(url: str, port: int) -> Service:
    return Service(
        "y-webrtc 10.3.0",
        url,
        lambda page, room: page.evaluate("args => yWebrtc.wait(...args)", [port, room]),
        lambda page, room, _: timed(page, "(...args) => yWebrtc.join(...args)", port, room),
    )


def floor(url: str) -> Service:
    return Service("floor", url, lambda *_: None, lambda page, *_: timed(page, "() => floor()"))


# -- one call -------------------------------------------------------------------------------------


@contextmanager
def visiting(browser: Browser, url: str) -> Iterator[Page]:
    context = browser.new_context()
    for script in (WATCH, TALK):
        context.add_init_script(path=script)
    page = context.new_page()
    page.goto(url)
    if url.endswith("peers.html"):
        page.wait_for_function("() => window.ready")
    yield page
    context.close()


@contextmanager
def call(browser: Browser, service: Service) -> Iterator[tuple[Page, Any, float]]:
    """Two people who can talk: the second one's page, whom they reached, and how long it took."""
    room = uuid.uuid4().hex
    with visiting(browser, service.url) as first, visiting(browser, service.url) as second:
        other = service.wait(first, room)
        yield second, other, service.join(second, room, other)


# -- what a call costs ----------------------------------------------------------------------------


def bill(passed: list[Passed]) -> dict[str, Any]:
    """What passed, as API Gateway would bill it."""
    told = [p for p in passed if p.kind != "http"]
    counted = [p for p in told if not p.is_heartbeat]
    billed = sum(p.billed for p in counted)
    return {
        "billed": billed,
        "in": sum(p.billed for p in counted if p.inbound),
        "out": sum(p.billed for p in counted if not p.inbound),
        "bytes": sum(p.size for p in counted),
        "kinds": dict(Counter(f"{'in' if p.inbound else 'out'} {p.kind}" for p in counted)),
        "heartbeats": sum(p.billed for p in told if p.is_heartbeat),
        "heartbeat_bytes": sum(p.size for p in told if p.is_heartbeat),
        "http": len(passed) - len(told),
        "dollars_per_million": round(prices.million_set_ups(billed), 2),
    }


def counted(browser: Browser, service: Service, proxy: Proxy) -> dict[str, Any]:
    proxy.take()
    with call(browser, service):
        time.sleep(QUIET)
        return bill(proxy.take())


def counted_call(browser: Browser, service: Service, proxy: Proxy) -> dict[str, Any]:
    """PeerJS, with audio and video on top of the data channel."""
    proxy.take()
    with call(browser, service) as (page, other, _):
        page.evaluate("other => peerjs.call(other)", other)
        time.sleep(QUIET)
        return bill(proxy.take())


def costs(browser: Browser, ports: dict[str, int], page: str, runs: int) -> dict[str, Any]:
    """A bill for each service, `runs` times."""
    with ExitStack() as stack:
        proxies = {name: stack.enter_context(counting(port)) for name, port in ports.items()}
        services = [
            parley(f"http://localhost:{proxies['parley'].port}/"),
            peerjs(page, proxies["peerjs"].port),
            y_webrtc(page, proxies["y-webrtc"].port),
        ]
        found: dict[str, Any] = {service.name: [] for service in services}
        found["PeerJS 1.5.5, audio and video"] = []
        for _ in range(runs):
            for service, proxy in zip(services, proxies.values(), strict=True):
                found[service.name].append(counted(browser, service, proxy))
            called = counted_call(browser, services[1], proxies["peerjs"])
            found["PeerJS 1.5.5, audio and video"].append(called)
        return found


def talking_costs(browser: Browser, desks: dict[str, str], runs: int) -> dict[str, Any]:
    """A bill for each way of Parley's to talk, `runs` times; `desks` by what is said of them."""
    found: dict[str, Any] = {}
    for about, desk in desks.items():
        with counting(urlsplit(desk).port or 0) as proxy:
            for plain in (False, True):
                name = "Parley, audio and video" + ", first offer" * plain + about
                service = talking(f"http://localhost:{proxy.port}/", name, plain)
                found[name] = [counted(browser, service, proxy) for _ in range(runs)]
    return found


def cost_rows(found: dict[str, Any]) -> list[Row]:
    peers = column(found["PeerJS 1.5.5"], "billed")
    return [
        row
        for name, bills in found.items()
        for row in (
            Row(f"set-up, {name}", "messages", column(bills, "billed"), "PeerJS", peers),
            Row(f"set-up, {name}", "bytes", column(bills, "bytes")),
        )
    ] + [
        Row(f"set-up, {name}", "messages", column(bills, "billed"), "12", [MESSAGES_GOAL], 1.0)
        for name, bills in found.items()
        if name.startswith("Parley")
    ]


def column(bills: list[dict[str, Any]], key: str) -> Samples:
    return [float(bill[key]) for bill in bills]


def monthly(people: int = 10_000) -> dict[str, Any]:
    """Dollars a month for people who stay connected, by their clients' heartbeats."""
    beats = {
        "Parley, every 8 min, 2 messages": (480, 2),
        "PeerJS, every 5 s, 1 message": (5, 1),
        "y-webrtc, every 15 s, 2 messages": (15, 2),
    }
    return {
        "people": people,
        "minutes": round(prices.month_connected(people), 2),
        "heartbeats": {
            name: round(prices.month_of_heartbeats(people, *beat), 2)
            for name, beat in beats.items()
        },
    }


# -- join to open ---------------------------------------------------------------------------------


def join_to_open(browser: Browser, services: list[Service], runs: int) -> dict[str, Samples]:
    took: dict[str, Samples] = {service.name: [] for service in services}
    for run in range(-1, runs):
        for service in services if run % 2 else reversed(services):
            with call(browser, service) as (_, _, ms):
                if run >= 0:
                    took[service.name].append(ms)
    return took


def time_rows(took: dict[str, Samples]) -> list[Row]:
    ours = took["Parley"]
    others = [
        Row("join to open", "ms", ours, name, beside, None if name == "floor" else GOAL)
        for name, beside in took.items()
        if name != "Parley"
    ]
    over = [mine - least for mine, least in zip(sorted(ours), sorted(took["floor"]), strict=True)]
    return [*others, Row("join to open, over floor", "ms", over, "60 ms", [FLOOR_GOAL], 1.0)]


def main(runs: int) -> None:
    out = Section("What a call costs, and how soon it stands", METHOD)
    with ExitStack() as stack:
        page = stack.enter_context(shelf.serving())
        peer_port = stack.enter_context(rivals.peer_server())
        y_port = stack.enter_context(rivals.y_webrtc_server())
        log = stack.enter_context(open(os.devnull, "w"))
        desk = stack.enter_context(parts.desk(stderr=log))
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=parts.chromium(), args=FLAGS + MEDIA)
        desk_port = urlsplit(desk).port
        assert desk_port
        ports = {"parley": desk_port, "peerjs": peer_port, "y-webrtc": y_port}
        bills = costs(browser, ports, page, max(1, runs // 5))
        ice = stack.enter_context(turn.coturn())
        relayed = stack.enter_context(parts.desk({"ICE_SERVERS": ice}, stderr=log))
        bills |= talking_costs(browser, {"": desk, ", coturn": relayed}, max(1, runs // 8))
        services = [
            parley(desk + "/"),
            peerjs(page, peer_port),
            y_webrtc(page, y_port),
            floor(page),
        ]
        took = join_to_open(browser, services, runs)
        browser.close()
    out.rows = [*cost_rows(bills), *time_rows(took)]
    out.facts = {"bills": bills, "month": monthly(), "runs": runs}
    out.say()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 16)
