# SPDX-License-Identifier: Apache-2.0
"""The rows as a table for the terminal, JSON, Markdown and plots."""
import dataclasses
import json
from xml.sax.saxutils import escape

RED, GREEN, GREY, INK = "#c62828", "#2e7d32", "#9e9e9e", "#212121"


def number(value):
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def verdict(row):
    return {True: "met", False: "MISSED", None: "not measured"}[row.met]


def bound(row):
    return f"at {'least' if row.at_least else 'most'} {number(row.bar)}"


def beside(row):
    if row.ours_ms is None:
        return ""
    return f"{number(row.ours_ms)} ms : {number(row.peer_ms)} ms"


def text(rows, colours):
    lines = []
    for row in rows:
        if row.value is None:
            lines.append(f"{row.what:<50} not measured: {row.note}")
            continue
        line = (f"{row.what:<50} {number(row.value):>7} {row.unit:<30} {bound(row):<14} "
                f"{verdict(row):<7} {beside(row):<20} {row.note}").rstrip()
        lines.append(f"\033[31m{line}\033[0m" if colours and not row.met else line)
    return "\n".join(lines)


def as_json(rows, about):
    return json.dumps({**about, "rows": [{**dataclasses.asdict(row), "met": row.met}
                                         for row in rows]}, indent=1)


def markdown(rows, about):
    lines = [f"{about['date']}, {about['cores']} cores ({about['cpu']}), load before "
             f"{about['load_before']}; the best of {about['runs']} runs.", "",
             "| what | measured | promised | | vmkit : peer |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        value = "–" if row.value is None else f"{number(row.value)} {row.unit}"
        mark = verdict(row) if row.met else f"**{verdict(row)}**"
        lines.append(f"| {row.what} | {value} | {bound(row)} | {mark} | {beside(row)} |")
    return "\n".join(lines) + "\n"


def svg(width, height, parts):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'font-family="sans-serif" font-size="13" fill="{INK}">'
            f'<rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>\n')


def label(x, y, words, anchor="start"):
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{escape(words)}</text>'


def bar(x, y, width, height, colour):
    return f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.1f}" height="{height}" fill="{colour}"/>'


def promises_plot(rows):
    """How much of what is allowed each number takes: left of the line is kept."""
    shown = [row for row in rows if row.value is not None]
    left, unit, step = 450, 300, 22
    parts = [label(left, 20, "share of what was promised")]
    for place, row in enumerate(shown):
        y = 34 + place * step
        share = row.bar / row.value if row.at_least else row.value / row.bar
        share = max(share, 0)
        parts += [label(left - 8, y + 13, f"{row.what}, {row.unit}", "end"),
                  bar(left, y, min(share, 1.5) * unit, step - 6, GREEN if row.met else RED),
                  label(left + min(share, 1.5) * unit + 4, y + 13, f"{share:.2f}")]
    height = 44 + len(shown) * step
    parts.append(f'<path d="M{left + unit} 28V{height - 8}" stroke="{INK}" stroke-dasharray="4"/>')
    return svg(left + unit * 2, height, parts)


def peers_plot(rows):
    """Our time beside the peer's, each pair on its own scale: the longer of the two is full."""
    shown = [row for row in rows if row.ours_ms is not None]
    left, full, step = 330, 260, 52
    parts = []
    for place, row in enumerate(shown):
        y = 14 + place * step
        scale = full / max(row.ours_ms, row.peer_ms)
        parts.append(label(left - 8, y + 22, row.what, "end"))
        for line, (name, value, colour) in enumerate(
                (("vmkit", row.ours_ms, GREEN), (row.peer, row.peer_ms, GREY))):
            parts += [bar(left, y + line * 19, value * scale, 16, colour),
                      label(left + value * scale + 4, y + line * 19 + 13,
                            f"{name}: {number(value)} ms")]
    return svg(left + full + 320, 14 + len(shown) * step, parts)


def write(folder, rows, about):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (("results.json", as_json(rows, about)),
                          ("results.md", markdown(rows, about)),
                          ("promises.svg", promises_plot(rows)), ("peers.svg", peers_plot(rows))):
        (folder / name).write_text(content)


def publish(page, name, rows, about):
    """Puts the table between the page's marks of that name."""
    begin, end = f"<!-- bench: {name} -->\n", "<!-- end of bench -->"
    before, _, rest = page.read_text().partition(begin)
    page.write_text(before + begin + markdown(rows, about) + end + rest.partition(end)[2])
