#!/usr/bin/env python3
"""Writes the first inputs of verify_fuzz: one batch for each damage and each shape of a batch. verify_fuzz.cc has the format.

usage: tests/fuzz/make_verify_corpus.py [FOLDER]      (default: corpus/verify beside this file)
"""
import pathlib
import random
import struct
import sys

DAMAGES = ("good signature_bit message_bit s_plus_order s_boundary s_negated s_near h_near r_negated r_plus_torsion "
           "r_small_order r_not_canonical another_message another_key arbitrary other_length").split()
GOOD = 0
OWN_NUMBER = 2  # of the key, in the upper half of a message's first byte; 0: none, 1: some other
BATCH_MAX = 80
SHA512_BLOCK, PREFIX, PADDING = 128, 88, 17  # R, A, tag and sequence before a payload; the least padding after it

numbers = random.Random(8)


def changes(*pairs):
    return bytes([len(pairs)]) + b"".join(bytes(pair) for pair in pairs)


def message(damage=GOOD, choice=None, length=None, number=OWN_NUMBER, signer=None, changed=()):
    draw = numbers.randrange
    return struct.pack("<BBBHH", damage | number << 4, draw(32) if signer is None else signer, draw(64),
                       draw(65536) if choice is None else choice,
                       draw(200) if length is None else length) + changes(*changed)


def key(scalar, torsion, *changed):
    return bytes([scalar, torsion]) + changes(*changed)


def batches():
    for damage, name in enumerate(DAMAGES):
        # One bad message in each lane of a vector, and a batch of which every third is bad.
        yield f"lanes-{name}", [message(damage if at % 9 == 0 else GOOD) for at in range(72)]
        yield f"third-{name}", [message(damage if at % 3 == 0 else GOOD) for at in range(BATCH_MAX)]
    for size in (1, 2, 7, 8, 9, 15, 16, 17, 63, 64, 65):
        yield f"size-{size}", [message() for _ in range(size)]
    for damage, choices in ((3, 15), (9, 7), (10, 42), (11, 38)):
        yield f"every-{DAMAGES[damage]}", [message(damage, choice) for choice in range(choices)]
    edges = [SHA512_BLOCK * blocks - PREFIX - PADDING + off for blocks in (1, 2, 3) for off in (-1, 0, 1)]
    yield "block-edges", [message(length=edge) for edge in edges if edge >= 0 for _ in range(3)]
    yield "long-beside-short", [message(length=numbers.choice([0, 1, 1471, 65281])) for _ in range(24)]
    yield "one-key", [message(numbers.choice([GOOD, GOOD, 6]), signer=20) for _ in range(40)]
    yield "numbers", [message(number=at % 3, choice=numbers.randrange(40)) for at in range(60)]
    yield "changed-bytes", [message(changed=[(numbers.randrange(64), 1 << at % 8)]) for at in range(40)]
    yield "r-sign-changed", [message(changed=[(31, 0x80)] if at % 5 == 0 else []) for at in range(40)]


def key_batches():
    yield "keys-good", [key(scalar, 0) for scalar in range(8)]
    yield "keys-torsion", [key(20, torsion) for torsion in range(8)]
    yield "keys-changed", [key(20 + at, 0, (at * 4, 1 << at)) for at in range(8)]
    yield "keys-sign-changed", [key(at, 0, (31, 0x80)) for at in range(8)]


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "corpus" / "verify"
    folder.mkdir(parents=True, exist_ok=True)
    for name, messages in batches():
        (folder / name).write_bytes(b"\0" + b"".join(messages))
    for name, keys in key_batches():
        (folder / name).write_bytes(b"\1" + b"".join(keys))


main()
