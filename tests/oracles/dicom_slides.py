"""Whole slides in DICOM, written by pydicom, and the planes that they were made of; beside that what OpenSlide reads.

Writes folders into the one named by the first argument and prints, as JSON, one entry a plane that is to be compared:
folder, frame, level (or the name of an associated image), shape, dtype and the raw file with the pixels.
"""

import json
import sys
from pathlib import Path

import numpy as np
import openslide
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, VLWholeSlideMicroscopyImageStorage, generate_uid

FOLDER = Path(sys.argv[1])
RESULTS = []
T = 32


def uid(*words):
    return generate_uid(prefix="1.2.826.0.1.3680043.8.498.", entropy_srcs=["shoken", *map(str, words)])


def picture(width, height, seed, channels=3, dtype=np.uint8):
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    info = np.iinfo(dtype)
    planes = [0.5 + 0.3 * np.sin(x / (9 + 3 * c) + seed) + 0.2 * np.cos(y / (7 + c) - seed * c) for c in range(channels)]
    values = np.round(np.clip(np.stack(planes, -1), 0, 1) * info.max).astype(dtype)
    return values[:, :, 0] if channels == 1 else values


def expect(folder, pixels, frame=0, level=0, associated=None, by="made"):
    raw = f"{len(RESULTS)}.raw"
    pixels = np.ascontiguousarray(pixels)
    (FOLDER / raw).write_bytes(pixels.astype(pixels.dtype.newbyteorder("<")).tobytes())
    RESULTS.append(
        {"folder": folder, "frame": frame, "level": level, "associated": associated, "shape": pixels.shape,
         "dtype": pixels.dtype.name, "raw": raw, "by": by}
    )


def tiles_of(pixels):
    """Tiles in row order, the last ones filled up."""
    height, width = pixels.shape[:2]
    pad = ((0, -height % T), (0, -width % T)) + ((0, 0),) * (pixels.ndim - 2)
    full = np.pad(pixels, pad)
    return [full[y : y + T, x : x + T] for y in range(0, height, T) for x in range(0, width, T)]


def item(**values):
    out = Dataset()
    for name, value in values.items():
        setattr(out, name, value)
    return out


