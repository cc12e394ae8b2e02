"""Geometry of single DICOM slices by pydicom and plain arithmetic (PS3.3 C.7.6.2.1.1).

For every folder given: 30 seeded pixels with their patient point and rescaled value, distances between pairs of them on one
slice, the area of a seeded triangle, and the orientation letters of the image's right and lower edge.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pydicom


def letters(direction):
    out = ""
    for axis in sorted(range(3), key=lambda i: -abs(direction[i])):
        if abs(direction[axis]) > 1e-4:
            out += ("LPH" if direction[axis] > 0 else "RAF")[axis]
    return out


def main():
    results = []
    for folder in sys.argv[1:]:
        files = []
        for path in sorted(Path(folder).iterdir()):
            try:
                ds = pydicom.dcmread(path, stop_before_pixels=True)
                ds.ImagePositionPatient
            except Exception:  # noqa: BLE001 - an index or something else without a place
                continue
            files.append(path)
        rng = np.random.default_rng(30)
        points, distances, areas = [], [], []
        for number in range(30):
            path = files[int(rng.integers(0, len(files)))]
            ds = pydicom.dcmread(path)
            origin = np.array(ds.ImagePositionPatient, float)
            across, down = np.array(ds.ImageOrientationPatient, float).reshape(2, 3)
            dy, dx = map(float, ds.PixelSpacing)

            def place(col, row):
                return origin + across * dx * col + down * dy * row

            corners = [(int(rng.integers(0, ds.Columns)), int(rng.integers(0, ds.Rows))) for _ in range(3)]
            (ax, ay), (bx, by), (cx, cy) = corners
            value = float(ds.pixel_array[ay, ax]) * float(ds.get("RescaleSlope", 1)) + float(ds.get("RescaleIntercept", 0))
            points.append({"file": path.name, "col": ax, "row": ay, "lps_mm": place(ax, ay).tolist(), "value": value})
            distances.append({"file": path.name, "a": [ax, ay], "b": [bx, by],
                              "mm": float(np.linalg.norm(place(ax, ay) - place(bx, by)))})
            area = 0.5 * np.linalg.norm(np.cross(place(bx, by) - place(ax, ay), place(cx, cy) - place(ax, ay)))
            areas.append({"file": path.name, "corners": corners, "mm2": float(area)})
        results.append({"points": points, "distances": distances, "areas": areas,
                        "right": letters(across), "lower": letters(down)})
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
