# The recipes are the steps of continuous integration: what passes here passes there.

# List the recipes.
default:
    @just --list

# Everything continuous integration runs.
ci: lint arch contracts chart tests

# Format and clippy, warnings are errors.
lint:
    scripts/test lint

# Layers, purity, rooms, call table, file sizes, documented reasons and invariants.
arch:
    scripts/test arch

# buf lint, and buf breaking against the last release (a tag such as v0.1.0).
contracts:
    scripts/test contracts

# The chart's renders against Kubernetes' schemas, the alerts against promtool.
chart:
    scripts/test chart

# All tests: unit, then scenarios.
tests:
    scripts/test tests

# Every crate's tests, stores on PostgreSQL and embedded.
unit:
    scripts/test unit

# The suite as one process and as six.
scenarios:
    scripts/test scenarios

# The whole loop on a generated bank.
demo *ARGS:
    scripts/demo {{ARGS}}
