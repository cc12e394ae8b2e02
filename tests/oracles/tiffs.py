"""TIFF files of every kind, written by tifffile, and their pixels as tifffile and Pillow read them.

Writes into the folder named by the first argument and prints, as JSON, one entry a page that is to be compared: file,
frame, level, shape, dtype, the raw file with the other reader's pixels, and whether they must be equal.
"""

import json
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

FOLDER = Path(sys.argv[1])
RESULTS = []
W, H = 181, 133


def picture(width, height, channels, dtype, phase=0):
    """Gradients with a texture, so that lossy coders have something to lose."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    planes = [
        0.5 + 0.3 * np.sin(x / (23 + 7 * c) + phase + c) + 0.2 * np.cos(y / (17 + 3 * c) - c) * np.sin(x * y / 900)
        for c in range(channels)
    ]
    info = np.iinfo(dtype)
    values = info.min + np.clip(np.stack(planes, -1), 0, 1) * (float(info.max) - info.min)
    values = np.round(values).astype(dtype)
    return values[:, :, 0] if channels == 1 else values


def expect(file, pixels, exact=True, frame=0, level=0):
    raw = f"{len(RESULTS)}.raw"
    pixels = np.ascontiguousarray(pixels)
    if pixels.dtype == np.float16:
        pixels = pixels.astype(np.float32)  # exact, and what the comparison reads
    (FOLDER / raw).write_bytes(pixels.astype(pixels.dtype.newbyteorder("<")).tobytes())
    RESULTS.append(
        {
            "file": file,
            "frame": frame,
            "level": level,
            "shape": pixels.shape,
            "dtype": pixels.dtype.name,
            "raw": raw,
            "exact": exact,
        }
    )


def lossless():
    kinds = {
        "rgb8": (picture(W, H, 3, np.uint8), "rgb"),
        "grey8": (picture(W, H, 1, np.uint8), "minisblack"),
        "inverted8": (picture(W, H, 1, np.uint8), "miniswhite"),
        "grey16": (picture(W, H, 1, np.uint16), "minisblack"),
        "rgb16": (picture(W, H, 3, np.uint16), "rgb"),
        "signed16": (picture(W, H, 1, np.int16), "minisblack"),
    }
    codings = [None, "lzw", "deflate", "adobe_deflate", "packbits", "zstd"]
    for kind, (pixels, photometric) in kinds.items():
        for coding in codings:
            for cut in ({"tile": (64, 48)}, {"rowsperstrip": 21}):
                for predictor in (False, True):
                    if predictor and coding in (None, "packbits"):
                        continue
                    if coding == "lzw" and predictor and kind == "inverted8":
                        continue
                    big = kind == "grey16"
                    name = f"{kind}-{coding}-{'tile' if 'tile' in cut else 'strip'}-{predictor}.tif"
                    tifffile.imwrite(
                        FOLDER / name,
                        pixels,
                        photometric=photometric,
                        compression=coding,
                        predictor=predictor,
                        byteorder=">" if big else "<",
                        bigtiff=kind == "rgb16",
                        metadata=None,
                        **cut,
                    )
                    read = tifffile.imread(FOLDER / name)
                    assert np.array_equal(read, pixels), name
                    expect(name, read)
    planes = np.moveaxis(picture(W, H, 3, np.uint8), -1, 0)
    for cut in ({"tile": (64, 48)}, {"rowsperstrip": 21}):
        name = f"planar-{len(RESULTS)}.tif"
        tifffile.imwrite(
            FOLDER / name, planes, photometric="rgb", planarconfig="separate", compression="deflate", predictor=True, **cut
        )
        expect(name, np.moveaxis(tifffile.imread(FOLDER / name), 0, -1))
    indices = picture(W, H, 1, np.uint8)
    colours = np.random.default_rng(4).integers(0, 256, (3, 256)).astype(np.uint16) * 257
    tifffile.imwrite(FOLDER / "palette.tif", indices, photometric="palette", colormap=colours, tile=(64, 48), compression="zstd")
    with Image.open(FOLDER / "palette.tif") as image:
        expect("palette.tif", np.asarray(image.convert("RGB")))


def coded():
    colour, grey, deep = picture(W, H, 3, np.uint8), picture(W, H, 1, np.uint8), picture(W, H, 1, np.uint16)
    cases = [
        ("webp-lossless", colour, "rgb", "webp", {"lossless": True}, True),
        ("webp-lossy", colour, "rgb", "webp", {"level": 80}, False),
        ("j2k-rgb", colour, "rgb", "jpeg2000", {}, True),
        ("j2k-grey16", deep, "minisblack", "jpeg2000", {}, True),
        ("j2k-33005", colour, "rgb", 33005, {}, True),
        ("jpeg-grey", grey, "minisblack", "jpeg", {"level": 90}, False),
        ("jpeg-rgb", colour, "rgb", "jpeg", {"level": 90, "outcolorspace": "rgb"}, False),
    ]
    for name, pixels, photometric, coding, args, exact in cases:
        for cut in ({"tile": (64, 48)}, {"rowsperstrip": 48}):
            file = f"{name}-{'tile' if 'tile' in cut else 'strip'}.tif"
            tifffile.imwrite(
                FOLDER / file, pixels, photometric=photometric, compression=coding, compressionargs=args, metadata=None, **cut
            )
            read = tifffile.imread(FOLDER / file)
            assert not exact or np.array_equal(read, pixels), file
            expect(file, read, exact)
    for cut in ({"tile": (64, 48)}, {"rowsperstrip": 48}):
        file = f"jpeg-12-{len(cut.get('tile', ()))}.tif"
        tifffile.imwrite(
            FOLDER / file, deep >> 4, photometric="minisblack", compression="jpeg", compressionargs={"level": 95, "bitspersample": 12},
            bitspersample=12, metadata=None, **cut,
        )
        expect(file, tifffile.imread(FOLDER / file), False)
    for sampling in ((1, 1), (2, 1), (2, 2)):
        file = f"jpeg-ycbcr-{sampling[0]}{sampling[1]}.tif"
        tifffile.imwrite(
            FOLDER / file, colour, photometric="ycbcr", compression="jpeg", compressionargs={"level": 92}, subsampling=sampling, tile=(64, 48)
        )
        with Image.open(FOLDER / file) as image:
            expect(file, np.asarray(image.convert("RGB")), False)
    # libtiff puts the tables of all strips into JPEGTables.
    Image.fromarray(colour).save(FOLDER / "shared-tables.tif", compression="jpeg", quality=91)
    with tifffile.TiffFile(FOLDER / "shared-tables.tif") as file:
        assert file.pages[0].jpegtables, "the tables are not shared"
    with Image.open(FOLDER / "shared-tables.tif") as image:
        expect("shared-tables.tif", np.asarray(image.convert("RGB")), False)


def ycbcr_units(across, down, coding, pixels=None):
    """Subsampled YCbCr without JPEG, which tifffile does not write; Pillow reads it through libtiff when compressed."""
    name = f"units-{across}{down}-{coding}.tif"
    ycc = np.asarray(Image.fromarray(picture(W, H, 3, np.uint8)).convert("YCbCr")).astype(np.int32)
    wide, high = -(-W // across) * across, -(-H // down) * down
    ycc = np.pad(ycc, ((0, high - H), (0, wide - W), (0, 0)), mode="edge")
    blocks = ycc.reshape(high // down, down, wide // across, across, 3).transpose(0, 2, 1, 3, 4)
    units = [blocks[..., 0].reshape(high // down, wide // across, across * down)]
    units += [blocks[..., c].mean(axis=(2, 3))[..., None] for c in (1, 2)]
    data = np.round(np.concatenate(units, -1)).astype(np.uint8).tobytes()
    data = zlib.compress(data) if coding == 8 else data
    entries = [(256, 4, W), (257, 4, H), (258, 3, 0), (259, 3, coding), (262, 3, 6), (273, 4, 0), (277, 3, 3)]
    entries += [(278, 4, H), (279, 4, len(data)), (284, 3, 1), (530, 3, across | down << 16)]
    entries += [(532, 5, 0)]
    end = 8 + 2 + 12 * len(entries) + 4
    places = {258: end, 532: end + 6, 273: end + 54}
    table = b""
    for tag, kind, value in entries:
        count = {258: 3, 530: 2, 532: 6}.get(tag, 1)
        table += struct.pack("<HHII", tag, kind, count, places.get(tag, value))
    black_white = struct.pack("<12I", 0, 1, 255, 1, 128, 1, 255, 1, 128, 1, 255, 1)
    whole = b"II*\0" + struct.pack("<IH", 8, len(entries)) + table + bytes(4) + struct.pack("<3H", 8, 8, 8) + black_white + data
    (FOLDER / name).write_bytes(whole)
    if pixels is None:
        with Image.open(FOLDER / name) as image:
            pixels = np.asarray(image.convert("RGB"))
    expect(name, pixels, False)
    return pixels


def pyramids():
    full = picture(512, 384, 3, np.uint8)
    small = [full[::2, ::2], full[::4, ::4]]
    options = {"photometric": "rgb", "compression": "zstd", "predictor": True}
    for kind, cut in (("tile", {"tile": (64, 64)}), ("strip", {"rowsperstrip": 32})):
        name = f"subifd-{kind}.tif"
        with tifffile.TiffWriter(FOLDER / name, bigtiff=True) as writer:
            writer.write(full, subifds=2, metadata=None, **options, **cut)
            for level in small:
                writer.write(level, subfiletype=1, metadata=None, **options, **cut)
        name2 = f"chain-{kind}.tif"
        with tifffile.TiffWriter(FOLDER / name2) as writer:
            for level, pixels in enumerate([full, *small]):
                writer.write(pixels, subfiletype=min(level, 1), metadata=None, **options, **cut)
        for file in (name, name2):
            for level, pixels in enumerate([full, *small]):
                expect(file, pixels, level=level)
    stack = np.stack([picture(W, H, 1, np.uint16, phase) for phase in range(3)])
    tifffile.imwrite(FOLDER / "stack.tif", stack, photometric="minisblack", tile=(64, 48), compression="lzw", metadata=None)
    tifffile.imwrite(
        FOLDER / "five-channels.tif", np.moveaxis(picture(W, H, 5, np.uint16), -1, 0), photometric="minisblack",
        planarconfig="separate", tile=(64, 48), compression="zstd", metadata=None,
    )
    tifffile.imwrite(
        FOLDER / "five-together.tif", picture(W, H, 5, np.uint8), photometric="minisblack", planarconfig="contig",
        rowsperstrip=20, compression="lzw", metadata=None,
    )
    for frame in range(3):
        expect("stack.tif", tifffile.imread(FOLDER / "stack.tif")[frame], frame=frame)
    for frame in range(5):
        expect("five-channels.tif", tifffile.imread(FOLDER / "five-channels.tif")[frame], frame=frame)
        expect("five-together.tif", tifffile.imread(FOLDER / "five-together.tif")[:, :, frame], frame=frame)


def ome():
    planes = np.stack([np.stack([picture(256, 192, 1, np.uint16, 5 * z + c) for c in range(2)]) for z in range(3)])
    metadata = {
        "axes": "ZCYX", "PhysicalSizeX": 0.25, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 251, "PhysicalSizeYUnit": "nm",
        "Channel": {"Name": ["DAPI", "FITC"]},
    }
    with tifffile.TiffWriter(FOLDER / "planes.ome.tif", bigtiff=True) as writer:
        writer.write(planes, subifds=1, tile=(64, 64), compression="zstd", photometric="minisblack", metadata=metadata)
        writer.write(planes[:, :, ::2, ::2], subfiletype=1, tile=(64, 64), compression="zstd", photometric="minisblack")
    for c in range(2):
        for z in range(3):
            expect("planes.ome.tif", planes[z, c], frame=c * 3 + z)
            expect("planes.ome.tif", planes[z, c, ::2, ::2], frame=c * 3 + z, level=1)
    # One plane a file, the deepest first; the last one is missing.
    listed = "".join(
        f'<TiffData IFD="0" FirstZ="{z}" PlaneCount="1"><UUID FileName="z{z}.ome.tif">urn:uuid:{z}</UUID></TiffData>'
        for z in (2, 1, 0, 3)
    )
    for z in range(3):
        text = (
            f'<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:{z}">'
            '<Image ID="Image:0"><Pixels DimensionOrder="XYZCT" ID="Pixels:0" SizeC="1" SizeT="1" SizeX="256" SizeY="192" '
            f'SizeZ="4" Type="uint16">{listed}</Pixels></Image></OME>'
        )
        tifffile.imwrite(FOLDER / f"z{z}.ome.tif", planes[z, 0], description=text, metadata=None, compression="deflate", ome=False)
    for z in range(3):
        own = tifffile.imread(FOLDER / f"z{z}.ome.tif", is_ome=False)
        expect("z0.ome.tif", own, frame=z)
        expect(f"z{z}.ome.tif", own)


def numbers():
    """Samples beyond 16 bits, floating-point numbers with both predictors, packed words, inks, reversed bits, a profile."""
    y, x = np.mgrid[0:H, 0:W].astype(np.float64)
    wave = np.sin(x / 23) * np.cos(y / 17) * (1 + x * y / 9000)
    kinds = {
        "float16": (wave.astype(np.float16), (False, 3)),
        "float32": (wave.astype(np.float32), (False, 3)),
        "float64": (wave, (False, 3)),
        "int32": ((wave * 2**31 / (1.001 * np.abs(wave).max())).astype(np.int32), (False, 2)),
        "uint32": ((np.abs(wave) * 2**32 / (1.001 * np.abs(wave).max())).astype(np.uint32), (False, 2)),
    }
    for kind, (pixels, predictors) in kinds.items():
        for predictor in predictors:
            for order in "<>":
                for cut in ({"tile": (64, 48)}, {"rowsperstrip": 21}):
                    name = f"{kind}-{predictor}-{'big' if order == '>' else 'little'}-{len(cut.get('tile', ()))}.tif"
                    tifffile.imwrite(
                        FOLDER / name, pixels, photometric="minisblack", compression="deflate", predictor=predictor,
                        byteorder=order, metadata=None, **cut,
                    )
                    read = tifffile.imread(FOLDER / name)
                    assert np.array_equal(read, pixels), name
                    expect(name, read)
    inks = picture(W, H, 4, np.uint8)
    Image.fromarray(inks, "CMYK").save(FOLDER / "inks.tif", compression="tiff_lzw", icc_profile=b"a profile of no use")
    with Image.open(FOLDER / "inks.tif") as image:
        assert image.mode == "CMYK"
    black = 255 - inks[:, :, 3:].astype(np.int32)
    # libtiff's and Pillow's formula without a profile.
    expect("inks.tif", np.round((255 - inks[:, :, :3].astype(np.int32)) * black / 255).astype(np.uint8))
    for bits in (10, 12, 14):
        values = picture(W, H, 1, np.uint16) >> (16 - bits)
        rows = [np.unpackbits(row.astype(">u2").view(np.uint8)).reshape(-1, 16)[:, 16 - bits :].ravel() for row in values]
        hand_made(f"packed-{bits}.tif", bits, b"".join(np.packbits(row).tobytes() for row in rows), 1)
        assert np.array_equal(tifffile.imread(FOLDER / f"packed-{bits}.tif"), values), bits
        expect(f"packed-{bits}.tif", values)
    grey = picture(W, H, 1, np.uint8)
    bits = np.packbits(grey > 127, axis=1)
    reversed_bits = np.packbits(np.unpackbits(bits, axis=1).reshape(H, -1, 8)[:, :, ::-1], axis=2)
    hand_made("reversed.tif", 1, reversed_bits.tobytes(), 2)
    with Image.open(FOLDER / "reversed.tif") as image:
        read = np.asarray(image.convert("L"))
    assert np.array_equal(read, np.where(grey > 127, 255, 0)), "reversed"
    expect("reversed.tif", read)


def hand_made(name, bits, data, fill_order):
    """A grey strip whose bits lie as they are given."""
    entries = [(256, W), (257, H), (258, bits), (259, 1), (262, 1), (266, fill_order), (273, 0), (277, 1), (278, H), (279, len(data))]
    start = 8 + 2 + 12 * len(entries) + 4
    table = b"".join(struct.pack("<HHII", tag, 4, 1, start if tag == 273 else value) for tag, value in entries)
    (FOLDER / name).write_bytes(b"II*\0" + struct.pack("<IH", 8, len(entries)) + table + bytes(4) + data)


lossless()
coded()
numbers()
for shape in ((1, 1), (2, 1), (2, 2), (4, 2)):
    ycbcr_units(*shape, 1, ycbcr_units(*shape, 8))
pyramids()
ome()
json.dump(RESULTS, sys.stdout)
