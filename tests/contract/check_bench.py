#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that scripts/bench shows what misses a promise: check_bench.py PROJECT-FOLDER."""
import json
import sys
import tempfile
import xml.dom.minidom
from pathlib import Path

sys.path.insert(0, str(Path(sys.argv[1]) / "benchmarks"))
from promises import disks, images, machines, report
from promises.measuring import Bench, Row

RED = "\033[31m"
bench = Bench(None, None, None, 1)
bench.ratio("disks", "kept", {"ms": 90, "cpu_ms": 9}, "the peer", {"ms": 100, "cpu_ms": 8}, 1)
bench.ratio("disks", "missed", {"ms": 110, "cpu_ms": 9}, "the peer", {"ms": 100, "cpu_ms": 8}, 1)
bench.row("machines", "kept at least", 0.9, 0.8, "× raw", at_least=True)
bench.row("machines", "missed at least", 0.7, 0.8, "× raw", at_least=True)
bench.rows.append(Row("disks", "absent", None, 0, "", note="a <tool> is missing"))
about = {"date": "2000-01-01", "cores": 2, "cpu": "one", "load_before": 0.0, "runs": 1}

assert [row.met for row in bench.rows] == [True, False, True, False, None]
lines = report.text(bench.rows, colours=True).splitlines()
assert [line.startswith(RED) for line in lines] == [False, True, False, True, False], lines
assert "not measured: a <tool> is missing" in lines[4]
table = report.markdown(bench.rows, about)
assert table.count("**MISSED**") == 2 and table.count("**not measured**") == 1, table
with tempfile.TemporaryDirectory() as folder:
    report.write(Path(folder), bench.rows, about)
    stored = json.loads((Path(folder) / "results.json").read_text())["rows"]
    assert [row["met"] for row in stored] == [True, False, True, False, None]
    for name, missed in (("promises.svg", 2), ("peers.svg", 0)):
        text = (Path(folder) / name).read_text()
        xml.dom.minidom.parseString(text)
        assert text.count(report.RED) == missed, name
assert all(group.measures() for group in (images, disks, machines))
