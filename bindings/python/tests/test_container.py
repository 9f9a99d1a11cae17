# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import vmkit


def test_run(box: vmkit.Container) -> None:
    result = box.run("cat", "/etc/os-release")
    assert result.returncode == 0
    assert "Debian" in result.stdout
    assert result.stderr == ""
    assert result.args == ["cat", "/etc/os-release"]
