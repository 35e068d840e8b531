"""Answers queries for one name with one address, for tests of name lookups (RFC 1035).

    python3 name-server.py NAME ADDRESS

It listens on 127.0.0.1:53 and prints each name that it is asked for to standard error.
"""

import socket
import struct
import sys

NAME_ERROR = 3
TYPE_A = 1


def main() -> None:
    if len(sys.argv) != 3:
        sys.exit(f"error: expected two arguments, NAME ADDRESS, found {len(sys.argv) - 1}")
    known, address = sys.argv[1].lower(), socket.inet_aton(sys.argv[2])
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    print("ready", file=sys.stderr, flush=True)
    while True:
        query, client = server.recvfrom(512)
        name, end = read_name(query)
        kind = struct.unpack_from(">H", query, end)[0]
        print(f"{name} {kind}", file=sys.stderr, flush=True)
        server.sendto(answer(query, end + 4, name == known, address if kind == TYPE_A else None), client)


def read_name(query: bytes) -> tuple[str, int]:
    """Return the name in question, and the place behind it."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode("ascii", "replace").lower())
        at += 1 + query[at]
    return ".".join(labels), at + 1


def answer(query: bytes, end: int, is_known: bool, address: "bytes | None") -> bytes:
    found = is_known and address is not None
    flags = 0x8180 | (0 if is_known else NAME_ERROR)
    head = query[:2] + struct.pack(">HHHHH", flags, 1, int(found), 0, 0)
    record = struct.pack(">HHHIH", 0xC00C, TYPE_A, 1, 60, 4) + address if found and address else b""
    return head + query[12:end] + record


if __name__ == "__main__":
    main()
