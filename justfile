# The commands of this repository. `uv run just` lists them, `uv run just test` runs one.

set positional-arguments

generator_tests := "packages/protoc-gen-connect-python/tests"

[private]
default:
    @"{{just_executable()}}" --list --unsorted

# Serve Eliza, make every kind of call, and print what happens.
demo:
    python tools/demo.py

# Install a git hook that checks format, lint and spelling before each commit.
hooks:
    pre-commit install

# Run all tests but interop, or the tests that the arguments for pytest select.
test *args:
    pytest --numprocesses=auto "$@"

# Check format, lint, spelling, types, lock file, generated code and the coverage of the protocol.
check:
    uv lock --check
    ruff format --check
    ruff check
    codespell
    pyright
    mypy
    python tools/generate.py --check
    pytest --quiet --numprocesses=auto {{generator_tests}}/test_golden_files.py -k strict
    pytest --quiet --numprocesses=auto packages/connectrpc-protocol/tests --cov=connectrpc_protocol --cov-branch --cov-fail-under=100

# Format the code, and apply the fixes that ruff can make.
format:
    ruff check --fix --exit-zero --quiet
    ruff format

# Generate the code that is checked in; names of golden cases, or `examples`, limit it to these.
generate *args:
    python tools/generate.py "$@"

# Build the wheels, install each into a new environment, and make calls between them.
wheels:
    python tools/wheels/trial.py

# Run the conformance suite of the Connect project; with `--quick`, some cases of each row.
conformance *args:
    python conformance/run.py "$@"

# Test against other projects' clients and servers: grpcio, buf curl, curl, grpcurl, JavaScript.
interop *args:
    pytest --numprocesses=auto --dist=loadfile tests/interop "$@"

# Measure the cost of our server and clients, as ratios to the same work without them.
bench *args:
    python tools/bench/run.py "$@"

# Delete the files that the other commands create.
clean:
    rm -rf dist .build .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache
    find conformance docs examples packages tests tools -name __pycache__ -prune -exec rm -rf {} +
