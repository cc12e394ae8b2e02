"""Photographs of every kind, written by Pillow and imagecodecs, and their pixels as those two read them.

Writes into the folder named by the first argument, reads the stills of the sample folder named by the second, and prints,
as JSON, one entry a picture: file, shape, dtype, the raw file with the other reader's pixels, the bound (0: equal; else the
mean difference allowed), whether a colour profile is inside, and the orientation's note.
"""

import io
import json
import struct
import sys
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
from PIL import Image, ImageCms, ImageOps

FOLDER, SAMPLES = Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None
Image.MAX_IMAGE_PIXELS = None
RESULTS = []
W, H = 181, 133
LOSSY = 1.0
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


def picture(channels, dtype=np.uint8, width=W, height=H):
    """Gradients with a texture, so that lossy coders have something to lose."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    planes = [
        0.5 + 0.3 * np.sin(x / (23 + 7 * c) + c) + 0.2 * np.cos(y / (17 + 3 * c) - c) * np.sin(x * y / 900)
        for c in range(channels)
    ]
    values = np.round(np.clip(np.stack(planes, -1), 0, 1) * np.iinfo(dtype).max).astype(dtype)
    return values[:, :, 0] if channels == 1 else values


def expect(path, pixels, bound=0.0, icc=False):
    raw = f"{len(RESULTS)}.raw"
    pixels = np.ascontiguousarray(pixels)
    if pixels.dtype == bool:
        pixels = pixels.astype(np.uint8) * 255
    (FOLDER / raw).write_bytes(pixels.astype(pixels.dtype.newbyteorder("<")).tobytes())
    RESULTS.append(
        {"file": str(path), "shape": pixels.shape, "dtype": pixels.dtype.name, "raw": raw, "bound": bound, "icc": icc}
    )


def reread(path, mode=None):
    with Image.open(path) as image:
        image = ImageOps.exif_transpose(image)
        if mode or image.mode in ("P", "CMYK", "YCbCr", "1", "LA"):
            transparent = "transparency" in image.info
            image = image.convert(mode or {"1": "L", "LA": "L"}.get(image.mode, "RGBA" if transparent else "RGB"))
        return np.asarray(image)


def saved(name, image, bound=0.0, icc=False, mode=None, **options):
    path = FOLDER / name
    image.save(path, **options)
    expect(path, reread(path, mode), bound, icc)
    return path


def jpegs():
    rgb, grey = Image.fromarray(picture(3)), Image.fromarray(picture(1))
    for sampling in (0, 1, 2):
        saved(f"s{sampling}.jpg", rgb, LOSSY, quality=90, subsampling=sampling)
        saved(f"p{sampling}.jpg", rgb, LOSSY, quality=90, subsampling=sampling, progressive=True)
    saved("grey.jpg", grey, LOSSY, quality=85)
    saved("profile.jpg", rgb, LOSSY, icc=True, icc_profile=PROFILE)
    # A profile of several segments: only its head is looked at, the rest may be anything.
    long = bytearray(PROFILE + bytes(150_000))
    long[:4] = struct.pack(">I", len(long))
    saved("long-profile.jpg", rgb, LOSSY, icc=True, icc_profile=bytes(long))
    cmyk = Image.fromarray(picture(4), "CMYK")
    saved("cmyk.jpg", cmyk, LOSSY, quality=95)
    saved("cmyk-progressive.jpg", cmyk, LOSSY, quality=95, progressive=True)
    # The same components said to be YCCK: the Adobe marker's last byte is the transform.
    data = bytearray((FOLDER / "cmyk.jpg").read_bytes())
    data[data.index(b"Adobe") + 11] = 2
    (FOLDER / "ycck.jpg").write_bytes(bytes(data))
    expect(FOLDER / "ycck.jpg", reread(FOLDER / "ycck.jpg"), LOSSY)
    for turn in range(1, 9):
        exif = Image.Exif()
        exif[274] = turn
        saved(f"turned{turn}.jpg", rgb, LOSSY, exif=exif)
    # Twelve bits: libjpeg-turbo 3 by imagecodecs; colour is compared as it is shown, over 16 bits.
    for name, channels in (("twelve.jpg", 1), ("twelve-rgb.jpg", 3)):
        data = imagecodecs.jpeg8_encode(picture(channels, np.uint16) >> 4, level=95, bitspersample=12)
        (FOLDER / name).write_bytes(data)
        pixels = imagecodecs.jpeg8_decode(data)
        expect(FOLDER / name, pixels if channels == 1 else pixels << 4 | pixels >> 8, LOSSY if channels == 1 else 24.0)
    restarts = imagecodecs.jpeg8_encode(picture(3), level=88)
    (FOLDER / "turbo.jpg").write_bytes(restarts)
    expect(FOLDER / "turbo.jpg", reread(FOLDER / "turbo.jpg"), LOSSY)


def adam7(values, bits, kind):
    """An interlaced PNG, which Pillow reads and does not write."""
    height, width = values.shape[:2]
    channels = 1 if values.ndim == 2 else values.shape[2]
    out = b""
    for x0, y0, dx, dy in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)):
        part = values[y0::dy, x0::dx]
        if part.size == 0:
            continue
        for row in part:
            if bits < 8:
                digits = "".join(f"{v:0{bits}b}" for v in row)
                digits += "0" * (-len(digits) % 8)
                out += b"\0" + int(digits, 2).to_bytes(len(digits) // 8, "big")
            else:
                out += b"\0" + row.astype(">u2" if bits == 16 else "u1").tobytes()

    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    assert channels == {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[kind]
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 1))
        + (chunk(b"PLTE", bytes(range(256)) * 3) if kind == 3 else b"")
        + chunk(b"IDAT", zlib.compress(out))
        + chunk(b"IEND", b"")
    )


def pngs():
    rgb, grey = Image.fromarray(picture(3)), Image.fromarray(picture(1))
    saved("rgb.png", rgb)
    saved("grey.png", grey)
    saved("one-bit.png", grey.convert("1"))
    saved("rgba.png", Image.fromarray(picture(4)))
    saved("grey-alpha.png", Image.fromarray(picture(2), "LA"))
    for colours in (2, 4, 16, 256):
        saved(f"palette{colours}.png", rgb.quantize(colours))
    saved("palette-clear.png", rgb.quantize(17), transparency=3)
    saved("profile.png", rgb, icc=True, icc_profile=PROFILE)
    exif = Image.Exif()
    exif[274] = 6
    saved("turned.png", rgb, exif=exif)
    for channels in (1, 3, 4):
        deep = picture(channels, np.uint16)
        (FOLDER / f"deep{channels}.png").write_bytes(imagecodecs.png_encode(deep))
        expect(FOLDER / f"deep{channels}.png", imagecodecs.png_decode((FOLDER / f"deep{channels}.png").read_bytes()))
    for name, values, bits, kind in (
        ("i1", picture(1) >> 7, 1, 0),
        ("i2", picture(1) >> 6, 2, 0),
        ("i4", picture(1) >> 4, 4, 0),
        ("i8", picture(1), 8, 0),
        ("i16", picture(1, np.uint16), 16, 0),
        ("irgb", picture(3), 8, 2),
        ("irgb16", picture(3, np.uint16), 16, 2),
        ("ipal", picture(1), 8, 3),
        ("irgba", picture(4), 8, 6),
    ):
        path = FOLDER / f"{name}.png"
        path.write_bytes(adam7(values, bits, kind))
        if bits == 16:
            expect(path, values)
        elif bits < 8:
            expect(path, (values.astype(np.uint16) * 255 // (2**bits - 1)).astype(np.uint8))
        else:
            expect(path, reread(path))


def bmps():
    """Pillow writes four kinds; the rest are put together here and read by Pillow."""
    rgb, grey = Image.fromarray(picture(3)), Image.fromarray(picture(1))
    saved("rgb.bmp", rgb)
    saved("palette.bmp", rgb.quantize(256))
    saved("one-bit.bmp", grey.convert("1"), mode="RGB")
    saved("grey.bmp", grey, mode="RGB")
    saved("bgra.bmp", Image.fromarray(picture(4)))

    def bitmap(name, bits, rows, height=H, masks=b"", palette=b"", compression=0, core=False, bound=0.0):
        body = b"".join(r + b"\0" * (-len(r) % 4) for r in rows) if compression not in (1, 2) else b"".join(rows)
        if core:
            head = struct.pack("<IHHHH", 12, W, height, 1, bits)
        else:
            head = struct.pack("<IiiHHIIiiII", 40, W, height, 1, bits, compression, len(body), 2835, 2835, 0, 0)
        start = 14 + len(head) + len(masks) + len(palette)
        data = b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + head + masks + palette + body
        path = FOLDER / name
        path.write_bytes(data)
        expect(path, reread(path, "RGB"), bound)

    small = picture(3)[::-1].astype(np.uint16)
    five = (small[:, :, 0] >> 3 << 10) | (small[:, :, 1] >> 3 << 5) | (small[:, :, 2] >> 3)
    six = (small[:, :, 0] >> 3 << 11) | (small[:, :, 1] >> 2 << 5) | (small[:, :, 2] >> 3)
    # Five bits are stretched to eight: Pillow cuts, we round, so that values differ by one.
    masks = struct.pack("<III", 0xF800, 0x7E0, 0x1F)
    bitmap("555.bmp", 16, [r.astype("<u2").tobytes() for r in five], bound=LOSSY)
    bitmap("565.bmp", 16, [r.astype("<u2").tobytes() for r in six], masks=masks, compression=3, bound=LOSSY)
    bitmap("top-down.bmp", 24, [r[:, ::-1].astype("u1").tobytes() for r in small[::-1]], height=-H)
    wide = np.dstack([small[:, :, ::-1], np.zeros_like(small[:, :, :1])]).astype("u1")
    bitmap("32.bmp", 32, [r.tobytes() for r in wide])
    index = picture(1)[::-1] >> 4
    ramp16 = b"".join(bytes([i * 17, 255 - i * 17, i * 9, 0]) for i in range(16))
    packed = [bytes(int(a) << 4 | int(b) for a, b in zip(r[0::2], np.append(r[1::2], 0))) for r in index]
    bitmap("4-bit.bmp", 4, packed, palette=ramp16)
    core16 = b"".join(bytes([i * 17, 255 - i * 17, i * 9]) for i in range(16))
    bitmap("os2.bmp", 4, packed, palette=core16, core=True)
    ramp256 = b"".join(bytes([i, 255 - i, i // 2, 0]) for i in range(256))
    runs = [b"".join(bytes([1, int(v)]) for v in r) + b"\0\0" for r in index * 16]
    bitmap("rle8.bmp", 8, [*runs, b"\0\1"], palette=ramp256, compression=1)
    runs4 = [b"".join(bytes([1, int(v) << 4]) for v in r) + b"\0\0" for r in index]
    bitmap("rle4.bmp", 4, [*runs4, b"\0\1"], palette=ramp16, compression=2)


def webps():
    rgb, rgba = Image.fromarray(picture(3)), Image.fromarray(picture(4))
    saved("lossless.webp", rgb, lossless=True)
    saved("lossless-alpha.webp", rgba, lossless=True, exact=True)
    saved("lossy.webp", rgb, LOSSY, quality=90)
    saved("lossy-alpha.webp", rgba, LOSSY, quality=90)
    saved("profile.webp", rgb, icc=True, lossless=True, icc_profile=PROFILE)
    exif = Image.Exif()
    exif[274] = 8
    saved("turned.webp", rgb, lossless=True, exif=exif)


def jp2s():
    rgb, rgba, grey = Image.fromarray(picture(3)), Image.fromarray(picture(4)), Image.fromarray(picture(1))
    saved("rgb.jp2", rgb, irreversible=False)
    saved("rgba.jp2", rgba, irreversible=False)
    saved("grey.jp2", grey, irreversible=False)
    saved("lossy.jp2", rgb, LOSSY, irreversible=True, quality_mode="rates", quality_layers=[12])
    saved("tiles.jp2", rgb, irreversible=False, tile_size=(64, 64))
    saved("bare.j2k", rgb, irreversible=False, no_jp2=True)
    for name, codec in (("deep.jp2", "jp2"), ("deep.j2k", "j2k")):
        deep = picture(1, np.uint16)
        (FOLDER / name).write_bytes(imagecodecs.jpeg2k_encode(deep, level=0, codecformat=codec))
        expect(FOLDER / name, imagecodecs.jpeg2k_decode((FOLDER / name).read_bytes()))
    twelve = picture(1, np.uint16) >> 4
    (FOLDER / "twelve.jp2").write_bytes(imagecodecs.jpeg2k_encode(twelve, level=0, bitspersample=12))
    expect(FOLDER / "twelve.jp2", twelve)
    colour = picture(3, np.uint16)
    (FOLDER / "deep-rgb.jp2").write_bytes(imagecodecs.jpeg2k_encode(colour, level=0))
    expect(FOLDER / "deep-rgb.jp2", colour)


def samples():
    """Every still among the samples that Pillow reads."""
    endings = {".jpg": LOSSY, ".jpeg": LOSSY, ".png": 0.0, ".bmp": 0.0, ".webp": LOSSY, ".jp2": LOSSY, ".j2k": LOSSY}
    for path in sorted(SAMPLES.rglob("*")):
        if path.suffix.lower() not in endings or "broken" in path.parts:
            continue
        try:
            with Image.open(path) as image:
                kind, deep = image.format, image.mode.startswith("I")
                profile = image.info.get("icc_profile")
            pixels = imagecodecs.imread(path) if deep else reread(path)
        except Exception as error:  # noqa: BLE001 - listed
            print(f"{path.name}: {type(error).__name__}", file=sys.stderr)
            continue
        expect(path, pixels, 0.0 if kind in ("PNG", "BMP") else LOSSY, bool(profile))


for make in (jpegs, pngs, bmps, webps, jp2s):
    make()
if SAMPLES:
    samples()
json.dump(RESULTS, sys.stdout)
