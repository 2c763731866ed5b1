"""The key-value store of examples/kv from Python, by the generated stubs alone.

It reads and writes the same log: what this program sets, the processes in TypeScript have, and the other
way round. The state machine is a dictionary, and `apply` below is all of it.

    python kv.py --address 127.0.0.1:7101,127.0.0.1:7102 get KEY
    python kv.py put KEY VALUE [--if VERSION]
    python kv.py delete KEY [--if VERSION]
    python kv.py watch [PREFIX]

Exit codes: 0 done, 1 failed, 2 wrong usage, 4 absent, 5 the condition did not hold.
"""

import argparse
import json
import sys
import time

import grpc

from suraft.v1 import log_pb2, log_pb2_grpc

CALL_SECONDS = 10


def apply(state, index, payload):
    """Applies one entry; True if it was done. Every replica, in any language, must find the same."""
    try:
        command = json.loads(payload)
        op, key, value = command["op"], command["key"], command.get("value")
        condition = command.get("if")
    except (ValueError, KeyError, TypeError, AttributeError):
        return False
    if type(key) is not str or type(condition) not in (int, type(None)):
        return False
    if op not in ("put", "delete") or (op == "put" and type(value) is not str):
        return False
    _, version = state.get(key, (None, 0))
    if condition is not None and condition != version:
        return False
    if op == "put":
        state[key] = (value, index)
    else:
        state.pop(key, None)
    return True


class Log:
    """The log at one of several addresses: the next one when one cannot be reached."""

    def __init__(self, addresses):
        self.stubs = [
            log_pb2_grpc.LogServiceStub(grpc.insecure_channel(address)) for address in addresses
        ]

    def call(self, ask):
        """Makes a call that may be repeated: it changes nothing, or has a producer's number."""
        until = time.monotonic() + CALL_SECONDS
        while True:
            try:
                return ask(self.stubs[0])
            except grpc.RpcError as error:
                # UNKNOWN is UNKNOWN_OUTCOME: the same number again tells what became of it.
                retry = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNKNOWN)
                if error.code() not in retry or time.monotonic() > until:
                    raise
                self.stubs.append(self.stubs.pop(0))
                time.sleep(0.05)

    def append(self, payload, key):
        """Appends one entry exactly once, however often it is sent; returns its index."""
        opened = self.call(
            lambda stub: stub.OpenProducer(log_pb2.OpenProducerRequest(), timeout=CALL_SECONDS)
        )
        request = log_pb2.AppendRequest(
            entries=[log_pb2.Entry(payload=payload, key=key)],
            producer=log_pb2.ProducerSequence(producer_id=opened.producer_id, sequence=1),
        )
        return self.call(lambda stub: stub.Append(request, timeout=CALL_SECONDS)).first_index

    def tail(self):
        return self.call(
            lambda stub: stub.GetTail(log_pb2.GetTailRequest(), timeout=CALL_SECONDS)
        ).next_index

    def entries(self, start, end=None, follow=False):
        """Entries and their indexes, from `start` on, in order; goes on at another node."""
        while end is None or start < end:
            request = log_pb2.ReadRequest(start_index=start, end_index=end, follow=follow)
            try:
                for response in self.stubs[0].Read(request):
                    for batch in response.batches:
                        for offset, entry in enumerate(batch.entries):
                            start = batch.first_index + offset + 1
                            yield start - 1, entry
                return
            except grpc.RpcError as error:
                if error.code() != grpc.StatusCode.UNAVAILABLE:
                    raise
                self.stubs.append(self.stubs.pop(0))
                time.sleep(0.05)


def state_below(log, end):
    """The state by the entries below an index, and which of them was done."""
    state, done = {}, False
    for index, entry in log.entries(1, end):
        done = apply(state, index, entry.payload)
    return state, done


def change(log, command):
    payload = json.dumps({key: value for key, value in command.items() if value is not None})
    index = log.append(payload.encode(), command["key"])
    state, done = state_below(log, index + 1)
    if done:
        print(index)
        return 0
    value, version = state.get(command["key"], (None, 0))
    print(f"{command['key']} has version {version}: {value}", file=sys.stderr)
    return 5


def get(log, key):
    # The tail counts every append that anybody was told of: the read is linearizable.
    state, _ = state_below(log, log.tail())
    if key not in state:
        print(f"{key} is not set", file=sys.stderr)
        return 4
    value, version = state[key]
    print(f"{version}\t{value}")
    return 0


def watch(log, prefix):
    state = {}
    for index, entry in log.entries(1, follow=True):
        if apply(state, index, entry.payload):
            command = json.loads(entry.payload)
            if command["key"].startswith(prefix):
                print(index, command["op"], command["key"], command.get("value", ""), flush=True)
    return 0


def main():
    parser = argparse.ArgumentParser(description="a key-value store on a log")
    parser.add_argument("--address", default="127.0.0.1:7101,127.0.0.1:7102,127.0.0.1:7103")
    commands = parser.add_subparsers(dest="op", required=True)
    commands.add_parser("get").add_argument("key")
    put = commands.add_parser("put")
    put.add_argument("key")
    put.add_argument("value")
    delete = commands.add_parser("delete")
    delete.add_argument("key")
    for conditional in (put, delete):
        conditional.add_argument("--if", dest="condition", type=int)
    commands.add_parser("watch").add_argument("prefix", nargs="?", default="")
    args = parser.parse_args()
    log = Log(args.address.split(","))
    try:
        if args.op == "get":
            return get(log, args.key)
        if args.op == "watch":
            return watch(log, args.prefix)
        value = args.value if args.op == "put" else None
        return change(log, {"op": args.op, "key": args.key, "value": value, "if": args.condition})
    except grpc.RpcError as error:
        print(f"{error.code().name}: {error.details()}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    sys.exit(main())
