# What surrounds the extension: packages, demo, tests, lint, benchmarks. Each target first installs
# the Debian packages it needs where they are missing (scripts/packages.txt), so all of them work
# before there is a compiler or a PostgreSQL.
#
#   make deps        install every package any of the targets below needs
#   make demo        a reverse dictionary in a throw-away cluster (KEEP=1 keeps it,
#                    QUESTION="..." asks one more question)
#   make test        unit, regression, isolation and TAP tests (KEEP=1 keeps the cluster)
#   make unit        only the unit tests
#   make sanitize    the unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
#   make lint        clang-format and clang-tidy, without changing anything
#   make format      clang-format in place
#   make bench DATA=dir     recall and speed on fvecs/ivecs data

# An empty PG_CONFIG, from an unset shell variable say, must not mean the system's PostgreSQL.
ifeq ($(strip $(PG_CONFIG)),)
$(error PG_CONFIG is empty: name a pg_config, or leave PG_CONFIG out for the one in PATH)
endif

# Variables given on the command line or in the environment reach the scripts by the environment.
.PHONY: deps demo test unit sanitize lint format bench
deps:
	@scripts/install-packages

demo:
	@scripts/install-packages build demo
	@demo/run

test:
	@scripts/install-packages build test
	@test/run

unit:
	@scripts/install-packages build
	@test/run unit

sanitize:
	@scripts/install-packages build
	@test/run sanitized

lint:
	@scripts/install-packages build lint
	@scripts/lint

format:
	@scripts/install-packages lint
	@scripts/lint --fix

bench:
	@scripts/install-packages build bench
	@bench/run
