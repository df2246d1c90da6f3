"""format_reader.py - reads a data directory, written from docs/format/persistence.md and nothing else.

    read(folder) -> {store: {key: (value, expires_at_ms or None)}}

It believes nothing that a checksum does not vouch for, and asserts what the document says must hold.
"""
import ctypes
import os
import re
import struct

XXH = ctypes.CDLL("libxxhash.so.0")
ZSTD = ctypes.CDLL("libzstd.so.1")


class _Hash128(ctypes.Structure):
    _fields_ = [("low", ctypes.c_uint64), ("high", ctypes.c_uint64)]


XXH.XXH3_64bits_withSeed.restype = ctypes.c_uint64
XXH.XXH3_64bits_withSeed.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64]
XXH.XXH3_128bits.restype = _Hash128
XXH.XXH3_128bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
ZSTD.ZSTD_decompress.restype = ctypes.c_size_t
ZSTD.ZSTD_decompress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]

PAGE, BLOCK = 4096, 64
FRAME, SEAL, DATA, END, MANIFEST = 1, 2, 3, 4, 5
SET, APPEND, EXPIRY, DELETE, EXPIRED, EVICTED, FLUSH, COMMIT, PIECE, STORE, DROP, GAP, PATCH = range(1, 14)
HAS_EXPIRY, IN_GROUP, MORE = 1, 2, 4


def _hash(data, seed):
    return XXH.XXH3_64bits_withSeed(data, len(data), seed)


def _up(size, to):
    return (size + to - 1) // to * to


def file_header(data, kind):
    """The fields of the first page, or None."""
    page = data[:PAGE]
    if len(page) < PAGE or page[:8] != bytes((0x89, 0x48, 0x43, ord(kind))) + b"\r\n\x1a\n":
        return None
    total = XXH.XXH3_128bits(page[:4080], 4080)
    if page[4080:] != struct.pack("<QQ", total.low, total.high):
        return None
    major, _, least_minor, _, must_know = struct.unpack_from("<HHHHQ", page, 8)
    assert major == 1 and least_minor == 0 and must_know == 0, "written by a newer version"
    names = ("number", "created", "base", "from_number", "from_lsn", "from_bytes", "from_chain", "part", "parts")
    return {"uuid": page[32:48], **dict(zip(names, struct.unpack_from("<7QII", page, 48)))}


def blocks(data, uuid, number, part=0, end=None):
    """Yields (type, sequence number, durable LSN, records, payload, chain, offset behind it) as long as blocks are
    valid."""
    seed = _hash(uuid, number ^ part << 56)
    at, chain = PAGE, 0
    while at + BLOCK <= (len(data) if end is None else end):
        head = data[at:at + BLOCK]
        (magic, kind, flags, head_bytes, raw, stored, records, low, sequence, durable, payload_sum, block_chain, _,
         head_sum) = struct.unpack("<4sBBHIIIIQQQQII", head)
        if magic != b"HCBK" or head_sum != _hash(head[:60], seed) & 0xffffffff or low != number & 0xffffffff:
            return
        assert head_bytes == BLOCK and raw <= 4 << 20
        payload = data[at + BLOCK:at + BLOCK + stored]
        chain = _hash(struct.pack("<QQ", chain, payload_sum), 0)
        if len(payload) < stored or _hash(payload, seed) != payload_sum or chain != block_chain:
            return
        if flags & 1:
            room = ctypes.create_string_buffer(raw)
            assert ZSTD.ZSTD_decompress(room, raw, payload, stored) == raw
            payload = room.raw
        at += BLOCK + _up(stored, BLOCK)
        yield kind, sequence, durable, records, payload, chain, at


def records(payload):
    at = 0
    while at < len(payload):
        size, kind, flags, store = struct.unpack_from("<IBBH", payload, at)
        end, here = at + size, at + 8
        one = {"kind": kind, "flags": flags, "store": store, "type": flags >> 4 & 7, "group": 0, "expiry": None,
               "offset": 0, "key": b"", "stride": _up(size, 8)}
        for flag, name in ((IN_GROUP, "group"), (HAS_EXPIRY, "expiry")):
            if flags & flag:
                one[name] = struct.unpack_from("<Q", payload, here)[0]
                here += 8
        if kind in (APPEND, PATCH):
            one["offset"] = struct.unpack_from("<Q", payload, here)[0]
            here += 8
        if kind not in (FLUSH, COMMIT, PIECE, DROP, GAP):
            key_bytes = shift = 0
            while True:
                byte = payload[here]
                here += 1
                key_bytes |= (byte & 0x7f) << shift
                shift += 7
                if byte < 0x80:
                    break
            one["key"] = payload[here:here + key_bytes]
            here += key_bytes
        one["value"] = payload[here:end]
        at += one["stride"]
        yield one


