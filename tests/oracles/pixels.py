"""Pixels as independent readers give them: pydicom, OpenSlide, Pillow.

Reads a list of jobs as JSON on standard input, writes one raw file a job (rows, then columns, then channels; little
endian) into the folder named by the first argument, and prints what it wrote as JSON.
"""

import json
import struct
import sys
from pathlib import Path

import numpy as np
import openslide
import pydicom
from PIL import Image, ImageOps
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_windowing, pixel_array


def dicom(job):
    ds = pydicom.dcmread(job["path"], force=True)
    frames = int(ds.get("NumberOfFrames", 1) or 1)
    index = job.get("frame", 0) if frames > 1 else None
    if ds.PhotometricInterpretation == "PALETTE COLOR":
        colour = apply_color_lut(pixel_array(ds, raw=True, index=index), ds)
        return (colour >> 8).astype(np.uint8) if colour.dtype == np.uint16 else colour
    return pixel_array(ds, index=index)


def dicom_window(job):
    """Window, level and photometric inversion by pydicom, scaled to 8 bits."""
    ds = pydicom.dcmread(job["path"], force=True)
    values = apply_modality_lut(pixel_array(ds), ds)
    shown = apply_windowing(values, ds).astype(np.float64)
    stored = int(ds.BitsStored)
    if ds.PixelRepresentation == 1:
        bottom, top = -(2 ** (stored - 1)), 2 ** (stored - 1) - 1
    else:
        bottom, top = 0, 2**stored - 1
    if "RescaleSlope" in ds:
        slope, intercept = float(ds.RescaleSlope), float(ds.RescaleIntercept)
        bottom, top = bottom * slope + intercept, top * slope + intercept
    grey = np.floor((shown - bottom) / (top - bottom) * 255 + 0.5)
    if ds.PhotometricInterpretation == "MONOCHROME1":
        grey = 255 - grey
    return np.clip(grey, 0, 255).astype(np.uint8)


def dicom_order(job):
    """Files of a series by position along the slice normal."""
    placed = []
    for path in sorted(Path(job["path"]).iterdir()):
        try:
            ds = pydicom.dcmread(path, stop_before_pixels=True)
            across = np.array(ds.ImageOrientationPatient[:3], float)
            down = np.array(ds.ImageOrientationPatient[3:], float)
            place = float(np.dot(np.cross(across, down), np.array(ds.ImagePositionPatient, float)))
        except (pydicom.errors.InvalidDicomError, AttributeError):
            continue
        placed.append((place, path.name))
    return [name for _, name in sorted(placed)]


def slide(job):
    with openslide.OpenSlide(job["path"]) as source:
        if "associated" in job:
            return np.asarray(source.associated_images[job["associated"]].convert("RGB"))
        level = job.get("level", 0)
        region = source.read_region((0, 0), level, source.level_dimensions[level])
        return np.asarray(region)[:, :, :3]


def picture(job):
    Image.MAX_IMAGE_PIXELS = None
    with Image.open(job["path"]) as image:
        image.seek(job.get("page", 0))
        if image.mode in ("P", "CMYK", "YCbCr"):
            image = image.convert("RGB")
        return np.asarray(image)


def bmp(job):
    """A bitmap of a sample, written by Pillow next to the raw file, for there is none among the samples."""
    with Image.open(job["path"]) as image:
        image.convert(job["mode"]).save(job["out"])
    return picture({"path": job["out"]})


def turned(job):
    """A photograph with an orientation put in, and what Pillow makes of it."""
    if job["format"] == "tiff":
        with Image.open(job["path"]) as image:
            image.save(job["out"], format="TIFF", tiffinfo={274: job["turn"]})
        return picture({"path": job["out"]})
    data = Path(job["path"]).read_bytes()
    entry = struct.pack("<HHII", 274, 3, 1, job["turn"])
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + entry + struct.pack("<I", 0)
    Path(job["out"]).write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:])
    with Image.open(job["out"]) as image:
        return np.asarray(ImageOps.exif_transpose(image))


READERS = {
    "dicom": dicom,
    "window": dicom_window,
    "slide": slide,
    "picture": picture,
    "bmp": bmp,
    "turned": turned,
}


def main():
    folder = Path(sys.argv[1])
    results = []
    for number, job in enumerate(json.load(sys.stdin)):
        if job["kind"] == "order":
            results.append({"order": dicom_order(job)})
            continue
        try:
            pixels = np.ascontiguousarray(READERS[job["kind"]](job))
        except Exception as error:  # noqa: BLE001 - the test reports it beside the file
            results.append({"error": f"{type(error).__name__}: {error}"})
            continue
        (folder / f"{number}.raw").write_bytes(pixels.astype(pixels.dtype.newbyteorder("<")).tobytes())
        results.append({"shape": pixels.shape, "dtype": pixels.dtype.name})
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
