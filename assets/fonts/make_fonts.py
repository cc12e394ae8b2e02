#!/usr/bin/env python3
"""Makes the two fonts that are built into Shoken.

ShokenSans.otf   a subset of Noto Sans CJK JP Regular (Debian package fonts-noto-cjk, SIL OFL 1.1): JIS X 0208 levels 1
                 and 2, the NEC/IBM kanji of CP932 (names such as 髙 and 﨑), Latin with diacritics, Greek, punctuation,
                 arrows and the signs that measurements need. Its digits are all 555/1000 em wide, so numbers are tabular.
ShokenIcons.ttf  the icons named in ICONS from Phosphor regular (npm @phosphor-icons/web 2.1.2, MIT), at their own
                 private-use code points.

Usage: pip install fonttools; npm pack @phosphor-icons/web@2.1.2 && tar xzf phosphor-icons-web-2.1.2.tgz
       make_fonts.py /usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc package/src/regular
It rewrites the fonts beside itself and src/gui/icons.rs.
"""

import pathlib
import re
import sys

from fontTools import subset
from fontTools.ttLib import TTCollection

ICONS = """
folder-open file-image graduation-cap list magnifying-glass polygon cursor rectangle circle dot-outline
arrow-counter-clockwise arrow-clockwise trash eye-slash check-circle warning info keyboard translate moon
stack arrows-out corners-out sliders-horizontal clock-counter-clockwise note-pencil paper-plane-tilt
scales command caret-up caret-down caret-left caret-right sidebar-simple tag plus minus microscope
image-square hard-drives link-break circle-dashed pencil-simple-line seal-check frame-corners
circle-half-tilt camera sign-out
""".split()


def characters():
    """Every character the bundled font must hold."""
    wanted = set(range(0x20, 0x7F)) | set(range(0xA0, 0x180)) | set(range(0x391, 0x3CA))
    for encoding in ("euc_jp", "cp932"):
        for lead in range(0x81, 0xFF):
            for trail in range(0x40, 0xFF):
                try:
                    wanted.update(map(ord, bytes([lead, trail]).decode(encoding)))
                except UnicodeDecodeError:
                    pass
    wanted |= set(range(0x3000, 0x3100)) | set(range(0xFF01, 0xFFEF)) | set(range(0x2010, 0x2050))
    wanted |= set(map(ord, "\u2009\u202f²³¹⁰⁴⁵⁶⁷⁸⁹⁻₀₁₂₃₄€™℃Ω←↑→↓↔⇧⌘⌥⏎⌫≈≠≤≥−×÷√∞●○◎◆◇■□▲△▼▽★☆✓✕▮▯…‥⋯①②③④⑤⑥⑦⑧⑨⑩"))
    return {c for c in wanted if c < 0xE000 or c >= 0xF900}


def cut(font, codepoints, out, features):
    options = subset.Options()
    options.layout_features = features
    options.hinting = False
    options.desubroutinize = False
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.notdef_outline = True
    options.drop_tables += ["vhea", "vmtx", "VORG", "BASE", "GSUB"] if not features else []
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=codepoints)
    subsetter.subset(font)
    subset.save_font(font, out, options)


def main():
    here = pathlib.Path(__file__).resolve().parent
    noto, phosphor = sys.argv[1], pathlib.Path(sys.argv[2])
    sans = TTCollection(noto).fonts[0]
    have = set(sans.getBestCmap())
    cut(sans, characters() & have, here / "ShokenSans.otf", ["kern", "ccmp", "locl", "mark"])

    css = (phosphor / "style.css").read_text()
    points = dict(re.findall(r'\.ph-([a-z0-9-]+):before \{\s*content: "\\([0-9a-f]+)"', css))
    missing = [name for name in ICONS if name not in points]
    if missing:
        sys.exit(f"no such Phosphor icons: {missing}")
    icons = subset.load_font(str(phosphor / "Phosphor.ttf"), subset.Options())
    cut(icons, [int(points[name], 16) for name in ICONS], here / "ShokenIcons.ttf", [])

    lines = ["//! Code points of the icon font; written by `assets/fonts/make_fonts.py`, which also says where they come from.", ""]
    for name in sorted(ICONS):
        lines.append(f'pub const {name.upper().replace("-", "_")}: &str = "\\u{{{points[name]}}}";')
    (here.parent.parent / "src/gui/icons.rs").write_text("\n".join(lines) + "\n")
    for font in ("ShokenSans.otf", "ShokenIcons.ttf"):
        print(font, (here / font).stat().st_size, "bytes")


if __name__ == "__main__":
    main()
