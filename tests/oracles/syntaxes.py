"""DICOM pixels of every transfer syntax as pydicom and imagecodecs give them.

`sweep`: reads a list of {path, frame} as JSON on standard input, writes one raw file of little-endian doubles a job into the
folder named by the second argument, and prints what it wrote.
`make`: writes DICOM files of codings that are rare among samples, encoded by imagecodecs from seeded pictures, into the
folder named by the second argument, each with the pixels that decoding has to give (`NAME.dcm`, `NAME.raw` of doubles), and
prints the list.
"""

import json
import sys
import warnings
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, encapsulate_extended, generate_frames
from pydicom.pixels import apply_color_lut, pixel_array
from pydicom._uid_dict import UID_dictionary
from pydicom.uid import UID

warnings.filterwarnings("ignore")


def read(path, frame):
    ds = pydicom.dcmread(path, force=True)
    frames = int(ds.get("NumberOfFrames", 1) or 1)
    index = frame if frames > 1 else None
    if ds.PhotometricInterpretation == "PALETTE COLOR":
        colour = apply_color_lut(pixel_array(ds, raw=True, index=index), ds)
        return (colour >> 8).astype(np.uint8) if colour.dtype == np.uint16 else colour
    if str(ds.file_meta.TransferSyntaxUID).startswith("1.2.840.10008.1.2.4.11"):
        coded = list(generate_frames(ds.PixelData, number_of_frames=frames))[frame]
        return imagecodecs.jpegxl_decode(coded)
    return pixel_array(ds, index=index)


def deep_colour(pixels, ds):
    """Deep colour is handed out in the full range of 16 bits."""
    if pixels.ndim == 3 and pixels.dtype == np.uint32:
        return pixels >> 16
    return pixels


def sweep(out):
    results = []
    for number, job in enumerate(json.load(sys.stdin)):
        try:
            pixels = np.ascontiguousarray(deep_colour(read(job["path"], job["frame"]), None))
        except Exception as error:  # noqa: BLE001 - the test reports it beside the file
            results.append({"error": f"{type(error).__name__}: {error}"[:120]})
            continue
        pixels.astype("<f8").tofile(out / f"{number}.raw")
        results.append({"shape": pixels.shape, "dtype": pixels.dtype.name})
    json.dump(results, sys.stdout)


