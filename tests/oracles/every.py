"""Every sample that an independent reader decodes: pydicom, GDCM, OpenSlide, tifffile, Pillow.

    every.py SAMPLES OUT STEP

Writes raw pixels (rows, columns, channels; little endian) into the folder OUT and prints one JSON line a picture: file,
reader, what of the file (frame, level, page), shape, dtype, and whether the coding is lossless. Of many frames the first,
the middle and the last are taken; STEP 1 takes all.
"""

import json
import sys
import warnings
from pathlib import Path

import gdcm
import numpy as np
import openslide
import pydicom
import tifffile
from PIL import Image
from pydicom.encaps import generate_frames
from pydicom.pixels import apply_color_lut, pixel_array

LOSSY_DICOM = {"4.50", "4.51", "4.81", "4.91", "4.93", "4.112", "4.203"}
# Photographs as large as this are no test of a decoder but of patience.
LARGEST = 40_000_000


def some(count, step):
    """The first, the middle and the last of so many."""
    return range(count) if step == 1 else sorted({0, count // 2, count - 1})


def by_gdcm(path):
    """What GDCM decodes although pydicom does not pass it on: 12-bit JPEG."""
    reader = gdcm.ImageReader()
    reader.SetFileName(str(path))
    if not reader.Read() or reader.GetImage().GetNumberOfDimensions() != 2:
        raise ValueError("GDCM does not read it either")
    image = reader.GetImage()
    kinds = {"UINT8": "u1", "INT8": "i1", "UINT16": "<u2", "INT16": "<i2", "UINT12": "<u2", "INT12": "<i2"}
    kind = kinds[image.GetPixelFormat().GetScalarTypeAsString()]
    raw = image.GetBuffer().encode("utf-8", errors="surrogateescape")
    return np.frombuffer(raw, kind).reshape(image.GetDimension(1), image.GetDimension(0))


def dicom(path, step):
    ds = pydicom.dcmread(path, force=True)
    if not any(name in ds for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        return
    frames = int(ds.get("NumberOfFrames", 1) or 1)
    uid = str(ds.file_meta.get("TransferSyntaxUID", "")) if "TransferSyntaxUID" in ds.file_meta else ""
    exact = uid.removeprefix("1.2.840.10008.1.2.") not in LOSSY_DICOM
    # A file may say that it is lossless and hold a lossy stream: the marker of the frame tells.
    if uid[-4:] in ("4.57", "4.70"):
        stream = next(generate_frames(ds.PixelData, number_of_frames=frames))
        exact = b"\xff\xc3" in stream[:4096]
    # Colour that is kept as luma and chroma is turned into RGB with rounding.
    colour = str(ds.get("PhotometricInterpretation", ""))
    exact = exact and not colour.startswith("YBR_FULL") and "PARTIAL" not in colour
    for frame in some(frames, step):
        index = frame if frames > 1 else None
        if colour == "PALETTE COLOR":
            pixels = apply_color_lut(pixel_array(ds, raw=True, index=index), ds)
            pixels = (pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else pixels
        elif frames == 1 and uid.endswith("4.51"):
            yield {"reader": "gdcm", "frame": 0, "level": 0, "exact": False}, by_gdcm(path)
            continue
        else:
            pixels = pixel_array(ds, index=index)
        yield {"reader": "pydicom", "frame": frame, "level": 0, "exact": exact}, pixels


def slide(path, _step):
    if openslide.OpenSlide.detect_format(path) in (None, "dicom"):
        return
    with tifffile.TiffFile(path) as tif:
        # OpenSlide makes further levels of an NDPI by decoding at a fraction of the size; compared are those stored.
        stored = len(tif.series[0].levels) if tif.is_ndpi else 1000
        grey = tif.pages[0].samplesperpixel == 1
        # OpenSlide's TIFF library turns each tile on its own, and has no signed samples.
        if tif.pages[0].tags.valueof(274, 1) != 1 or tif.pages[0].sampleformat != 1:
            return
    with openslide.OpenSlide(path) as source:
        for level, size in enumerate(source.level_dimensions[:stored]):
            if size[0] * size[1] <= LARGEST:
                region = np.asarray(source.read_region((0, 0), level, size))
                exact = source.properties.get("tiff.Compression", "") in ("8", "5", "1", "32773")
                yield {"reader": "openslide", "frame": 0, "level": level, "exact": exact}, region[:, :, 0] if grey else region[:, :, :3]
        for name, image in source.associated_images.items():
            what = {"reader": "openslide", "associated": name, "exact": False}
            yield what, np.asarray(image.convert("RGB"))


def tiff(path, step):
    lossless = {1, 5, 8, 32773, 32946, 50000, 34925}
    with tifffile.TiffFile(path) as tif:
        if tif.is_ndpi:
            return
        series = tif.series[0]
        if series.levels[0].pages[0] is None:
            return
        for level, pages in enumerate(series.levels):
            for plane in some(len(pages.pages), step):
                page = pages.pages[plane]
                # A frame shares the description of the first page; what is left out of a set is None.
                page = page.aspage() if isinstance(page, tifffile.TiffFrame) else page
                if page is None or page.imagelength * page.imagewidth > LARGEST:
                    continue
                pixels = page.asarray()
                if page.planarconfig == 2 and page.samplesperpixel > 1:
                    pixels = np.moveaxis(pixels, 0, -1)
                if page.photometric == 3:
                    pixels = (page.colormap[:, pixels] >> 8).astype(np.uint8).transpose(1, 2, 0)
                what = {"reader": "tifffile", "frame": plane, "level": level}
                yield what | {"exact": int(page.compression) in lossless and int(page.photometric) != 6}, pixels


def picture(path, step):
    with Image.open(path) as image:
        if image.format in ("TIFF", "MPO") or image.size[0] * image.size[1] > LARGEST:
            return
        lossy = image.format in ("JPEG", "WEBP", "JPEG2000", "AVIF")
        for page in some(getattr(image, "n_frames", 1), step):
            image.seek(page)
            shown = image.convert("RGB") if image.mode in ("P", "CMYK", "YCbCr") else image
            if shown.mode == "1":
                shown = shown.convert("L")
            yield {"reader": "Pillow", "frame": page, "level": 0, "exact": not lossy}, np.asarray(shown)


def readers(path, head):
    if head[128:132] == b"DICM" or path.suffix in (".dcm", ".dicom"):
        return [dicom]
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return [slide, tiff]
    return [picture]


def main():
    samples, out, step = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    warnings.simplefilter("ignore")
    Image.MAX_IMAGE_PIXELS = None
    number = 0
    for path in sorted(p for p in samples.rglob("*") if p.is_file()):
        with path.open("rb") as file:
            head = file.read(132)
        name = str(path.relative_to(samples))
        for reader in readers(path, head):
            try:
                for what, pixels in reader(path, step):
                    pixels = np.ascontiguousarray(pixels)
                    if pixels.dtype == bool:
                        pixels = pixels.astype(np.uint8) * 255
                    if pixels.ndim == 3 and pixels.shape[2] == 1:
                        pixels = pixels[:, :, 0]
                    raw = f"{number}.raw"
                    number += 1
                    (out / raw).write_bytes(pixels.astype(pixels.dtype.newbyteorder("<")).tobytes())
                    print(json.dumps({"file": name, "shape": pixels.shape, "dtype": pixels.dtype.name, "raw": raw} | what))
            except Exception as error:  # noqa: BLE001 - that it cannot decode a file is an answer too
                text = f"{type(error).__name__}: {error}".splitlines()[0][:160]
                print(json.dumps({"file": name, "reader": reader.__name__, "error": text}))


if __name__ == "__main__":
    main()
