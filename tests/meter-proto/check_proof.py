#!/usr/bin/env python3
"""Checks proofs of an Electra chain. Written from docs/proof-format.md alone; needs nothing but Python 3.

usage: check_proof.py GENESIS-HASH GATEWAY-KEY FILE...
Prints one line a file, "true: ..." or "false: ..."; ends with 1 if one is false."""

import struct
import sys
from hashlib import sha256, sha512


def check(condition, what):
    if not condition:
        raise ValueError(what)


# --- Ed25519 (RFC 8032): a point is (x, y) on the curve; slow and simple ---

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def recover_x(y, sign):
    x2 = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P != 0:
        x = x * pow(2, (P - 1) // 4, P) % P
    check((x * x - x2) % P == 0, "no point of the curve")
    check(x != 0 or sign == 0, "no canonical point")
    return x if x & 1 == sign else P - x


def extended(x, y):
    return (x, y, 1, x * y % P)


def add(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def multiply(scalar, point):
    result = (0, 1, 1, 0)
    while scalar > 0:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def encode(point):
    inverse = pow(point[2], -1, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def decode(text):
    number = int.from_bytes(text, "little")
    y = number & (2**255 - 1)
    check(y < P, "no canonical point")
    return extended(recover_x(y, number >> 255), y)


BASE = decode((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def signature_is_good(key, message, signature):
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    try:
        a, r_point = decode(key), decode(r)
    except ValueError:
        return False
    small = encode(multiply(8, a)) == encode((0, 1, 1, 0)) or encode(multiply(8, r_point)) == encode((0, 1, 1, 0))
    h = int.from_bytes(sha512(r + key + message).digest(), "little") % L
    minus_a = (P - a[0], a[1], 1, P - a[3])
    return s < L and not small and encode(add(multiply(s, BASE), multiply(h, minus_a))) == r


# --- hashes and trees ---


def tagged(tag, message):
    tag_hash = sha256(tag.encode()).digest()
    return sha256(tag_hash + tag_hash + message).digest()


def signing_bytes(kind, genesis_hash, sequence, payload):
    tag = sha256(b"electra/" + kind + b"/1" + genesis_hash).digest()[:16]
    return tag + struct.pack("<Q", sequence) + payload


def root_of_path(leaf, index, count, path):
    check(index < count, "the index is not below the count")
    value, last, rest = tagged("electra/leaf/1", leaf), count - 1, list(path)
    while last > 0:
        if index & 1:
            check(rest, "the path is too short")
            value = tagged("electra/node/1", rest.pop(0) + value)
        elif index < last:
            check(rest, "the path is too short")
            value = tagged("electra/node/1", value + rest.pop(0))
        index >>= 1
        last >>= 1
    check(not rest, "the path is too long")
    return value


# --- the proof ---


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        check(self.at + count <= len(self.data), "the proof ends too early")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, size):
        return int.from_bytes(self.take(size), "little")

    def counted(self, limit):
        length = self.number(2)
        check(0 < length <= limit, "a length is out of range")
        return self.take(length)

    def path(self):
        count = self.number(1)
        check(count <= 32, "a path is too long")
        return [self.take(32) for _ in range(count)]

    def leaf(self):
        return {"table": self.number(1), "index": self.number(8), "count": self.number(8),
                "leaf": self.counted(1024), "path": self.path()}


def check_table(roots, table, count, tree_root, state_root):
    check(tagged("electra/state/1", b"".join(roots)) == state_root, "state root")
    check(table < len(roots), "table")
    check(tagged("electra/table/1", struct.pack("<BQ", table, count) + tree_root) == roots[table], "table root")


def check_leaf(part, table, size, roots, state_root):
    check(part["table"] == table and len(part["leaf"]) == size, "the leaf is of another table or size")
    check_table(roots, table, part["count"],
                root_of_path(part["leaf"], part["index"], part["count"], part["path"]), state_root)


def check_proof(data, genesis_hash, gateway_key):
    check(len(data) <= 16384, "too long")
    proof = Reader(data[:-32])
    check(proof.take(8) == b"ELECTRAP" and proof.number(4) == 1, "no proof of format version 1")
    check(tagged("electra/proof/1", data[:-32]) == data[-32:], "checksum")
    kind = proof.number(4)
    check(proof.take(32) == genesis_hash, "another chain")
    check(proof.take(32) == gateway_key, "another gateway")
    header, signature = proof.take(224), proof.take(64)
    check(header[0:4] == b"\1\0\0\0" and header[52:56] == bytes(4), "header format")
    height, = struct.unpack_from("<Q", header, 8)
    messages, = struct.unpack_from("<I", header, 48)
    transaction_root, state_root = header[128:160], header[160:192]
    check(signature_is_good(gateway_key, signing_bytes(b"header", genesis_hash, height, header), signature),
          "header signature")
    if kind == 1:
        key, signature, sequence = proof.take(32), proof.take(64), proof.number(8)
        payload, result, repeated = proof.counted(1468), proof.take(2), proof.take(1)
        index, path = proof.number(8), proof.path()
        signed = signing_bytes(b"message", genesis_hash, sequence, payload)
        check(repeated[0] <= 1, "repeated is neither 0 nor 1")
        check(signature_is_good(key, signed, signature), "message signature")
        message_id = sha512(signature[:32] + key + signed).digest()[:32]
        check(root_of_path(message_id + result + repeated, index, messages, path) == transaction_root,
              "transaction root")
        text = f"message {message_id.hex()} has result {int.from_bytes(result, 'little')}"
    else:
        roots = [proof.take(32) for _ in range(11)]
        if kind == 2:
            account = proof.leaf()
            check_leaf(account, 3, 38, roots, state_root)
            debits, credits = struct.unpack_from("<QQ", account["leaf"], 0)
            text = f"account {account['index'] + 1} has balance {credits - debits}"
        elif kind in (3, 4):
            meter = proof.leaf() if kind == 3 else None
            holder = proof.leaf()
            check_leaf(holder, 1, 163, roots, state_root)
            serial = holder["leaf"][84 : 84 + holder["leaf"][116]].decode()
            text = f"slot {holder['index'] + 1} is {serial}"
            if meter is not None:
                check_leaf(meter, 5, 280, roots, state_root)
                check(struct.unpack_from("<I", meter["leaf"], 0)[0] == holder["index"] + 1
                      and struct.unpack_from("<I", holder["leaf"], 131)[0] == meter["index"],
                      "meter and holder do not name each other")
                text += f", its registers (in, out) {struct.unpack_from('<6Q', meter['leaf'], 104)}"
        elif kind == 5:
            table, count, tree_root = proof.number(1), proof.number(8), proof.take(32)
            check(table in (1, 3), "absence from another table")
            check_table(roots, table, count, tree_root, state_root)
            text = f"there is no {'slot' if table == 1 else 'account'} above {count}"
        else:
            raise ValueError("unknown kind")
    check(proof.at == len(proof.data), "bytes behind the proof")
    return f"at height {height} {text}"


def main():
    genesis_hash, gateway_key = bytes.fromhex(sys.argv[1]), bytes.fromhex(sys.argv[2])
    good = True
    for name in sys.argv[3:]:
        with open(name, "rb") as file:
            data = file.read()
        try:
            print("true:", check_proof(data, genesis_hash, gateway_key))
        except ValueError as error:
            good = False
            print("false:", error)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
