# The commands of this repository: `uv run just` lists them, `uv run just test` runs one.

set positional-arguments

generator_tests := "packages/protoc-gen-connect-python/tests"

[private]
default:
    @"{{just_executable()}}" --list --unsorted

# Serve Eliza, call her in every way and show what happens.
demo:
    python tools/demo.py

# Run all tests, or those that pytest's arguments select.
test *args:
    pytest --numprocesses=auto "$@"

# Check format, lint, types, lock file, generated code and the coverage of the protocol.
check:
    uv lock --check
    ruff format --check
    ruff check
    pyright
    mypy
    python tools/generate.py --check
    pytest --quiet --numprocesses=auto {{generator_tests}}/test_golden_files.py -k strict
    pytest --quiet --numprocesses=auto packages/connectrpc-protocol/tests --cov=connectrpc_protocol --cov-branch --cov-fail-under=100

# Format, and fix what can be fixed without a person.
format:
    ruff check --fix --exit-zero --quiet
    ruff format

# Generate the code that is checked in; names of golden cases, or `examples`, limit it to these.
generate *args:
    python tools/generate.py "$@"

# Build the wheels and try each in an environment of its own.
wheels:
    python tools/wheels.py

# Run the conformance suite of the Connect project; `--quick` for a part of the cases of each row.
conformance *args:
    python conformance/run.py "$@"

# Call, and be called by, the programs of others: grpcio, buf curl, curl, grpcurl, JavaScript.
interop *args:
    pytest --numprocesses=auto --dist=loadfile tests/interop "$@"

# Measure what we cost, beside the same work without us.
bench *args:
    python tools/bench/run.py "$@"

# Remove what the other commands leave behind.
clean:
    rm -rf dist .build .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
    find conformance docs examples packages tests tools -name __pycache__ -prune -exec rm -rf {} +
