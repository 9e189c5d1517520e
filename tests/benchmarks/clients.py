"""Many clients at once, each asking for samples again and again: python clients.py ADDRESS N SECONDS

It prints a JSON object: how many answers of each status came, and how many bytes. Each client is a
plain socket, so that the clients take little of the machine that they share with the server.
"""

import asyncio
import collections
import json
import sys
import time
from urllib.parse import urlsplit


async def client(host: str, port: int, path: str, until: float, told: collections.Counter) -> None:
    """One client: the next request goes out when the last is answered."""
    reader, writer = await asyncio.open_connection(host, port, limit=1 << 20)
    seed = id(reader) % 1000
    while time.monotonic() < until:
        seed += 1
        writer.write(f"GET {path}&seed={seed} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").lower().split("\r\n")
        length = next(int(one.split(":")[1]) for one in lines if one.startswith("content-length"))
        body = await reader.readexactly(length)
        status = lines[0].split()[1]
        told[status] += 1
        told["bytes"] += len(body)
        if status == "429":
            await asyncio.sleep(0.2)
    writer.close()


async def crowd(address: str, n: int, seconds: float) -> dict[str, int]:
    """All clients."""
    parts = urlsplit(address)
    told: collections.Counter[str] = collections.Counter()
    until = time.monotonic() + seconds
    path = f"{parts.path}?{parts.query}"
    assert parts.hostname and parts.port
    await asyncio.gather(*(client(parts.hostname, parts.port, path, until, told) for _ in range(n)))
    return dict(told)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(crowd(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))))
