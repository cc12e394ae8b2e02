"""Places, sizes and values as SimpleITK gives them.

Reads a list of jobs as JSON on standard input. `{"kind": "volume", "path"}`: a NIfTI or NRRD file. `{"kind": "series",
"path"}`: a folder of one DICOM series. Prints for each the size, spacing, and for seeded voxels their physical point (LPS
millimetres) and value.
"""

import json
import sys

import numpy as np
import SimpleITK as sitk

sitk.ProcessObject.SetGlobalWarningDisplay(False)


def volume(path):
    return sitk.ReadImage(path)


def series(path):
    reader = sitk.ImageSeriesReader()
    ids = reader.GetGDCMSeriesIDs(path)
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(path, ids[0]))
    return reader.Execute()


def main():
    results = []
    for job in json.load(sys.stdin):
        image = (volume if job["kind"] == "volume" else series)(job["path"])
        size = image.GetSize()
        rng = np.random.default_rng(20261121)
        points = []
        for _ in range(job.get("points", 30)):
            index = [int(rng.integers(0, n)) for n in size]
            value = image.GetPixel(*index)
            places = index[:3]
            if len(size) == 4:
                first = image[:, :, :, 0]
                physical = first.TransformIndexToPhysicalPoint(places)
            else:
                physical = image.TransformIndexToPhysicalPoint(places)
            points.append({"index": index, "lps_mm": list(physical), "value": float(value) if np.isscalar(value) else list(value)})
        results.append({"size": list(size), "spacing": list(image.GetSpacing()), "points": points})
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
