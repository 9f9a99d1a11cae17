# SPDX-License-Identifier: Apache-2.0
"""Measures what vmkit promises beside other programs: see scripts/bench."""