def picture(bits, channels, seed, size=(61, 83)):
    """Smooth shapes, flat ground and noise: every mode of the codecs is entered."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0 : size[0], 0 : size[1]]
    top = 2**bits - 1
    planes = []
    for channel in range(channels):
        wave = (np.sin(x / (7 + channel)) * np.cos(y / 11) + 1) / 2
        plane = wave * top * 0.7 + rng.integers(0, max(2, top // 64), size)
        plane[10:25, 20:60] = top // (3 + channel)
        plane[40:50, :] = 0
        plane[50:, 70:] = top
        plane[30:34, 5:15] = rng.integers(0, top + 1, (4, 10))
        planes.append(np.clip(plane, 0, top))
    stacked = planes[0] if channels == 1 else np.stack(planes, axis=-1)
    return stacked.astype(np.uint8 if bits <= 8 else np.uint16)


# Newer than this pydicom's dictionary.
for unknown in ("1.2.840.10008.1.2.4.110", "1.2.840.10008.1.2.4.112", "1.2.840.10008.1.2.1.98", "1.2.840.10008.1.2.8.1"):
    UID_dictionary.setdefault(unknown, (unknown, "Transfer Syntax", "", "", ""))


def write(out, name, uid, frames, pixels, bits, photometric, signed=False, extended=False, raw=None):
    shape = pixels[0].shape
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = UID(uid)
    ds.file_meta.MediaStorageSOPClassUID = UID("1.2.840.10008.5.1.4.1.1.7")
    ds.file_meta.MediaStorageSOPInstanceUID = UID("1.2.826.0.1.3680043.8.498.1")
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID
    ds.Modality = "OT"
    ds.Rows, ds.Columns = shape[:2]
    ds.SamplesPerPixel = 1 if len(shape) == 2 else 3
    if ds.SamplesPerPixel == 3:
        ds.PlanarConfiguration = 0
    ds.PhotometricInterpretation = photometric
    ds.BitsAllocated = 8 if bits <= 8 else 16
    ds.BitsStored = bits
    ds.HighBit = bits - 1
    ds.PixelRepresentation = int(signed)
    ds.NumberOfFrames = len(frames)
    if raw is not None:
        ds.PixelData = raw
    elif extended:
        data, offsets, lengths = encapsulate_extended(frames)
        ds.PixelData, ds.ExtendedOffsetTable, ds.ExtendedOffsetTableLengths = data, offsets, lengths
    else:
        ds.PixelData = encapsulate(frames)
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = raw is None
    ds.save_as(out / f"{name}.dcm", enforce_file_format=True)
    np.stack(pixels).astype("<f8").tofile(out / f"{name}.raw")
    return {"name": name, "frames": len(frames), "shape": list(shape), "bits": bits}


def make(out):
    ts = "1.2.840.10008.1.2."
    made = []
    for bits in (8, 10, 12, 16):
        grey = picture(bits, 1, bits)
        for near in (0, 2, 5):
            coded = imagecodecs.jpegls_encode(grey, level=near)
            made.append(write(out, f"jpegls-{bits}-near{near}", ts + ("4.80" if near == 0 else "4.81"), [coded],
                              [imagecodecs.jpegls_decode(coded)], 8 if bits == 8 else 16, "MONOCHROME2"))
        for predictor in range(1, 8):
            coded = imagecodecs.jpeg8_encode(grey, lossless=True, predictor=predictor, bitspersample=bits)
            made.append(write(out, f"lossless-{bits}-predictor{predictor}", ts + "4.57", [coded], [grey], bits, "MONOCHROME2"))
        coded = imagecodecs.htj2k_encode(grey, reversible=True)
        made.append(write(out, f"htj2k-{bits}", ts + "4.201", [coded], [grey], 8 if bits == 8 else 16, "MONOCHROME2"))
        coded = imagecodecs.jpegxl_encode(grey, lossless=True, bitspersample=bits)
        made.append(write(out, f"jpegxl-{bits}", ts + "4.110", [coded], [grey], bits, "MONOCHROME2"))
    colour = picture(8, 3, 3)
    for mode, name in ((0, "plane"), (1, "line"), (2, "sample")):
        try:
            coded = imagecodecs.jpegls_encode(colour, level=0, interleave=mode)
        except TypeError:
            if mode != 2:
                continue
            coded = imagecodecs.jpegls_encode(colour, level=0)
        made.append(write(out, f"jpegls-rgb-{name}", ts + "4.80", [coded], [colour], 8, "RGB"))
    coded = imagecodecs.jpeg8_encode(colour, lossless=True, predictor=4, colorspace="rgb", outcolorspace="rgb")
    made.append(write(out, "lossless-rgb", ts + "4.57", [coded], [colour], 8, "RGB"))
    coded = imagecodecs.jpegxl_encode(colour, lossless=True)
    made.append(write(out, "jpegxl-rgb", ts + "4.110", [coded], [colour], 8, "RGB"))
    coded = imagecodecs.jpegxl_encode(colour, level=95)
    made.append(write(out, "jpegxl-rgb-lossy", ts + "4.112", [coded], [imagecodecs.jpegxl_decode(coded)], 8, "RGB"))
    coded = imagecodecs.htj2k_encode(colour, reversible=True)
    made.append(write(out, "htj2k-rgb", ts + "4.201", [coded], [colour], 8, "YBR_RCT"))
    for level in (60, 95):
        grey = picture(12, 1, 5)
        coded = imagecodecs.jpeg8_encode(grey, level=level, bitspersample=12)
        made.append(write(out, f"jpeg12-{level}", ts + "4.51", [coded], [imagecodecs.jpeg8_decode(coded)], 12, "MONOCHROME2"))
        coded = imagecodecs.jpeg8_encode(grey, level=level, bitspersample=12, predictor=None, optimize=True)
        made.append(write(out, f"jpeg12-optimised-{level}", ts + "4.51", [coded], [imagecodecs.jpeg8_decode(coded)], 12, "MONOCHROME2"))
    deep = picture(12, 3, 6)
    for subsampling in ("444", "422", "420"):
        coded = imagecodecs.jpeg8_encode(deep, level=92, bitspersample=12, subsampling=subsampling)
        made.append(write(out, f"jpeg12-rgb-{subsampling}", ts + "4.51", [coded], [imagecodecs.jpeg8_decode(coded)], 12, "YBR_FULL_422"))
    stack = [picture(12, 1, seed) for seed in (20, 21, 22)]
    coded = [imagecodecs.jpegls_encode(one, level=0) for one in stack]
    made.append(write(out, "extended-offsets", ts + "4.80", coded, stack, 16, "MONOCHROME2", extended=True))
    made.append(write(out, "encapsulated", ts + "1.98", [one.tobytes() for one in stack], stack, 16, "MONOCHROME2"))
    deflated = [imagecodecs.deflate_encode(one.tobytes(), raw=True) for one in stack]
    made.append(write(out, "deflated-frames", ts + "8.1", [bytes(d) + b"\0" * (len(d) % 2) for d in deflated], stack, 16, "MONOCHROME2"))
    bits = [(picture(8, 1, seed)[:13, :11] > 99).astype(np.uint8) for seed in (1, 2, 3)]
    packed = np.packbits(np.stack(bits).ravel(), bitorder="little").tobytes()
    one = write(out, "single-bits", ts + "1", bits, bits, 8, "MONOCHROME2", raw=packed + b"\0" * (len(packed) % 2))
    ds = pydicom.dcmread(out / "single-bits.dcm")
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 1, 1, 0
    ds.save_as(out / "single-bits.dcm")
    made.append(one)
    json.dump(made, sys.stdout)


if __name__ == "__main__":
    {"sweep": sweep, "make": make}[sys.argv[1]](Path(sys.argv[2]))
