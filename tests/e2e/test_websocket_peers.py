"""Real peers on both sides (python3-websockets, libwebsockets), through the gateway and through reloads."""
import asyncio
import contextlib
import os
import shutil
import subprocess
import threading
from pathlib import Path

import pytest
import websockets
from support.gateway import settings
from support.ports import free_port
from support.timing import SLOW, sanitizer

FULL = bool(os.environ.get("SLUICE_FULL"))


class Peer:
    """A server of python3-websockets on a thread of its own: echoes messages, counts them per path."""

    def __init__(self, **options):
        self.loop = asyncio.new_event_loop()
        self.options = options
        self.ready = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()
        assert self.ready.wait(10)
        self.address = f"127.0.0.1:{self.port}"

    def _run(self):
        asyncio.set_event_loop(self.loop)
        self.server = self.loop.run_until_complete(
            websockets.serve(self._echo, "127.0.0.1", 0, ping_interval=None, **self.options))
        self.port = self.server.sockets[0].getsockname()[1]
        self.ready.set()
        self.loop.run_forever()

    async def _echo(self, socket, *_):
        with contextlib.suppress(websockets.ConnectionClosed):
            async for message in socket:
                await socket.send(message)

    def stop(self):
        self.loop.call_soon_threadsafe(self.loop.stop)


@pytest.fixture(scope="module")
def peer():
    one = Peer(subprotocols=["chat"], max_size=None)
    yield one
    one.stop()


def config(peer, word="a", workers=2):
    """`word` changes a route beside the sockets'."""
    return settings(server=f"workers = {workers}", listen="limits = { per_ip = 10_000 }", more=f"""
[upstream.peer]
servers = ["{peer.address}"]
[route.live]
match = {{ path = "/live", upgrade = "websocket" }}
upstream = "peer"
[route.word]
match = {{ path = "/word" }}
respond = {{ status = 200, body = "{word}" }}
""")


def connect(one, **options):
    return websockets.connect(f"ws://127.0.0.1:{one.port}/live", ping_interval=None, max_size=None, **options)


@pytest.mark.parametrize("compression", ["deflate", None])
def test_messages_of_every_kind(gateway, peer, compression):
    one = gateway(config(peer))

    async def talk():
        async with connect(one, subprotocols=["chat"], compression=compression) as socket:
            assert socket.subprotocol == "chat"
            for message in ("text ⚡", b"\0\xff bytes", "", "x" * 300_000, ["in ", "three ", "fragments"]):
                await socket.send(message)
                assert await socket.recv() == ("".join(message) if isinstance(message, list) else message)
            await asyncio.wait_for(await socket.ping(), 5)
        assert socket.close_code == 1000
    asyncio.run(talk())


@pytest.mark.threads
def test_reloads_while_sockets_exchange_messages(gateway, peer):
    """None lost, none closed, none reordered."""
    count, seconds, pause = (2_000, 60, 1.0) if FULL else (40 if sanitizer() else 150, 3, 0.5)
    one = gateway(config(peer))
    sent = 0

    async def exchange(socket, until):
        nonlocal sent
        number = 0
        while asyncio.get_running_loop().time() < until:
            for each in range(number, number + 3):   # several under way at once
                await socket.send(str(each))
            for each in range(number, number + 3):
                assert await asyncio.wait_for(socket.recv(), 20) == str(each)
            number += 3
            await asyncio.sleep(0.05 if not FULL else 1.0)
        sent += number

    async def run():
        loop = asyncio.get_running_loop()
        opened = []
        for _ in range(count):
            opened.append(await connect(one, compression=None))
        began = loop.time()
        until = began + seconds
        talks = [asyncio.ensure_future(exchange(socket, until)) for socket in opened]
        reloads = 0
        while loop.time() < until:
            reloads += 1
            await loop.run_in_executor(None, one.reload, config(peer, word=f"w{reloads}"))
            await asyncio.sleep(max(0, began + reloads * pause - loop.time()))   # by the clock, or at once when late
        await asyncio.gather(*talks)
        assert reloads >= 0.9 * seconds / pause / (1 if FULL else SLOW)
        assert all(socket.open for socket in opened)
        assert one.metric("sluice_tunnels", route="live") == count
        await asyncio.gather(*(socket.close() for socket in opened))
    asyncio.run(run())
    assert sent >= count * 3
    one.wait_for_metric(0, "sluice_tunnels", route="live")
    assert one.metric("sluice_tunnels_ended_total", reason="client") == count


@pytest.fixture(scope="module")
def lws_peer(tmp_path_factory):
    """libwebsockets: the path of a program that is a server or a client."""
    program = tmp_path_factory.mktemp("peer") / "peer"
    subprocess.run([os.environ.get("CC", "cc"), "-O1", "-Wall", "-Wextra", "-Werror", "-o", program,
                    Path(__file__).with_name("websocket_peer.c"), "-lwebsockets"], check=True)
    return program


@pytest.fixture
def lws_server(lws_peer):
    class Server:
        port = free_port()
        address = f"127.0.0.1:{port}"
    process = subprocess.Popen([lws_peer, "server", str(Server.port)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    yield Server
    process.terminate()
    assert process.wait(10) == 0


def test_libwebsockets_on_both_sides(gateway, lws_peer, lws_server):
    """Messages of 0 to 200,000 bytes, text and binary, whole and in fragments, each held to what was sent."""
    one = gateway(config(lws_server))
    done = subprocess.run([lws_peer, "client", str(one.port), "/live", "60"], capture_output=True, text=True, timeout=30)
    assert done.stdout == "60 of 60\n" and done.returncode == 0, done.stderr


NODE = {**os.environ, "NODE_PATH": "/usr/share/nodejs"}
NODE_PEER = Path(__file__).with_name("websocket_peer.js")


@pytest.fixture
def node_server():
    if not shutil.which("node") or subprocess.run(["node", "-e", 'require("ws")'], env=NODE, capture_output=True).returncode:
        pytest.skip("needs node with ws (node-ws)")

    class Server:
        port = free_port()
        address = f"127.0.0.1:{port}"
    process = subprocess.Popen(["node", NODE_PEER, "server", str(Server.port)], env=NODE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    yield Server
    process.terminate()
    process.wait(10)


@pytest.mark.parametrize("keys, extensions", [("", "permessage-deflate"), ('compression = "pass", max_message = "1MiB"', "permessage-deflate"),
                                              ('max_message = "1MiB"', "plain")], ids=["opaque", "inflated", "refused"])
def test_node_on_both_sides(gateway, node_server, keys, extensions):
    """Relayed unread, and with messages looked at."""
    table = f"websocket = {{ {keys} }}\n" if keys else ""
    one = gateway(config(node_server).replace('upstream = "peer"\n', f'upstream = "peer"\n{table}'))
    done = subprocess.run(["node", NODE_PEER, "client", f"ws://127.0.0.1:{one.port}/live", "42"], env=NODE, capture_output=True,
                          text=True, timeout=30)
    assert done.stdout == f"42 of 42, 1000, {extensions}\n", done.stderr
