# vseg: the extension (PGXS). The engine alone, its unit tests and micro-benchmarks are built by
# CMakeLists.txt from the same sources.
#
#   make && make install       build and install for the PostgreSQL of PG_CONFIG
#   make installcheck          pg_regress against a running server
#   make demo | test | lint | bench | deps      see tools.mk

EXTENSION = vseg
DATA = sql/vseg--0.1.0.sql
MODULE_big = vseg

ENGINE_SOURCES := $(sort $(wildcard src/engine/*/*.cc))
POSTGRES_SOURCES := $(sort $(wildcard src/postgres/*.cc src/postgres/*/*.cc))
OBJS = $(patsubst %.cc,%.o,$(ENGINE_SOURCES) $(POSTGRES_SOURCES))

REGRESS = $(sort $(patsubst sql/%.sql,%,$(filter-out sql/vseg--%.sql,$(wildcard sql/*.sql))))
REGRESS_OPTS = --load-extension=vseg
ISOLATION = $(sort $(patsubst test/specs/%.spec,%,$(wildcard test/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test --load-extension=vseg

PG_CONFIG ?= pg_config
# A distributed binary must run on any CPU of the architecture: kernels choose their instruction
# set at run time, so no -march here.
PG_CXXFLAGS = -std=c++17 -Wall -Wextra -Werror -Wno-register -fvisibility=hidden \
              -fvisibility-inlines-hidden -MMD -MP -Isrc \
              -isystem $(shell $(PG_CONFIG) --includedir-server 2>/dev/null)
# PostgreSQL 15 leaves PGDLLEXPORT empty, which would hide the module's entry points.
PG_CPPFLAGS = -D'PGDLLEXPORT=__attribute__((visibility("default")))'

# FAISS and the serial OpenBLAS go into vseg.so with their symbols hidden: the threaded OpenBLAS
# starts threads when it is loaded, and another extension may carry a FAISS of its own.
LIBRARY_DIR ?= /usr/lib/$(shell $(CXX) -print-multiarch)
SHLIB_LINK = -Wl,--exclude-libs,ALL -Wl,-Bsymbolic $(LIBRARY_DIR)/libfaiss.a \
             $(LIBRARY_DIR)/openblas-serial/libopenblas.a -lhwy -lgomp -lgfortran -lstdc++ -lm

# No bitcode for the JIT: nothing here is worth inlining into an expression.
override with_llvm := no
PGXS := $(wildcard $(shell $(PG_CONFIG) --pgxs 2>/dev/null))
ifneq ($(PGXS),)
include $(PGXS)
else
# A machine without PostgreSQL's build files: the targets of tools.mk work, and install them.
all install installcheck clean:
	@echo "no PostgreSQL to build for: PG_CONFIG=$(PG_CONFIG) finds no PGXS;" \
	  "\"make deps\" installs it on Debian" >&2; exit 1
endif

$(patsubst %.cc,%.o,$(ENGINE_SOURCES)): override CXXFLAGS += -O3

-include $(OBJS:.o=.d)
EXTRA_CLEAN += $(OBJS:.o=.d)

.DEFAULT_GOAL := all
include tools.mk
