"""Changes to inputs that keep enough of their shape to get past the first check."""

import json
import random
import tarfile
from collections.abc import Callable
from typing import Any

Mutator = Callable[[bytes, random.Random], bytes]

VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    2**31,
    2**63,
    -(2**63),
    10**30,
    0.5,
    1e308,
    -0.0,
    float("nan"),
    float("inf"),
    "",
    "0",
    "a",
    "x.png",
    "../x",
    "/",
    "\0",
    "\ud800",
    "é中\u202e",
    "a" * 5000,
    [],
    {},
    [[]],
    [None],
    {"": None},
)
TOKENS = (
    b"\0",
    b"\xff",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\r",
    b"\n",
    b"\t",
    b",",
    b";",
    b"|",
    b'"',
    b"'",
    b"{",
    b"[",
    b"<",
    b"file_name",
    b"text",
    b"a.png",
    b"b.png",
    b"../a.png",
    b"nan",
    b"1e999",
    b"\x7f\xff\xff\xff",
    b"\x00\x00\x00\x00",
)


def mutate_bytes(data: bytes, rng: random.Random) -> bytes:
    """Flip, insert, repeat, cut or swap some bytes."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        at = rng.randrange(len(changed) + 1)
        match rng.randrange(6):
            case 0 if at < len(changed):
                changed[at] ^= 1 << rng.randrange(8)
            case 1 if at < len(changed):
                changed[at] = rng.randrange(256)
            case 2:
                changed[at:at] = rng.choice(TOKENS)
            case 3:
                del changed[at : at + rng.choice((1, 2, 8, 64, 512))]
            case 4:
                other = rng.randrange(len(changed) + 1)
                changed[at:at] = changed[other : other + rng.choice((1, 8, 64))]
            case _:
                token = rng.choice(TOKENS)
                changed[at : at + len(token)] = token
    return bytes(changed)


def mutate_json(data: bytes, rng: random.Random) -> bytes:
    """Put other values, or none, in some places of a JSON text; now and then break the text itself."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return mutate_bytes(data, rng)
    if rng.random() < 0.1:
        return mutate_bytes(data, rng)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        value = _changed(value, rng)
    return json.dumps(value).encode()


def mutate_json_lines(data: bytes, rng: random.Random) -> bytes:
    """Change one line of several JSON texts."""
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    lines[at] = mutate_json(lines[at], rng)
    return b"\n".join(lines)


def mutate_tar(data: bytes, rng: random.Random) -> bytes:
    """Change a field of a header and mend its checksum, or change any bytes."""
    blocks = len(data) // tarfile.BLOCKSIZE
    if blocks == 0 or rng.random() < 0.3:
        return mutate_bytes(data, rng)
    changed = bytearray(data)
    start = rng.randrange(blocks) * tarfile.BLOCKSIZE
    begin, end = rng.choice(
        ((0, 100), (100, 108), (124, 136), (136, 148), (156, 157), (157, 257), (257, 265))
    )
    field = rng.choice(
        (
            bytes(end - begin),
            b"7" * (end - begin),
            b"\x80" + b"\xff" * (end - begin - 1),
            b"\xff" * (end - begin),
            rng.randbytes(end - begin),
            b"LKSxgX123456"[: end - begin],
            b"GNU.sparse.map\0",
        )
    )
    changed[start + begin : start + end] = field[: end - begin].ljust(end - begin, b"\0")
    header = changed[start : start + tarfile.BLOCKSIZE]
    checksum = sum(header[:148]) + 8 * ord(" ") + sum(header[156:])
    changed[start + 148 : start + 156] = b"%06o\0 " % checksum
    return bytes(changed)


def _changed(value: Any, rng: random.Random) -> Any:
    if isinstance(value, dict | list) and value and rng.random() < 0.9:
        return _changed_object(value, rng) if isinstance(value, dict) else _changed_list(value, rng)
    if isinstance(value, str) and value and rng.random() < 0.3:
        return mutate_bytes(value.encode("utf-8", "surrogatepass"), rng).decode("utf-8", "replace")
    if isinstance(value, int | float) and rng.random() < 0.3:
        return value * rng.choice((-1, 2, 0.5, 10**9))
    return rng.choice(VALUES)


def _changed_object(fields: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    key = rng.choice(list(fields))
    match rng.randrange(8):
        case 0:
            return {name: member for name, member in fields.items() if name != key}
        case 1:
            return fields | {rng.choice(("", "x", "id", key.upper())): rng.choice(VALUES)}
    return fields | {key: _changed(fields[key], rng)}


def _changed_list(members: list[Any], rng: random.Random) -> list[Any]:
    at = rng.randrange(len(members))
    match rng.randrange(8):
        case 0:
            return members[:at] + members[at + 1 :]
        case 1:
            return members[:at] + [members[at]] * 3 + members[at:]
    return [*members[:at], _changed(members[at], rng), *members[at + 1 :]]
