"""Grey pipelines as pydicom works them out.

Writes DICOM files of every kind of grey pipeline into the folder named by the first argument, each with the 8-bit picture
that pydicom's modality LUT, VOI LUT and windowing give (`NAME.raw`), then takes the files named by the further arguments as
they are, and prints the list. Overlays are compared as bit masks (`NAME.overlay`).
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi, apply_windowing, pixel_array
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian

warnings.filterwarnings("ignore")


def grid(bits, signed, shape=(64, 80)):
    """Every corner of the range and a ramp through the middle."""
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    values = np.linspace(low, high, shape[0] * shape[1]).round().reshape(shape)
    return values.astype(np.int16 if signed else np.uint16)


def lut(first, entries, bits, vr):
    item = Dataset()
    item.add_new("LUTDescriptor", vr, [len(entries) % 65536, first, bits])
    item.add_new("LUTData", "OW" if len(entries) > 30000 else "US", 0)
    if len(entries) > 30000:
        item["LUTData"].value = np.asarray(entries, "<u2").tobytes()
    else:
        item["LUTData"].value = [int(v) for v in entries]
    return Sequence([item])


def base(pixels, bits, signed):
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = UID("1.2.840.10008.5.1.4.1.1.7")
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = UID("1.2.826.0.1.3680043.8.498.7")
    ds.Modality = "OT"
    ds.Rows, ds.Columns = pixels.shape
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, bits, bits - 1, int(signed)
    mask = np.uint16(2**bits - 1)
    ds.PixelData = (pixels.astype(np.uint16) & mask).astype("<u2").tobytes()
    ds["PixelData"].VR = "OW"
    return ds


def shown(ds):
    """The 8-bit picture: modality, VOI, polarity, rounded half up."""
    stored = pixel_array(ds)
    # In wider integers: pydicom subtracts the first input from 16-bit values, which overflows.
    values = apply_modality_lut(stored.astype(np.int32), ds)
    if "VOILUTSequence" in ds:
        bits = ds.VOILUTSequence[0].LUTDescriptor[2]
        t = apply_voi(values, ds, index=0).astype(np.float64) / (2**bits - 1) * 255
    else:
        out = apply_windowing(values, ds).astype(np.float64)
        if "ModalityLUTSequence" in ds:
            low, high = 0, 2 ** ds.ModalityLUTSequence[0].LUTDescriptor[2] - 1
        else:
            low = -(2 ** (ds.BitsStored - 1)) if ds.PixelRepresentation else 0
            high = low + 2**ds.BitsStored - 1
            slope, intercept = float(ds.get("RescaleSlope", 1)), float(ds.get("RescaleIntercept", 0))
            low, high = low * slope + intercept, high * slope + intercept
        t = (out - low) / (high - low) * 255
    if ds.PhotometricInterpretation == "MONOCHROME1":
        t = 255 - t
    grey = np.floor(np.clip(t, 0, 255) + 0.5).astype(np.uint8)
    if "PixelPaddingValue" in ds:
        a = ds.PixelPaddingValue
        b = ds.get("PixelPaddingRangeLimit", a)
        grey[(stored >= min(a, b)) & (stored <= max(a, b))] = 0
    return grey


def main():
    out = Path(sys.argv[1])
    listed = []

    def keep(name, ds, grey=None, overlay=None):
        path = out / f"{name}.dcm"
        ds.save_as(path, enforce_file_format=True)
        ds = pydicom.dcmread(path)
        (shown(ds) if grey is None else grey).astype(np.uint8).tofile(out / f"{name}.raw")
        if overlay is not None:
            overlay.astype(np.uint8).tofile(out / f"{name}.overlay")
        listed.append({"name": name, "path": str(path)})

    curve16 = (np.sqrt(np.arange(4096) / 4095) * 65535).round()
    for signed, bits in ((False, 12), (True, 12), (False, 16), (True, 16)):
        tag = f"{'s' if signed else 'u'}{bits}"
        grey = grid(bits, signed)
        first = -2048 if signed else 0
        for function in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
            ds = base(grey, bits, signed)
            ds.RescaleSlope, ds.RescaleIntercept = 2, -100
            ds.WindowCenter, ds.WindowWidth, ds.VOILUTFunction = 900, 1700, function
            keep(f"window-{function}-{tag}", ds)
        ds = base(grey, bits, signed)
        ds.VOILUTSequence = lut(first, curve16[::-1], 16, "SS" if signed else "US")
        keep(f"voi-lut-{tag}", ds)
        ds = base(grey, bits, signed)
        ds.VOILUTSequence = lut(first + 100, np.arange(0, 1024, 4), 10, "SS" if signed else "US")
        ds.PhotometricInterpretation = "MONOCHROME1"
        keep(f"voi-lut-short-inverse-{tag}", ds)
        ds = base(grey, bits, signed)
        ds.ModalityLUTSequence = lut(first, curve16, 16, "SS" if signed else "US")
        ds.ModalityLUTSequence[0].ModalityLUTType = "US"
        ds.WindowCenter, ds.WindowWidth = 32000, 24000
        keep(f"modality-lut-{tag}", ds)
        ds = base(grey, bits, signed)
        ds.WindowCenter, ds.WindowWidth = 500, 900
        ds.PhotometricInterpretation = "MONOCHROME1"
        ds.add_new("PixelPaddingValue", "SS" if signed else "US", int(grey.min()))
        ds.add_new("PixelPaddingRangeLimit", "SS" if signed else "US", int(grey.min()) + 300)
        keep(f"padding-inverse-{tag}", ds)
    ds = base(grid(12, False), 12, False)
    ds.VOILUTSequence = lut(0, np.arange(65536)[::-1], 16, "US")
    keep("voi-lut-65536-entries", ds)

    # Overlays: one in its own element, off the corner, and one in bit 13 of the pixels.
    ds = base(grid(12, False), 12, False)
    ds.WindowCenter, ds.WindowWidth = 2048, 4096
    words = np.frombuffer(ds.PixelData, "<u2").copy()
    inside = (np.arange(words.size) % 7 == 3).astype(np.uint16)
    ds.PixelData = (words | inside << 13).tobytes()
    ds.add_new(0x60000010, "US", 64)
    ds.add_new(0x60000011, "US", 80)
    ds.add_new(0x60000040, "CS", "G")
    ds.add_new(0x60000050, "SS", [1, 1])
    ds.add_new(0x60000100, "US", 16)
    ds.add_new(0x60000102, "US", 13)
    own = (np.add.outer(np.arange(20), np.arange(31)) % 3 == 0).astype(np.uint8)
    packed = np.packbits(own.ravel(), bitorder="little").tobytes()
    ds.add_new(0x60020010, "US", 20)
    ds.add_new(0x60020011, "US", 31)
    ds.add_new(0x60020040, "CS", "G")
    ds.add_new(0x60020050, "SS", [50, -4])
    ds.add_new(0x60020100, "US", 1)
    ds.add_new(0x60020102, "US", 0)
    ds.add_new(0x60023000, "OW", packed + b"\0" * (len(packed) % 2))
    mask = inside.reshape(64, 80).astype(np.uint8)
    placed = pydicom.Dataset(ds).overlay_array(0x6002)
    for y in range(20):
        for x in range(31):
            if placed[y, x] and 0 <= y + 49 < 64 and 0 <= x - 5 < 80:
                mask[y + 49, x - 5] = 1
    keep("overlays", ds, overlay=mask)

    for path in sys.argv[2:]:
        ds = pydicom.dcmread(path)
        name = Path(path).stem
        if "OverlayRows" in ds or (0x6000, 0x0010) in ds:
            ds.overlay_array(0x6000).astype(np.uint8).tofile(out / f"{name}.overlay")
        shown(ds).tofile(out / f"{name}.raw")
        listed.append({"name": name, "path": str(path)})
    json.dump(listed, sys.stdout)


if __name__ == "__main__":
    main()
