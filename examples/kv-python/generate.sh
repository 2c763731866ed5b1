#!/usr/bin/env bash
# Makes the Python stubs from the protocol buffers, into the directory that is named. PYTHON says by which
# interpreter (python3); it needs grpcio-tools. google/rpc comes from npm, as the build has it.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
out=${1:-"$root/examples/kv-python/gen"}
mkdir -p "$out"
cd "$root"
"${PYTHON:-python3}" -m grpc_tools.protoc -Iproto -Inode_modules/google-proto-files \
  --python_out="$out" --grpc_python_out="$out" \
  proto/suraft/v1/log.proto node_modules/google-proto-files/google/rpc/status.proto