class Stores:
    """What records make of stores."""

    def __init__(self):
        self.names, self.keys, self.begun = {}, {}, {}

    def apply(self, one):
        kind = one["kind"]
        if kind == PIECE:
            first = self.begun.get(one["group"])
            if first is None:
                return
            first["value"] += one["value"]
            if one["flags"] & MORE:
                return
            one = self.begun.pop(one["group"])
            kind = one["kind"]
        elif one["flags"] & MORE:
            self.begun[one["group"]] = one
            return
        if kind == STORE:
            self.names[one["store"]] = one["key"].decode()
            self.keys.setdefault(one["store"], {})
        elif kind == DROP:
            self.names.pop(one["store"], None)
            self.keys.pop(one["store"], None)
        elif one["store"] in self.keys:
            self._change(self.keys[one["store"]], kind, one)

    @staticmethod
    def _change(keys, kind, one):
        key, value = one["key"], one["value"]
        old, expiry = keys.get(key, (None, None))
        if kind == SET:
            keys[key] = (value, one["expiry"])
        elif kind == APPEND and old is not None and len(old) == one["offset"]:
            keys[key] = (old + value, expiry)
        elif kind == PATCH and old is not None:
            padded = old.ljust(one["offset"], b"\0")
            keys[key] = (padded[:one["offset"]] + value + padded[one["offset"] + len(value):], expiry)
        elif kind == EXPIRY and old is not None:
            keys[key] = (old, one["expiry"])
        elif kind in (DELETE, EXPIRED, EVICTED):
            keys.pop(key, None)
        elif kind == FLUSH:
            keys.clear()


def _load(folder, name):
    with open(os.path.join(folder, name), "rb") as file:
        return file.read()


def manifest(folder):
    """The newest that is intact."""
    for name in sorted((n for n in os.listdir(folder) if re.fullmatch(r"MANIFEST-[0-9a-f]{16}", n)), reverse=True):
        data = _load(folder, name)
        header = file_header(data, "M")
        if header is None or header["number"] != int(name[9:], 16):
            continue
        kind, *_, payload, _, _ = next(blocks(data, header["uuid"], header["number"]))
        assert kind == MANIFEST
        found = {"uuid": header["uuid"], "stores": {}, "snapshot": None, "parts": []}
        at = 0
        while at < len(payload):
            tag, size = struct.unpack_from("<HI", payload, at)
            entry = payload[at + 6:at + 6 + size]
            at += 6 + size
            if tag == 1:
                found["log"], found["log_lsn"], found["durable"] = struct.unpack_from("<3Q", entry)
            elif tag == 2:
                number, _, name_bytes = struct.unpack_from("<HBB", entry)
                found["stores"][number] = entry[4:4 + name_bytes].decode()
            elif tag == 3:
                found["snapshot"] = struct.unpack("<4Q", entry)
            elif tag == 4:
                found["parts"].append(struct.unpack("<4Q", entry))
            else:
                assert tag >= 0x8000, "an entry this reader must know"
        return found
    raise AssertionError("no manifest can be used")


def _snapshot(folder, m, stores):
    number = m["snapshot"][0]
    for part, (size, count, block_count, chain) in enumerate(m["parts"]):
        data = _load(folder, f"snap-{number:016x}-{part:03d}.hcs")
        header = file_header(data, "S")
        assert (header["uuid"], header["number"], header["part"]) == (m["uuid"], number, part) and len(data) == size
        seen = ended = total = last = 0
        for kind, sequence, _, many, payload, last, _ in blocks(data, m["uuid"], number, part):
            assert sequence == seen and not ended
            seen, total, ended = seen + 1, total + many, kind == END
            for one in records(payload):
                stores.apply(one)
        assert ended and (total, seen, last) == (count, block_count, chain)


def _log(folder, m):
    """All records of the log with their LSNs, up to its end."""
    files = {}
    for name in os.listdir(folder):
        if re.fullmatch(r"log-[0-9a-f]{16}\.hcl", name):
            data = _load(folder, name)
            header = file_header(data, "L")
            if header is not None and header["uuid"] == m["uuid"] and header["number"] == int(name[4:20], 16):
                files[header["number"]] = (header, data)
    number, lsn, found = m["log"], m["log_lsn"], []
    while number in files:
        header, data = files[number]
        assert header["base"] == lsn
        following = [n for n, (h, _) in files.items() if h["from_number"] == number]
        number = max(following, default=0)
        end = files[number][0]["from_bytes"] if number else None
        for kind, sequence, _, _, payload, _, _ in blocks(data, m["uuid"], header["number"], end=end):
            if sequence != lsn:
                break
            for one in records(payload) if kind == FRAME else ():
                found.append((lsn, one))
                lsn += one["stride"]
    return found


def read(folder):
    m = manifest(folder)
    stores = Stores()
    stores.names, stores.keys = dict(m["stores"]), {number: {} for number in m["stores"]}
    if m["snapshot"]:
        _snapshot(folder, m, stores)
    log = _log(folder, m)
    whole = {one["group"] for _, one in log if one["kind"] == COMMIT}
    for lsn, one in log:
        if m["snapshot"] and lsn < m["snapshot"][1]:
            continue
        if one["kind"] not in (COMMIT, GAP) and one["group"] in whole | {0}:
            stores.apply(one)
    return {name: stores.keys[number] for number, name in stores.names.items()}
