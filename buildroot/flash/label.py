"""The label of a box: as text for the console, as SVG and HTML to be printed on 62 mm wide tape."""

from __future__ import annotations

import io
from collections.abc import Iterable
from html import escape
from typing import NamedTuple

from buildroot.flash.words import Say

ADDRESS = "https://192.168.8.1/"  # firmware/model/defaults.py
_WIDTH_MM, _HEIGHT_MM = 62, 34


class Label(NamedTuple):
    """What stands on it. ``macs`` are those of the ports, first the line's."""

    serial: str
    password: str
    macs: tuple[str, ...] = ()

    def lines(self, say: Say) -> list[tuple[str, str]]:
        """Name and value, in order."""
        found = [("Serial number", self.serial), ("Address", ADDRESS), ("First password", self.password)]
        if self.macs:
            more = f" +{len(self.macs) - 1}" if len(self.macs) > 1 else ""
            found.append(("MAC", self.macs[0] + more))
        return [(say(name), value) for name, value in found]


def text(label: Label, say: Say) -> str:
    """For the console."""
    return "\n".join(f"  {name}: {value}" for name, value in label.lines(say))


def svg(label: Label, say: Say) -> str:
    """One label; its QR code leads to the page and holds neither password nor serial number, lest a photograph of the
    rack is enough to set the box up."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH_MM}mm" height="{_HEIGHT_MM}mm"'
        f' viewBox="0 0 {_WIDTH_MM} {_HEIGHT_MM}" font-family="sans-serif">',
        f'<rect x="0.3" y="0.3" width="{_WIDTH_MM - 0.6}" height="{_HEIGHT_MM - 0.6}" rx="1.5" fill="#fff"'
        ' stroke="#000" stroke-width="0.3"/>',
        '<text x="3" y="5.6" font-size="3.6" font-weight="bold">R-Series</text>',
    ]
    y = 9.4
    for name, value in label.lines(say):
        parts.append(f'<text x="3" y="{y:.1f}" font-size="2" fill="#444">{escape(name)}</text>')
        parts.append(f'<text x="3" y="{y + 3:.1f}" font-size="2.8" font-family="monospace">{escape(value)}</text>')
        y += 6.1
    parts.append(_qr(ADDRESS))
    return "".join([*parts, "</svg>"])


def page(labels: Iterable[str], say: Say) -> str:
    """All labels, each as ``svg`` has drawn it, on one sheet."""
    drawn = "\n".join(f'<div class="label">{label}</div>' for label in labels)
    style = "body{margin:8mm;display:flex;flex-wrap:wrap;gap:4mm}.label{break-inside:avoid}"
    return _html(say("Labels"), style, drawn, say)


def _html(title: str, style: str, body: str, say: Say) -> str:
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{style}</style>'
    return f'<!DOCTYPE html>\n<html lang="{say.language}"><head>{head}</head>\n<body>\n{body}\n</body></html>\n'


def _qr(content: str) -> str:
    import segno

    written = io.BytesIO()
    code = segno.make_qr(content, error="m")
    side, _ = code.symbol_size(border=0)
    code.save(written, kind="svg", xmldecl=False, svgns=False, nl=False, border=0, omitsize=False)
    return f'<g transform="translate(42 4) scale({16.5 / side:.4f})">{written.getvalue().decode()}</g>'