def code(value, scheme, meaning):
    return item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def instance(folder, name, size, frames, *, kind="VOLUME", full=True, positions=None, paths=("1",), depths=1, spacing=0.0005,
             step=0.001, concatenation=None, absent=None, tile=T):
    """One file. `positions`: (column, row, z in micrometres, path) of each frame, counted from 0."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = VLWholeSlideMicroscopyImageStorage
    meta.MediaStorageSOPInstanceUID = uid(folder, name)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds = Dataset()
    ds.file_meta = meta
    ds.SOPClassUID, ds.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    ds.StudyInstanceUID, ds.SeriesInstanceUID = uid(folder, "study"), uid(folder, "series")
    ds.FrameOfReferenceUID, ds.Modality, ds.SeriesNumber, ds.InstanceNumber = uid(folder, "frame"), "SM", 1, 1
    ds.PatientID = ds.PatientName = ds.StudyID = ds.AccessionNumber = ds.ReferringPhysicianName = ""
    ds.PatientBirthDate = ds.PatientSex = ds.StudyDate = ds.StudyTime = ds.ContentDate = ds.ContentTime = ""
    ds.AcquisitionDateTime = "20260101000000"
    ds.Manufacturer = ds.ManufacturerModelName = ds.DeviceSerialNumber = ds.SoftwareVersions = "shoken"
    ds.ImageType = ["ORIGINAL", "PRIMARY", kind, "NONE"]
    ds.ContainerIdentifier = "C"
    ds.IssuerOfTheContainerIdentifierSequence, ds.AcquisitionContextSequence = [], []
    ds.ContainerTypeCodeSequence = [code("433466003", "SCT", "Microscope slide")]
    ds.SpecimenDescriptionSequence = [item(SpecimenIdentifier="S", SpecimenUID=uid("specimen"), SpecimenPreparationSequence=[])]
    first = frames[0]
    ds.SamplesPerPixel = 1 if first.ndim == 2 else 3
    ds.PhotometricInterpretation = "MONOCHROME2" if first.ndim == 2 else "RGB"
    if first.ndim == 3:
        ds.PlanarConfiguration = 0
    bits = first.dtype.itemsize * 8
    ds.BitsAllocated = ds.BitsStored = bits
    ds.HighBit, ds.PixelRepresentation = bits - 1, 0
    ds.Rows, ds.Columns, ds.NumberOfFrames = first.shape[0], first.shape[1], len(frames)
    ds.TotalPixelMatrixColumns, ds.TotalPixelMatrixRows = size
    ds.ImagedVolumeWidth, ds.ImagedVolumeHeight, ds.ImagedVolumeDepth = size[0] * spacing, size[1] * spacing, 0.001
    ds.TotalPixelMatrixFocalPlanes, ds.NumberOfOpticalPaths = depths, len(paths)
    ds.TotalPixelMatrixOriginSequence = [item(XOffsetInSlideCoordinateSystem=10, YOffsetInSlideCoordinateSystem=20)]
    ds.ImageOrientationSlide = [0, -1, 0, -1, 0, 0]
    ds.VolumetricProperties, ds.SpecimenLabelInImage, ds.BurnedInAnnotation = "VOLUME", "NO", "NO"
    ds.FocusMethod, ds.ExtendedDepthOfField, ds.LossyImageCompression = "AUTO", "NO", "00"
    light = code("111744", "DCM", "Brightfield illumination")
    ds.OpticalPathSequence = [
        item(OpticalPathIdentifier=path, IlluminationTypeCodeSequence=[light], IlluminationColorCodeSequence=[light],
             OpticalPathDescription=f"light {path}", ICCProfile=b"profile no " + path.encode(), ObjectiveLensPower=20)
        for path in paths
    ]
    shared = Dataset()
    shared.PixelMeasuresSequence = [item(PixelSpacing=[spacing] * 2, SliceThickness=0.001, SpacingBetweenSlices=step)]
    shared.WholeSlideMicroscopyImageFrameTypeSequence = [item(FrameType=ds.ImageType)]
    ds.DimensionOrganizationType = "TILED_FULL" if full else "TILED_SPARSE"
    if full:
        shared.OpticalPathIdentificationSequence = [item(OpticalPathIdentifier=paths[0])]
    else:
        ds.PerFrameFunctionalGroupsSequence = []
        for column, row, z, path in positions:
            place = item(
                ColumnPositionInTotalImagePixelMatrix=column + 1, RowPositionInTotalImagePixelMatrix=row + 1,
                XOffsetInSlideCoordinateSystem=10, YOffsetInSlideCoordinateSystem=20, ZOffsetInSlideCoordinateSystem=z,
            )
            group = item(PlanePositionSlideSequence=[place], OpticalPathIdentificationSequence=[item(OpticalPathIdentifier=path)])
            ds.PerFrameFunctionalGroupsSequence.append(group)
    ds.SharedFunctionalGroupsSequence = [shared]
    if concatenation:
        number, count, offset = concatenation
        ds.ConcatenationUID, ds.SOPInstanceUIDOfConcatenationSource = uid(folder, "joined"), uid(folder, "source")
        ds.InConcatenationNumber, ds.InConcatenationTotalNumber = number, count
        ds.ConcatenationFrameOffsetNumber = offset
    if absent:
        ds.RecommendedAbsentPixelCIELabValue = absent
    data = b"".join(np.ascontiguousarray(frame).tobytes() for frame in frames)
    ds.PixelData = data + b"\0" * (len(data) % 2)
    ds["PixelData"].VR = "OW" if bits == 16 else "OB"
    (FOLDER / folder).mkdir(exist_ok=True)
    ds.save_as(FOLDER / folder / name, enforce_file_format=True)


def also_openslide(folder, name, levels):
    """The same planes by OpenSlide, so that the files are what others take them for."""
    with openslide.OpenSlide(FOLDER / folder / name) as slide:
        assert list(slide.level_dimensions) == [(l.shape[1], l.shape[0]) for l in levels], slide.level_dimensions
        for number, size in enumerate(slide.level_dimensions):
            rgba = np.asarray(slide.read_region((0, 0), number, size))
            assert (rgba[:, :, 3] == 255).all(), (folder, number)
            expect(folder, rgba[:, :, :3], level=number, by=f"OpenSlide {openslide.__library_version__}")


def pyramid():
    """Three levels in four files, the finest in two parts; label, overview and thumbnail beside them."""
    levels = [picture(150, 110, 1), picture(75, 55, 2), picture(37, 27, 3)]
    frames = tiles_of(levels[0])
    instance("pyramid", "b.dcm", (150, 110), frames[:7], concatenation=(1, 2, 0))
    instance("pyramid", "a.dcm", (150, 110), frames[7:], concatenation=(2, 2, 7))
    instance("pyramid", "c.dcm", (75, 55), tiles_of(levels[1]), spacing=0.001)
    instance("pyramid", "d.dcm", (37, 27), tiles_of(levels[2]), spacing=0.002)
    beside = {"label": ("LABEL", picture(40, 30, 4)), "macro": ("OVERVIEW", picture(60, 24, 5)), "thumbnail": ("THUMBNAIL", picture(30, 22, 6))}
    for name, (kind, pixels) in beside.items():
        instance("pyramid", f"{name}.dcm", pixels.shape[1::-1], [pixels], kind=kind)
        expect("pyramid", pixels, associated=name)
    for number, pixels in enumerate(levels):
        expect("pyramid", pixels, level=number)


def whole():
    """What OpenSlide reads too: levels in one file each, every tile there."""
    levels = [picture(150, 110, 7), picture(75, 55, 8)]
    for number, pixels in enumerate(levels):
        instance("whole", f"{number}.dcm", pixels.shape[1::-1], tiles_of(pixels), spacing=0.0005 * 2**number)
    also_openslide("whole", "0.dcm", levels)
    listed = [picture(150, 110, 9)]
    frames = tiles_of(listed[0])
    order = np.random.default_rng(3).permutation(len(frames))
    positions = [(int(i) % 5 * T, int(i) // 5 * T, 0.0, "1") for i in order]
    instance("listed", "0.dcm", (150, 110), [frames[i] for i in order], full=False, positions=positions)
    also_openslide("listed", "0.dcm", listed)


def planes():
    """Two lights and three depths, all tiles there; a coarser level with the middle depth only."""
    stacks = [[picture(70, 50, 10 + 3 * light + depth) for depth in range(3)] for light in range(2)]
    frames = [tile for light in stacks for plane in light for tile in tiles_of(plane)]
    instance("planes", "0.dcm", (70, 50), frames, paths=("b", "a"), depths=3)
    coarse = [picture(35, 25, 20 + light) for light in range(2)]
    instance("planes", "1.dcm", (35, 25), [t for plane in coarse for t in tiles_of(plane)], paths=("b", "a"), spacing=0.001)
    for light in range(2):
        for depth in range(3):
            expect("planes", stacks[light][depth], frame=light * 3 + depth)
            expect("planes", coarse[light], frame=light * 3 + depth, level=1)


def sparse():
    """Two depths in 16-bit grey, some tiles left out, each depth in a file of its own."""
    made = []
    for depth in range(2):
        pixels = picture(100, 70, 30 + depth, 1, np.uint16)
        kept = [i for i in range(12) if i % 5 != depth]
        frames = tiles_of(pixels)
        places = [(i % 4 * T, i // 4 * T, depth * 2.5, "1") for i in kept]
        instance("sparse", f"{depth}.dcm", (100, 70), [frames[i] for i in kept], full=False, positions=places)
        for i in set(range(12)) - set(kept):
            pixels[i // 4 * T : i // 4 * T + T, i % 4 * T : i % 4 * T + T] = 0
        made.append(pixels)
    for depth, pixels in enumerate(made):
        expect("sparse", pixels, frame=depth)


def off_the_grid():
    """Tiles anywhere, overlapping, hanging over every edge; the rest in the colour that the file names."""
    rng = np.random.default_rng(5)
    pixels = np.full((90, 110, 3), 255, np.uint8)
    pixels[:] = (0, 0, 0)
    places, frames = [], []
    for number in range(14):
        column, row = int(rng.integers(-T + 1, 109)), int(rng.integers(-T + 1, 89))
        frame = picture(T, T, 40 + number)
        top, left, bottom, right = max(row, 0), max(column, 0), min(row + T, 90), min(column + T, 110)
        pixels[top:bottom, left:right] = frame[top - row : bottom - row, left - column : right - column]
        places.append((column, row, 0.0, "1"))
        frames.append(frame)
    instance("loose", "0.dcm", (110, 90), frames, full=False, positions=places, absent=[0, 32896, 32896])
    expect("loose", pixels)


pyramid()
whole()
planes()
sparse()
off_the_grid()
json.dump(RESULTS, sys.stdout)
